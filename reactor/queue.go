package reactor

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// queue carries functions from any goroutine to the loop, in order. The queue
// has the only lock of the reactor, and no bound, so that posting never blocks
// and is never refused. Code that posts on behalf of a peer must limit its
// posts.
//
// The functions lie in linked chunks, so that a burst is not copied. Chunks are
// reused, so that a steady flow does not allocate. While the loop sleeps the
// queue is empty, and the next function is handed over without the lock.
type queue struct {
	mu    sync.Mutex // guards the following
	head  *chunk     // never nil until the end
	tail  *chunk
	n     int // functions from head to tail
	free  *chunk
	frees int   // chunks in free
	ended bool  // nothing will be run any more
	stats Stats // as published last

	posted   atomic.Bool // n > 0; changed with the lock held
	sleeping atomic.Bool // set by the loop; the goroutine that clears sleeping sends one function to wake
	wake     chan func()
}

// chunk holds some of the functions of a queue.
type chunk struct {
	next  *chunk
	n     int
	funcs [chunkLen]func()
}

const (
	chunkLen  = 510 // a chunk is 4 KiB
	keepFrees = 64  // chunks kept for reuse

	// crowded is the length of the queue from which on posting goroutines let
	// others run now and then, among them the loop. A long queue without a
	// bound costs memory.
	crowded = keepFrees * chunkLen / 2
)

func (q *queue) init() {
	q.wake = make(chan func(), 1)
	q.head = new(chunk)
	q.tail = q.head
}

// post brings f to the loop. post returns false once the loop has ended.
//
// A function that is handed over runs before those in the queue. That keeps the
// order, because a goroutine that has queued a function before finds the queue
// not empty. The last step wakes a loop that saw the queue empty, and fell
// asleep, while f was being queued.
func (q *queue) post(f func()) bool {
	if !q.posted.Load() && q.handOver(f) {
		return true
	}
	if !q.append(f) {
		return false
	}
	q.handOver(nop)
	return true
}

// handOver wakes the loop with f if the loop sleeps.
func (q *queue) handOver(f func()) bool {
	if q.sleeping.Load() && q.sleeping.CompareAndSwap(true, false) {
		q.wake <- f
		return true
	}
	return false
}

func (q *queue) append(f func()) bool {
	q.mu.Lock()
	if q.ended {
		q.mu.Unlock()
		return false
	}
	if q.tail.n == chunkLen {
		q.tail.next = q.fresh()
		q.tail = q.tail.next
	}
	q.tail.funcs[q.tail.n] = f
	q.tail.n++
	q.n++
	if !q.posted.Load() {
		q.posted.Store(true)
	}
	yield := q.tail.n == chunkLen && q.n > crowded
	q.mu.Unlock()
	if yield {
		runtime.Gosched()
	}
	return true
}

// sleep waits for a function and returns it. sleep returns nil at once if the
// queue is not empty.
func (q *queue) sleep() func() {
	if q.posted.Load() {
		return nil
	}
	q.sleeping.Store(true)
	if q.posted.Load() && q.sleeping.CompareAndSwap(true, false) {
		return nil
	}
	return <-q.wake
}

// take removes all n functions posted so far and returns them in chunks. Each
// chunk must be given to recycle. take also publishes the loop's statistics.
func (q *queue) take(stats *Stats) (batch *chunk, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats = *stats
	if q.n == 0 {
		return nil, 0
	}
	batch, n = q.head, q.n
	q.head = q.fresh()
	q.tail, q.n = q.head, 0
	q.posted.Store(false)
	return batch, n
}

// fresh returns an empty chunk. The lock must be held.
func (q *queue) fresh() *chunk {
	c := q.free
	if c == nil {
		return new(chunk)
	}
	q.free, c.next = c.next, nil
	q.frees--
	return c
}

// recycle keeps a chunk for reuse, after its functions have run, and returns
// the chunk after it.
func (q *queue) recycle(c *chunk) (next *chunk) {
	next = c.next
	clear(c.funcs[:c.n]) // for the garbage collector
	c.n = 0
	c.next = nil
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.frees < keepFrees && !q.ended {
		c.next, q.free = q.free, c
		q.frees++
	}
	return next
}

// end drops the queued functions and makes post return false from now on.
func (q *queue) end(stats *Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats = *stats
	q.ended = true
	q.head, q.tail, q.free = nil, nil, nil
	q.n = 0
	q.posted.Store(true) // no post hands over any more
}
