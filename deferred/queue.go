package deferred

import "errors"

var (
	// ErrQueueOverflow is what Put returns when the queue is full (D295).
	ErrQueueOverflow = errors.New("deferred: queue overflow")

	// ErrQueueUnderflow is the failure of a Get when as many wait as may (D296).
	ErrQueueUnderflow = errors.New("deferred: queue underflow")
)

// Unlimited is a limit of a Queue that is none.
const Unlimited = -1

// Queue holds objects for those who ask for them, and those who ask when there is none. It is not for several goroutines, but for several
// chains of callbacks of one. Make one with NewQueue.
type Queue[T any] struct {
	size, backlog int
	objects       []T
	waiting       waitList[T]
}

// NewQueue returns a queue that stores at most size objects and lets at most backlog Gets wait; either may be Unlimited.
func NewQueue[T any](size, backlog int) *Queue[T] { return &Queue[T]{size: size, backlog: backlog} }

// Put hands v to the first Get that waits, whose callbacks run before Put returns, or stores it (D293, D294). It returns ErrQueueOverflow if
// there is no room; with a size of zero there is never any.
func (q *Queue[T]) Put(v T) error {
	if next, ok := q.waiting.take(); ok {
		next.Callback(v)
		return nil
	}
	if q.size >= 0 && len(q.objects) >= q.size {
		return ErrQueueOverflow
	}
	q.objects = append(q.objects, v)
	return nil
}

// Get returns a Deferred that fires with the next object: at once if one is stored, else when one is put, first come, first served.
// It has failed with ErrQueueUnderflow if too many wait already; with a backlog of zero nobody may wait. Cancelling it gives up the
// place in the queue (D298).
func (q *Queue[T]) Get() Deferred[T] {
	switch {
	case len(q.objects) > 0:
		return Succeed(q.shift())
	case q.backlog >= 0 && q.waiting.list.Len() >= q.backlog:
		return Fail[T](ErrQueueUnderflow)
	}
	return q.waiting.add()
}

// Len returns how many objects are stored.
func (q *Queue[T]) Len() int { return len(q.objects) }

func (q *Queue[T]) shift() T {
	var none T
	v := q.objects[0]
	q.objects[0] = none
	q.objects = q.objects[1:]
	return v
}
