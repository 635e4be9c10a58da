package task

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var (
	// ErrNegativeInterval is the panic value of LoopingCall.Start for a
	// negative interval.
	ErrNegativeInterval = errors.New("task: LoopingCall.Start with a negative interval")

	// ErrLoopRunning is the panic value of LoopingCall.Start on a LoopingCall
	// that is running.
	ErrLoopRunning = errors.New("task: the LoopingCall is already running; stop it first")

	// ErrLoopNotRunning is the panic value of LoopingCall.Stop and Reset on a
	// LoopingCall that is not running.
	ErrLoopNotRunning = errors.New("task: the LoopingCall is not running; see its method Running")
)

// LoopingCall calls a function at the times start + k × interval. A late call
// does not move the following ones. Times that have passed are skipped. If the
// function returns a Deferred, the next call waits until that has fired.
//
// Make one with NewLoopingCall, NewLoopingCallDeferred, WithCount or
// WithCountDeferred. It can be started again after it has ended.
type LoopingCall struct {
	clock    reactor.Clock
	f        func(count int) deferred.Deferred[struct{}]
	name     string // of the caller's function
	interval time.Duration
	run      *loopRun // nil when not running
}

// loopRun is one run of a LoopingCall, from Start to the end.
type loopRun struct {
	l     *LoopingCall
	done  deferred.Deferred[*LoopingCall]
	start time.Time
	last  time.Time            // counts begin here: the last call, or start
	next  *reactor.DelayedCall // nil while a call is in progress
}

// NewLoopingCall returns a LoopingCall for f. An error or a panic of f ends the
// loop.
func NewLoopingCall(clock reactor.Clock, f func() error) *LoopingCall {
	return newLoopingCall("task: NewLoopingCall", clock, f, func(int) deferred.Deferred[struct{}] { return result(f()) })
}

// NewLoopingCallDeferred returns a LoopingCall for f. The next call waits until
// the Deferred that f returns has fired; the zero Deferred counts as fired. A
// failure or a panic ends the loop.
func NewLoopingCallDeferred(clock reactor.Clock, f func() deferred.Deferred[struct{}]) *LoopingCall {
	return newLoopingCall("task: NewLoopingCallDeferred", clock, f, func(int) deferred.Deferred[struct{}] { return f() })
}

// WithCount is like NewLoopingCall for a function that is passed the number of
// intervals since its last call: usually 1, more if calls were skipped. The
// first call counts 1 if Start calls it at once. With interval 0 the count is
// always 1.
func WithCount(clock reactor.Clock, f func(count int) error) *LoopingCall {
	return newLoopingCall("task: WithCount", clock, f, func(n int) deferred.Deferred[struct{}] { return result(f(n)) })
}

// WithCountDeferred is like NewLoopingCallDeferred for a function that is
// passed a count, as by WithCount. The count includes the intervals that were
// skipped while a Deferred of f was pending.
func WithCountDeferred(clock reactor.Clock, f func(count int) deferred.Deferred[struct{}]) *LoopingCall {
	return newLoopingCall("task: WithCountDeferred", clock, f, f)
}

// newLoopingCall returns a LoopingCall for f. given is the function that the
// caller has passed; String shows its name.
func newLoopingCall(caller string, clock reactor.Clock, given any, f func(int) deferred.Deferred[struct{}]) *LoopingCall {
	arg.NotNil(caller, "clock", clock)
	arg.NotNil(caller, "function", given)
	name := runtime.FuncForPC(reflect.ValueOf(given).Pointer()).Name()
	return &LoopingCall{clock: clock, f: f, name: name}
}

// result returns the zero Deferred, or a failed one if err is not nil.
func result(err error) (none deferred.Deferred[struct{}]) {
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	return none
}

// Start begins to call the function: before Start returns if now is true, else
// after the first interval. With interval 0, calls follow each other without
// delay, one per iteration of the loop.
//
// The Deferred fires with the LoopingCall after Stop. It fails with the error
// or failure of the function, or with a *deferred.PanicError. Cancelling it
// does not stop the loop.
//
// Start panics with ErrNegativeInterval or ErrLoopRunning.
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

// Stop ends the loop. If a call is in progress, the Deferred of Start fires
// when that call has ended, otherwise before Stop returns. Stop panics with
// ErrLoopNotRunning if the loop is not running.
func (l *LoopingCall) Stop() {
	r := l.mustRun()
	l.run = nil
	if r.next != nil {
		_ = r.next.Cancel() // cannot fail: the call is pending
		r.finish(nil)
	}
}

// Reset skips the next call. The following ones come one interval after Reset,
// two intervals, and so on. While a call is in progress, Reset has no effect.
// It panics with ErrLoopNotRunning if the loop is not running.
func (l *LoopingCall) Reset() {
	r := l.mustRun()
	if r.next == nil {
		return
	}
	_ = r.next.Cancel() // cannot fail: the call is pending
	r.start = l.clock.Now()
	r.last = r.start
	r.schedule()
}

// Running reports whether Start was called, and since then neither Stop nor the
// function has ended the loop.
func (l *LoopingCall) Running() bool { return l.run != nil }

// String returns the interval of the last Start and the name of the function.
func (l *LoopingCall) String() string { return fmt.Sprintf("<LoopingCall %v %s>", l.interval, l.name) }

func (l *LoopingCall) mustRun() *loopRun {
	if l.run == nil {
		panic(ErrLoopNotRunning)
	}
	return l.run
}

// call calls the function. The loop continues when the call has ended.
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

// called schedules the next call, or ends the run.
func (r *loopRun) called(err error) {
	running := r.l.run == r
	switch {
	case err != nil:
		if running {
			r.l.run = nil
		}
		r.finish(err)
	case running:
		r.schedule()
	default:
		r.finish(nil)
	}
}

// finish fires the Deferred of Start, which may have been cancelled.
func (r *loopRun) finish(err error) {
	if err != nil {
		_ = r.done.TryErrback(err)
		return
	}
	_ = r.done.TryCallback(r.l)
}

// schedule schedules the next call for the first time start + k × interval
// that is in the future.
func (r *loopRun) schedule() {
	interval := r.l.interval
	if interval == 0 {
		r.next = r.l.clock.CallLater(0, r.call)
		return
	}
	passed := r.l.clock.Now().Sub(r.start)
	r.next = r.l.clock.CallLater(interval-passed%interval, r.call)
}

// count returns the number of intervals since the last call.
func (r *loopRun) count() int {
	if r.l.interval == 0 {
		return 1
	}
	now := r.l.clock.Now()
	n := r.intervals(now) - r.intervals(r.last)
	r.last = now
	return n
}

// intervals returns the number of whole intervals from start to t. It is
// rounded down, also before start.
func (r *loopRun) intervals(t time.Time) int {
	passed, interval := t.Sub(r.start), r.l.interval
	n := passed / interval
	if passed%interval < 0 {
		n--
	}
	return int(n)
}
