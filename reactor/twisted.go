package reactor

import (
	"context"
	"slices"
	"sync"

	"github.com/hawser-go/hawser/deferred"
)

// The names of this file are for programs ported from Twisted. New code does
// not need them.

// Default returns the reactor of the process, for ported code that expects a
// global one. The first call makes it, with zero Options. Any goroutine may
// call Default.
func Default() *Reactor { return defaultReactor() }

var defaultReactor = sync.OnceValue(func() *Reactor { return New(Options{}) })

// BlockingCallFromThread is Await without a context.
func BlockingCallFromThread[T any](r *Reactor, f func() deferred.Deferred[T]) (T, error) {
	return Await(context.Background(), r, f)
}

// CallMultipleInThread runs functions one after another in one thread of the
// reactor's pool. An error or a panic ends the list and is logged. Any
// goroutine may call CallMultipleInThread. The errors are those of
// ThreadPool.CallInThread.
func (r *Reactor) CallMultipleInThread(fs ...func() error) error {
	return r.pool.CallInThread(func() {
		for _, f := range fs {
			if err := f(); err != nil {
				r.logger().Error("reactor: error in a function given to CallMultipleInThread", "err", err)
				return
			}
		}
	})
}

// SuggestThreadPoolSize is ThreadPool().AdjustPoolSize. Any goroutine may call
// SuggestThreadPoolSize.
func (r *Reactor) SuggestThreadPoolSize(maximum int) { r.pool.AdjustPoolSize(maximum) }

// GetDelayedCalls returns the pending calls, by due time. Call GetDelayedCalls
// on the loop, or before Run.
func (r *Reactor) GetDelayedCalls() []*DelayedCall {
	r.mustBeOnLoop("GetDelayedCalls")
	return r.timers.GetDelayedCalls()
}

// GetDelayedCalls returns the pending calls, by due time.
func (t *Timers) GetDelayedCalls() []*DelayedCall {
	entries := slices.Concat(t.heap.entries(), t.added)
	slices.SortFunc(entries, timerEntry.compare)
	calls := make([]*DelayedCall, 0, t.live)
	seen := make(map[*DelayedCall]bool)
	for _, e := range entries {
		if !e.stale() && !seen[e.call] {
			seen[e.call] = true
			calls = append(calls, e.call)
		}
	}
	return calls
}

// FireSystemEvent runs the triggers of an event, which may be one of your own.
// FireSystemEvent returns before the event is over if a "before" trigger
// returned a Deferred that has not fired. FireSystemEvent does nothing while
// the event is in progress. Call FireSystemEvent on the loop, or before Run.
func (r *Reactor) FireSystemEvent(name string) {
	r.mustBeOnLoop("FireSystemEvent")
	r.fireEvent(r.event(name))
}
