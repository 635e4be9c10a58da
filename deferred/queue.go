package deferred

import "errors"

var (
	// ErrQueueOverflow is returned by Put if the queue is full.
	ErrQueueOverflow = errors.New("deferred: queue overflow; the queue stores no more objects, wait or give NewQueue a larger size")

	// ErrQueueUnderflow is the failure of a Get if too many Gets wait already.
	ErrQueueUnderflow = errors.New("deferred: queue underflow; no more Gets may wait, give NewQueue a larger backlog")
)

// Unlimited is a size or backlog of a Queue without a limit.
const Unlimited = -1

// Queue passes objects from Put to Get in the order of the Puts. Either side
// may come first: objects are stored until a Get takes them, and Gets wait
// until an object is put.
//
// A Queue belongs to one goroutine, where it connects several chains of
// callbacks; several goroutines need a channel. Make a Queue with NewQueue.
type Queue[T any] struct {
	size, backlog int
	objects       []T
	waiting       waitList[T]
}

// NewQueue returns a queue that stores at most size objects, and in which at
// most backlog Gets may wait. Either limit may be Unlimited.
func NewQueue[T any](size, backlog int) *Queue[T] { return &Queue[T]{size: size, backlog: backlog} }

// Put gives v to the Get that has waited longest, whose callbacks run before
// Put returns. If no Get waits, Put stores v, or returns ErrQueueOverflow if
// there is no room. A queue with a size of zero stores nothing.
//
// Put panics with ErrDeferredValue if v is a Deferred, which can only happen in
// a Queue[any]; the queue is unchanged then.
func (q *Queue[T]) Put(v T) error {
	if _, isDeferred := asWaitable(v); isDeferred {
		panic(ErrDeferredValue)
	}
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

// Get returns a Deferred that fires with the next object. If an object is
// stored, the Deferred has already fired. Else it waits for a Put, first come,
// first served; cancelling the Deferred gives up the place in the queue.
//
// If backlog Gets wait already, the Deferred has failed with ErrQueueUnderflow.
// With a backlog of zero no Get may wait.
func (q *Queue[T]) Get() Deferred[T] {
	switch {
	case len(q.objects) > 0:
		return Succeed(q.shift())
	case q.backlog >= 0 && q.waiting.list.Len() >= q.backlog:
		return Fail[T](ErrQueueUnderflow)
	}
	return q.waiting.add()
}

// Len returns the number of stored objects.
func (q *Queue[T]) Len() int { return len(q.objects) }

func (q *Queue[T]) shift() T {
	var none T
	v := q.objects[0]
	q.objects[0] = none
	if q.objects = q.objects[1:]; len(q.objects) == 0 {
		q.objects = nil // frees the memory of a long queue
	}
	return v
}
