package reactortest

import (
	"fmt"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// maxCallsPerAdvance is the number of calls in one Advance after which a test is taken to be in an endless loop.
const maxCallsPerAdvance = 1_000_000

// Clock is a clock that moves only when it is told to. It is a reactor.Clock. It starts at the Unix epoch and has no calls (R122). It belongs to
// one goroutine.
type Clock struct {
	now    time.Duration // since the Unix epoch
	timers *reactor.Timers
}

var _ reactor.Clock = (*Clock)(nil)

// NewClock returns a clock at time 0.
func NewClock() *Clock {
	c := new(Clock)
	c.timers = reactor.NewTimers(time.Unix(0, 0).UTC(), func() time.Duration { return c.now })
	return c
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return time.Unix(0, 0).UTC().Add(c.now) }

// Elapsed returns how far the clock has been advanced.
func (c *Clock) Elapsed() time.Duration { return c.now }

// CallLater runs f in the Advance that reaches d from now; a negative d means now (R123, R133).
func (c *Clock) CallLater(d time.Duration, f func()) *reactor.DelayedCall {
	return c.timers.CallLater(d, f)
}

// AfterFunc is CallLater for users that only want to stop the call again.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return c.timers.AfterFunc(d, f)
}

// GetDelayedCalls returns the calls to come, by due time (R132).
func (c *Clock) GetDelayedCalls() []*reactor.DelayedCall { return c.timers.GetDelayedCalls() }

// Advance moves the time by d and then runs every call that is due, also those that are scheduled meanwhile, by due time (R124 to R128). A
// panic in a call goes to the caller; that call is spent, the others stay for the next Advance (R130). A call may itself call Advance
// (R134). It panics if d is negative, and after a million calls, because a call that schedules itself without delay would go on for ever.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("reactortest: Advance(%v): time does not go back", d))
	}
	c.now += d
	for range maxCallsPerAdvance {
		_, f := c.timers.Pop()
		if f == nil {
			return
		}
		f()
	}
	panic("reactortest: a million calls in one Advance; does a call schedule itself without delay?")
}

// Pump advances by each of the amounts in turn (R131).
func (c *Clock) Pump(amounts ...time.Duration) {
	for _, d := range amounts {
		c.Advance(d)
	}
}
