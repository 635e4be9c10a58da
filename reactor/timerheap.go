package reactor

// timerEntry is an entry of the queue of delayed calls. The keys are stored
// with the pointer, so that sorting does not read the calls.
type timerEntry struct {
	when  int64 // nanoseconds since the epoch
	order int64 // among equal times
	call  *DelayedCall
}

// stale reports whether the call has since been called, cancelled, or moved to
// another time. A call that was moved and moved back has two entries that are
// not stale. Either may be used.
func (e timerEntry) stale() bool { return e.when<<stateBits != e.call.due }

func (e *timerEntry) before(o *timerEntry) bool {
	return e.when < o.when || e.when == o.when && e.order < o.order
}

func (e timerEntry) compare(o timerEntry) int {
	switch {
	case e.before(&o):
		return -1
	case o.before(&e):
		return 1
	}
	return 0
}

// timerHeap is a heap with four children per node. The depth is half that of a
// binary heap, and siblings share a cache line or two. Entries are stored in
// chunks, so that growing copies nothing and leaves no spare room.
type timerHeap struct {
	chunks []*heapChunk
	n      int
}

const heapChunkBits = 8

type heapChunk [1 << heapChunkBits]timerEntry

func (h *timerHeap) at(i int) *timerEntry {
	return &h.chunks[i>>heapChunkBits][i&(1<<heapChunkBits-1)]
}

func (h *timerHeap) push(e timerEntry) {
	if h.n == len(h.chunks)<<heapChunkBits {
		h.chunks = append(h.chunks, new(heapChunk))
	}
	h.n++
	h.up(h.n-1, e)
}

func (h *timerHeap) pop() timerEntry {
	top, last := *h.at(0), *h.at(h.n - 1)
	h.truncate(h.n - 1)
	if h.n > 0 {
		h.down(0, last)
	}
	return top
}

// truncate drops the entries from n on. truncate keeps a spare chunk, so that a
// heap that grows and shrinks by one does not allocate each time.
func (h *timerHeap) truncate(n int) {
	keep := (n+len(heapChunk{})-1)>>heapChunkBits + 1
	if len(h.chunks) > keep {
		clear(h.chunks[keep:])
		h.chunks = h.chunks[:keep]
	}
	for h.n = min(h.n, len(h.chunks)<<heapChunkBits); h.n > n; h.n-- {
		*h.at(h.n - 1) = timerEntry{}
	}
}

// up stores e in the free place i or, if e is less than the parents, nearer to
// the root.
func (h *timerHeap) up(i int, e timerEntry) {
	for i > 0 {
		parent := h.at((i - 1) / 4)
		if !e.before(parent) {
			break
		}
		*h.at(i) = *parent
		i = (i - 1) / 4
	}
	*h.at(i) = e
}

// down stores e in the free place i or, if e is greater than the children,
// nearer to the leaves.
func (h *timerHeap) down(i int, e timerEntry) {
	for 4*i+1 < h.n {
		least := 4*i + 1
		child := h.at(least)
		for c := least + 1; c < min(4*i+5, h.n); c++ {
			if other := h.at(c); other.before(child) {
				least, child = c, other
			}
		}
		if !child.before(&e) {
			break
		}
		*h.at(i) = *child
		i = least
	}
	*h.at(i) = e
}

// deleteStale removes the stale entries.
func (h *timerHeap) deleteStale() {
	kept := 0
	for i := range h.n {
		if e := *h.at(i); !e.stale() {
			*h.at(kept) = e
			kept++
		}
	}
	h.truncate(kept)
	for i := (h.n - 2) / 4; i >= 0 && h.n > 1; i-- {
		h.down(i, *h.at(i))
	}
}

func (h *timerHeap) entries() []timerEntry {
	all := make([]timerEntry, h.n)
	for i := range all {
		all[i] = *h.at(i)
	}
	return all
}
