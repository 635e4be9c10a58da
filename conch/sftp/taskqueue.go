package sftp

import (
	"github.com/hawser-go/hawser/deferred"
)

// taskQueue runs functions that may block on threads, one at a time, in the order
// of the calls. Its methods belong to the loop.
type taskQueue struct {
	loop  loop
	queue []item
	busy  bool
}

// item is a function in a queue. run is called on a thread, or fail on the loop if
// no thread can be had.
type item struct {
	run  func()
	fail func(error)
}

func (q *taskQueue) add(i item) {
	q.queue = append(q.queue, i)
	if !q.busy {
		q.start()
	}
}

// start runs the functions that wait on a thread.
func (q *taskQueue) start() {
	batch := q.queue
	q.queue, q.busy = nil, true
	err := q.loop.CallInThread(func() {
		for _, i := range batch {
			i.run()
		}
		q.loop.CallFromThread(q.ended)
	})
	if err == nil {
		return
	}
	q.busy = false
	for _, i := range batch {
		i.fail(err)
	}
}

func (q *taskQueue) ended() {
	q.busy = false
	if len(q.queue) > 0 {
		q.start()
	}
}

// idle waits until the functions in the queue have run. If the wait is cancelled,
// it returns false, and one may still run.
func (q *taskQueue) idle(co *deferred.Coro) bool {
	_, err := deferred.Await(co, do(q, func() error { return nil }))
	return err == nil
}

// threaded runs f in the queue and fires with the result. If the Deferred is
// cancelled, f runs all the same, and drop, if not nil, is called on the loop with
// the value.
func threaded[T any](q *taskQueue, f func() (T, error), drop func(T)) deferred.Deferred[T] {
	gone := false
	d := deferred.New(func(deferred.Deferred[T]) { gone = true })
	finish := func(v T, err error) {
		switch {
		case gone && err == nil && drop != nil:
			drop(v)
		case gone:
		case err != nil:
			d.Errback(err)
		default:
			d.Callback(v)
		}
	}
	q.add(item{
		run: func() {
			v, err := protect(f)
			q.loop.CallFromThread(func() { finish(v, err) })
		},
		fail: func(err error) {
			var none T
			finish(none, err)
		},
	})
	return d
}

// protect calls f and turns a panic into an error.
func protect[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = deferred.NewPanicError(r)
		}
	}()
	return f()
}

// do is threaded for a function without a result.
func do(q *taskQueue, f func() error) deferred.Deferred[struct{}] {
	return threaded(q, func() (struct{}, error) { return struct{}{}, f() }, nil)
}
