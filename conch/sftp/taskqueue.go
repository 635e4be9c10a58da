package sftp

import (
	"github.com/hawser-go/hawser/deferred"
)

// line runs functions that may block on threads, one after another in the order given. It belongs to the loop.
type taskQueue struct {
	loop  loop
	queue []item
	busy  bool
}

// item is a function in a line: run is called on a thread, or fail on the loop if there is none to be had.
type item struct {
	run  func()
	fail func(error)
}

func (l *taskQueue) add(i item) {
	l.queue = append(l.queue, i)
	if !l.busy {
		l.start()
	}
}

// start takes what waits to a thread.
func (l *taskQueue) start() {
	batch := l.queue
	l.queue, l.busy = nil, true
	err := l.loop.CallInThread(func() {
		for _, i := range batch {
			i.run()
		}
		l.loop.CallFromThread(l.ended)
	})
	if err == nil {
		return
	}
	l.busy = false
	for _, i := range batch {
		i.fail(err)
	}
}

func (l *taskQueue) ended() {
	l.busy = false
	if len(l.queue) > 0 {
		l.start()
	}
}

// idle waits until everything on the line is done. If that is cancelled it does not wait any longer.
func (l *taskQueue) idle(co *deferred.Coro) {
	_, _ = deferred.Await(co, do(l, func() error { return nil }))
}

// threaded runs f on the line and fires with its result. If the Deferred is cancelled f runs all the same, and drop, if it is not nil, is given
// what it made, on the loop.
func threaded[T any](l *taskQueue, f func() (T, error), drop func(T)) deferred.Deferred[T] {
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
	l.add(item{
		run: func() {
			v, err := protect(f)
			l.loop.CallFromThread(func() { finish(v, err) })
		},
		fail: func(err error) {
			var none T
			finish(none, err)
		},
	})
	return d
}

// protect calls f and makes a panic in it an error.
func protect[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = deferred.NewPanicError(r)
		}
	}()
	return f()
}

// do is threaded for a function without result.
func do(l *taskQueue, f func() error) deferred.Deferred[struct{}] {
	return threaded(l, func() (struct{}, error) { return struct{}{}, f() }, nil)
}
