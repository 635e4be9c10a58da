package deferred

import "iter"

// links is a queue of the links of a chain that have not run. The first two lie in it, which spares short chains an allocation, and the
// others in blocks, which are not copied when more come.
type links struct {
	inline [2]link
	more   *linkBlock // the last block, whose next is the first one; nil if there is none
	n      int32      // links in the queue
	taken  uint8      // of inline
}

// linkBlock has room for so many links that ten callbacks need one block.
type linkBlock struct {
	next   *linkBlock
	links  [8]link
	taken  uint8
	filled uint8
}

// add appends a link.
func (q *links) add(l link) {
	if used := int32(q.taken) + q.n; q.more == nil && used < int32(len(q.inline)) {
		q.inline[used] = l
	} else {
		q.addToBlock(l)
	}
	q.n++
}

func (q *links) addToBlock(l link) {
	last := q.more
	switch {
	case last == nil:
		last = new(linkBlock)
		last.next = last
		q.more = last
	case int(last.filled) == len(last.links):
		last = &linkBlock{next: last.next}
		q.more.next = last
		q.more = last
	}
	last.links[last.filled] = l
	last.filled++
}

// take removes and returns the first link; there must be one. Its place stays free until the next take, or forget.
func (q *links) take() (l link) {
	q.n--
	if q.more == nil || int(q.taken) < len(q.inline) {
		l, q.inline[q.taken] = q.inline[q.taken], nil
		q.taken++
		return l
	}
	first := q.more.next
	if int(first.taken) == len(first.links) {
		first = first.next
		q.more.next = first
	}
	l, first.links[first.taken] = first.links[first.taken], nil
	first.taken++
	return l
}

// putBack makes l the first link, in the place of the one that was taken last.
func (q *links) putBack(l link) {
	q.n++
	if q.more != nil && q.more.next.taken > 0 {
		first := q.more.next
		first.taken--
		first.links[first.taken] = l
		return
	}
	q.taken--
	q.inline[q.taken] = l
}

// forget makes all room of an empty queue free again.
func (q *links) forget() { q.more, q.taken = nil, 0 }

// all yields the links in the queue, first one first. The queue may not change
// meanwhile.
func (q *links) all() iter.Seq[link] {
	return func(yield func(link) bool) {
		for _, l := range q.inline {
			if l != nil && !yield(l) {
				return
			}
		}
		if q.more == nil {
			return
		}
		for block := q.more.next; ; block = block.next {
			for _, l := range block.links[block.taken:block.filled] {
				if !yield(l) {
					return
				}
			}
			if block == q.more {
				return
			}
		}
	}
}
