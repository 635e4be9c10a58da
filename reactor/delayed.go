package reactor

import (
	"fmt"
	"math"
	"time"
)

// DelayedCall is a scheduled call of a function. CallLater returns a
// DelayedCall. A DelayedCall belongs to the goroutine of its clock, usually the
// loop.
type DelayedCall struct {
	f   func() // nil once called or cancelled
	t   *Timers
	due int64 // nanoseconds since the epoch of t, shifted left by stateBits, and the state
}

// The state of a call is kept in the lowest bits of its due time, because there
// may be millions of calls.
const (
	callPending   = 0
	callCalled    = 1
	callCancelled = 2

	stateBits = 2
	stateMask = 1<<stateBits - 1

	// maxWhen is the latest due time, 73 years after the epoch. Later due times
	// become maxWhen.
	maxWhen = math.MaxInt64 >> stateBits
	minWhen = math.MinInt64 >> stateBits
)

// when returns the due time in nanoseconds since the epoch.
func (c *DelayedCall) when() int64 { return c.due >> stateBits }

func (c *DelayedCall) state() int64 { return c.due & stateMask }

// Cancel prevents the call. Cancel returns ErrAlreadyCancelled if the call was
// cancelled before, and ErrAlreadyCalled if the call is running or has run.
func (c *DelayedCall) Cancel() error {
	c.t.mustBeOwned("DelayedCall.Cancel")
	if err := c.inactive(); err != nil {
		return err
	}
	c.f = nil
	c.due |= callCancelled
	c.t.dropped(c)
	return nil
}

// Reset makes the call due d from now, whenever the call was due before. With a
// negative d the call is due at once. The errors are those of Cancel.
func (c *DelayedCall) Reset(d time.Duration) error {
	c.t.mustBeOwned("DelayedCall.Reset")
	if err := c.inactive(); err != nil {
		return err
	}
	c.t.move(c, addTime(int64(c.t.elapsed()), d))
	return nil
}

// Delay adds d to the due time. A negative d makes the call earlier. The errors
// are those of Cancel.
func (c *DelayedCall) Delay(d time.Duration) error {
	c.t.mustBeOwned("DelayedCall.Delay")
	if err := c.inactive(); err != nil {
		return err
	}
	c.t.move(c, addTime(c.when(), d))
	return nil
}

// Active reports whether the call is pending. Active returns false once the
// call was cancelled or has begun to run.
func (c *DelayedCall) Active() bool {
	c.t.mustBeOwned("DelayedCall.Active")
	return c.inactive() == nil
}

// Time returns when the call is or was due.
func (c *DelayedCall) Time() time.Time {
	c.t.mustBeOwned("DelayedCall.Time")
	return c.t.epoch.Add(time.Duration(c.when()))
}

// String returns a text for logs: the time left until the call is due, its
// state, and the name of its function while it is pending.
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

// inactive returns nil while the call is pending. Otherwise inactive returns
// the error of changing the call.
func (c *DelayedCall) inactive() error {
	switch c.state() {
	case callCalled:
		return ErrAlreadyCalled
	case callCancelled:
		return ErrAlreadyCancelled
	}
	return nil
}

// addTime adds d to t. The sum is limited to the due times that a call can
// have.
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
