package reactor

import (
	"fmt"
	"math"
	"time"
)

// DelayedCall is a function that waits for its time. CallLater returns it. It belongs to the goroutine of its clock, as a rule the loop.
// Two handles are equal only if they are the same call.
type DelayedCall struct {
	f   func() // nil once called or cancelled (R72)
	t   *Timers
	due int64 // nanoseconds since the epoch of t, shifted left by stateBits, and the state
}

// The state of a call is kept in the lowest bits of its due time: there may be millions of calls.
const (
	callPending   = 0
	callCalled    = 1
	callCancelled = 2

	stateBits = 2
	stateMask = 1<<stateBits - 1

	// maxWhen is the latest due time, 73 years after the epoch. Later ones are cut off there.
	maxWhen = math.MaxInt64 >> stateBits
	minWhen = math.MinInt64 >> stateBits
)

// when returns the due time in nanoseconds since the epoch.
func (c *DelayedCall) when() int64 { return c.due >> stateBits }

func (c *DelayedCall) state() int64 { return c.due & stateMask }

// Cancel prevents the call (R58). It returns ErrAlreadyCancelled or ErrAlreadyCalled if there is nothing to prevent.
func (c *DelayedCall) Cancel() error {
	if err := c.spent(); err != nil {
		return err
	}
	c.f = nil
	c.due |= callCancelled
	c.t.dropped(c)
	return nil
}

// Reset makes the call due d from now, earlier or later than it was (R62). A negative d makes it due at once. The errors are those of
// Cancel.
func (c *DelayedCall) Reset(d time.Duration) error {
	if err := c.spent(); err != nil {
		return err
	}
	c.t.move(c, addTime(int64(c.t.elapsed()), d))
	return nil
}

// Delay makes the call due d later than it was due so far; a negative d makes it earlier (R63). The errors are those of Cancel.
func (c *DelayedCall) Delay(d time.Duration) error {
	if err := c.spent(); err != nil {
		return err
	}
	c.t.move(c, addTime(c.when(), d))
	return nil
}

// Active reports whether the call is still to come: it is false once it was cancelled or has begun to run (R57).
func (c *DelayedCall) Active() bool { return c.spent() == nil }

// Time returns when the call is, or was, due (R56).
func (c *DelayedCall) Time() time.Time { return c.t.epoch.Add(time.Duration(c.when())) }

// String describes the call: how long until it is due, its state, and the name of its function while that is to come (R71).
func (c *DelayedCall) String() string {
	left := time.Duration(c.when()) - c.t.elapsed()
	switch c.state() {
	case callCalled:
		return fmt.Sprintf("<DelayedCall %p [%v] called=true cancelled=false>", c, left)
	case callCancelled:
		return fmt.Sprintf("<DelayedCall %p [%v] called=false cancelled=true>", c, left)
	}
	return fmt.Sprintf("<DelayedCall %p [%v] called=false cancelled=false %s()>", c, left, funcName(c.f))
}

// spent returns why the call can no longer be changed, or nil.
func (c *DelayedCall) spent() error {
	switch c.state() {
	case callCalled:
		return ErrAlreadyCalled
	case callCancelled:
		return ErrAlreadyCancelled
	}
	return nil
}

// addTime adds without wrapping around, within the times that a call can have (R68).
func addTime(t int64, d time.Duration) int64 {
	sum := t + int64(d)
	switch {
	case d > 0 && (sum < t || sum > maxWhen):
		return maxWhen
	case d < 0 && (sum > t || sum < minWhen):
		return minWhen
	}
	return sum
}
