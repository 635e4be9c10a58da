package deferred

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Clock starts timers. AfterFunc arranges for f to be called after d, on the goroutine that owns the Deferreds, never before AfterFunc has
// returned; stop takes the timer back and reports whether that was in time. A reactor is a Clock, and so is the clock of its tests.
type Clock interface {
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

var errNilClock = errors.New("deferred: nil clock; pass the reactor, or a reactortest.Clock in tests")

func mustHaveClock(c Clock) {
	if c == nil {
		panic(errNilClock)
	}
}

// TimeoutError is the failure of a Deferred that AddTimeout has cancelled. It matches context.DeadlineExceeded and os.ErrDeadlineExceeded.
type TimeoutError struct {
	After time.Duration // how long the wait lasted
	What  string        // what timed out
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("deferred: %s timed out after %v", e.What, e.After)
}

// Timeout is true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// Is reports whether target is one of the standard library's errors for a passed deadline.
func (e *TimeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// AddTimeout cancels the Deferred unless its result has come through to this point of the chain within the given time, and then turns
// ErrCancelled into a [*TimeoutError]. Any other outcome of the cancellation, a value or another error, stays as it is (D100 to D110).
//
// The timeout covers the waits that callbacks added before it cause, and none added after it (D103). The timer is stopped as soon as a
// result arrives here. A time of zero does not act at once, but on the next turn of the clock (D118). It returns d.
func (d Deferred[T]) AddTimeout(clock Clock, after time.Duration) Deferred[T] {
	return d.AddTimeoutFunc(clock, after, timedOut[T])
}

// AddTimeoutFunc is AddTimeout with a translation of your own: if the timer has cancelled the Deferred, translate is called with whatever
// result there is then, ErrCancelled or not, and its answer becomes the result (D113, D115). It is not called otherwise.
func (d Deferred[T]) AddTimeoutFunc(clock Clock, after time.Duration, translate func(v T, err error, after time.Duration) (T, error)) Deferred[T] {
	mustNotBeNil(translate == nil)
	d.open()
	expired := false
	stop := clock.AfterFunc(after, func() {
		expired = true
		d.Cancel()
	})
	return d.AddBoth(func(v T, err error) (T, error) {
		stop()
		if expired {
			return translate(v, err, after)
		}
		return v, err
	})
}

func timedOut[T any](v T, err error, after time.Duration) (T, error) {
	if isCancelled(err) {
		return v, &TimeoutError{After: after, What: "Deferred[" + typeName[T]() + "]"}
	}
	return v, err
}

// isCancelled reports whether err is ErrCancelled, perhaps with words around it. The cancellation of a member of a list is none of the
// list's own (D110, D206).
func isCancelled(err error) bool {
	for err != nil && err != ErrCancelled {
		if _, ofMember := err.(*FirstError); ofMember {
			return false
		}
		err = errors.Unwrap(err)
	}
	return err != nil
}
