package reactor

import "time"

// Clock is the interface of time. A *Reactor implements it, and so does the
// fake clock of package reactortest. Code with timeouts takes a Clock, so that
// tests need not wait. All methods belong to the clock's goroutine; for a
// Reactor, that is the loop.
type Clock interface {
	// Now returns the present time of the clock.
	Now() time.Time

	// CallLater runs f once, after d.
	CallLater(d time.Duration, f func()) *DelayedCall

	// AfterFunc runs f once, after d, unless stop is called before. stop
	// reports whether it has prevented the call. Timeouts of package deferred
	// use this method.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

var _ Clock = (*Reactor)(nil)

// Now returns the time on the reactor's clock. The clock never goes back, and
// setting the system's clock does not change it. Any goroutine may call Now.
func (r *Reactor) Now() time.Time { return r.epoch.Add(r.elapsed()) }

// CallLater runs f on the loop, once, after d or later. With d = 0, f runs in
// the next iteration. Call CallLater on the loop, or before Run. CallLater
// panics with ErrNegativeDelay if d is negative, and panics if f is nil.
func (r *Reactor) CallLater(d time.Duration, f func()) *DelayedCall {
	r.mustBeOnLoop("CallLater")
	if d < 0 {
		panic(ErrNegativeDelay)
	}
	return r.timers.CallLater(d, f)
}

// AfterFunc is like CallLater, but returns a function that cancels the call.
// stop reports whether it has prevented the call.
func (r *Reactor) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c := r.CallLater(d, f)
	return func() bool { return c.Cancel() == nil }
}

func (r *Reactor) elapsed() time.Duration { return time.Since(r.epoch) }
