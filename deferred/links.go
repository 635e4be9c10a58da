package deferred

import "iter"

// links is the queue of a chain's links that have not run. The first two links
// are stored in the queue itself, which saves short chains an allocation.
// Further links are stored in blocks, so that adding never copies.
type links struct {
	inline [2]link
	more   *linkBlock // the last block, whose next is the first block; nil without blocks
	n      int32      // number of links in the queue
	taken  uint8      // number of links taken from inline
}

// linkBlock stores eight links: with the two inline links, ten callbacks need
// one block.
type linkBlock struct {
	next   *linkBlock // the last block points to the first
	links  [8]link
	taken  uint8 // number of links taken from the block
	filled uint8 // number of links added to the block
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

// take removes and returns the first link. The queue must not be empty. The
// place of the link stays free for putBack until the next take or forget.
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

// putBack makes l the first link, in the place freed by take, which must have
// been called before.
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

// forget makes all places of an empty queue free again.
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
