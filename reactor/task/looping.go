package task

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

var (
	// ErrNegativeInterval is the panic value of LoopingCall.Start with a negative interval (R138).
	ErrNegativeInterval = errors.New("task: negative interval")

	// ErrLoopRunning is the panic value of LoopingCall.Start on one that runs (R139).
	ErrLoopRunning = errors.New("task: the looping call runs already")

	// ErrLoopNotRunning is the panic value of LoopingCall.Stop and Reset on one that does not run (R139).
	ErrLoopNotRunning = errors.New("task: the looping call does not run")
)

// LoopingCall calls a function at the times start + k × interval. A call that comes late does not move the later ones, and times that have
// passed are skipped (R146, R147). If the function answers with a Deferred, the next call waits for it (R144). Make one with NewLoopingCall
// or its like; it can be started again after it has ended.
type LoopingCall struct {
	clock    reactor.Clock
	f        func(count int) deferred.Deferred[struct{}]
	name     string
	interval time.Duration
	run      *loopRun // nil when it does not run
}

// loopRun is the time from a Start to its end.
type loopRun struct {
	l     *LoopingCall
	done  deferred.Deferred[*LoopingCall]
	start time.Time            // the grid
	last  time.Time            // of the last call, or what stands for it
	next  *reactor.DelayedCall // nil while the function runs, or its Deferred is waited for
}

// NewLoopingCall returns a LoopingCall for f. An error or a panic in f ends the loop.
func NewLoopingCall(clock reactor.Clock, f func() error) *LoopingCall {
	return newLoopingCall(clock, f, func(int) deferred.Deferred[struct{}] { return outcome(f()) })
}

// NewLoopingCallDeferred returns a LoopingCall for a function that answers with a Deferred. The zero Deferred means that there is nothing to
// wait for. A failure ends the loop.
func NewLoopingCallDeferred(clock reactor.Clock, f func() deferred.Deferred[struct{}]) *LoopingCall {
	return newLoopingCall(clock, f, func(int) deferred.Deferred[struct{}] { return f() })
}

// WithCount returns a LoopingCall for a function that is told how many times of the grid have come since its last call: 1 as a rule, more if
// some were skipped (R153 to R157).
func WithCount(clock reactor.Clock, f func(count int) error) *LoopingCall {
	return newLoopingCall(clock, f, func(count int) deferred.Deferred[struct{}] { return outcome(f(count)) })
}

func newLoopingCall(clock reactor.Clock, named any, f func(int) deferred.Deferred[struct{}]) *LoopingCall {
	name := runtime.FuncForPC(reflect.ValueOf(named).Pointer()).Name()
	return &LoopingCall{clock: clock, f: f, name: name}
}

func outcome(err error) (none deferred.Deferred[struct{}]) {
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	return none
}

// Start begins to call the function, at once if now is true, else after the first interval (R136). It returns a Deferred that fires with the
// LoopingCall when it is stopped, and fails with the error that ends it (R137, R140). Cancelling that does not stop the loop (R160).
func (l *LoopingCall) Start(interval time.Duration, now bool) deferred.Deferred[*LoopingCall] {
	switch {
	case interval < 0:
		panic(ErrNegativeInterval)
	case l.run != nil:
		panic(ErrLoopRunning)
	}
	r := &loopRun{l: l, done: deferred.New[*LoopingCall](), start: l.clock.Now()}
	l.interval, l.run = interval, r
	if now {
		r.last = r.start.Add(-interval)
		r.call()
	} else {
		r.last = r.start
		r.schedule()
	}
	return r.done
}

// Stop ends the loop. The Deferred of Start fires at once, or when the present call is over (R142, R143). It panics with ErrLoopNotRunning if
// it does not run.
func (l *LoopingCall) Stop() {
	r := l.mustRun()
	l.run = nil
	if r.next != nil {
		_ = r.next.Cancel() // it is pending
		r.finish(nil)
	}
}

// Reset skips the coming call and begins a new grid now (R150). While the function runs, or its Deferred is waited for, it has no effect
// (R151). It panics with ErrLoopNotRunning if it does not run.
func (l *LoopingCall) Reset() {
	r := l.mustRun()
	if r.next == nil {
		return
	}
	_ = r.next.Cancel() // it is pending
	r.start = l.clock.Now()
	r.last = r.start
	r.schedule()
}

// Running reports whether the loop was started and has not been stopped.
func (l *LoopingCall) Running() bool { return l.run != nil }

// String shows the interval and the function's name (R163).
func (l *LoopingCall) String() string { return fmt.Sprintf("<LoopingCall %v %s>", l.interval, l.name) }

func (l *LoopingCall) mustRun() *loopRun {
	if l.run == nil {
		panic(ErrLoopNotRunning)
	}
	return l.run
}

// call calls the function and goes on when it is done.
func (r *loopRun) call() {
	r.next = nil
	d := deferred.MaybeDeferred(func() deferred.Deferred[struct{}] { return r.l.f(r.count()) })
	if d == (deferred.Deferred[struct{}]{}) {
		r.called(nil)
		return
	}
	d.AddBoth(func(v struct{}, err error) (struct{}, error) {
		r.called(err)
		return v, nil
	})
}

// called is told of the outcome of a call.
func (r *loopRun) called(err error) {
	switch {
	case err != nil:
		if r.l.run == r {
			r.l.run = nil
		}
		r.finish(err)
	case r.l.run == r:
		r.schedule()
	default:
		r.finish(nil)
	}
}

// finish fires the Deferred of Start, unless its owner has cancelled it.
func (r *loopRun) finish(err error) {
	if err != nil {
		_ = r.done.TryErrback(err)
		return
	}
	_ = r.done.TryCallback(r.l)
}

// schedule arranges for the next call: at the first time of the grid in the future.
func (r *loopRun) schedule() {
	interval := r.l.interval
	if interval == 0 {
		r.next = r.l.clock.CallLater(0, r.call)
		return
	}
	passed := r.l.clock.Now().Sub(r.start)
	r.next = r.l.clock.CallLater(interval-passed%interval, r.call)
}

// count returns how many times of the grid have come since the last call.
func (r *loopRun) count() int {
	now, interval := r.l.clock.Now(), r.l.interval
	if interval == 0 {
		return 1
	}
	n := r.index(now) - r.index(r.last)
	r.last = now
	return n
}

// index returns the number of the last time of the grid up to t; t is not before the one with the number -1.
func (r *loopRun) index(t time.Time) int {
	return int((t.Sub(r.start)+r.l.interval)/r.l.interval) - 1
}
