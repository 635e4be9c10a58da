package reactor

import "time"

// Clock is the interface of time. [*Reactor] implements it, and the fake clock of package reactortest; whatever has a timeout asks for a
// Clock and is tested without waiting. All methods belong to the clock's goroutine, for a Reactor the loop's.
type Clock interface {
	// Now returns the clock's present time.
	Now() time.Time

	// CallLater runs f once, when d has passed.
	CallLater(d time.Duration, f func()) *DelayedCall

	// AfterFunc runs f once, when d has passed, unless stop is called before; stop reports whether it prevented the call. It has the
	// shape that package deferred wants for its timeouts.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

var _ Clock = (*Reactor)(nil)

// Now returns the time on the reactor's clock (R66). It never goes back and is not moved when the system's clock is set.
func (r *Reactor) Now() time.Time { return r.epoch.Add(r.elapsed()) }

// CallLater runs f on the loop, once, not before d has passed (R50). A call with no delay that is made by a callback runs in the
// next turn, never in the same (R52). It panics with ErrNegativeDelay if d is negative (R51). It may be called on the loop, and before Run.
func (r *Reactor) CallLater(d time.Duration, f func()) *DelayedCall {
	if d < 0 {
		panic(ErrNegativeDelay)
	}
	return r.timers.CallLater(d, f)
}

// AfterFunc is CallLater for users that only want to stop the call again: stop reports whether it prevented it.
func (r *Reactor) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c := r.CallLater(d, f)
	return func() bool { return c.Cancel() == nil }
}

// GetDelayedCalls returns the timed calls that are to come, by due time (R65).
func (r *Reactor) GetDelayedCalls() []*DelayedCall { return r.timers.GetDelayedCalls() }

func (r *Reactor) elapsed() time.Duration { return time.Since(r.epoch) }
