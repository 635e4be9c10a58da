package deferred

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Clock starts timers. A reactor is a Clock, and so is the clock of its tests.
//
// AfterFunc calls f after the time d, on the goroutine that owns the Deferreds,
// and never before AfterFunc has returned. stop cancels the timer and reports
// whether f was prevented; a second call of stop, or a call after f, does
// nothing.
type Clock interface {
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

var errNilClock = errors.New("deferred: nil clock; pass the reactor, or a reactortest.Clock in tests")

func mustHaveClock(c Clock) {
	if c == nil {
		panic(errNilClock)
	}
}

// TimeoutError is the failure of a Deferred that AddTimeout has cancelled. It
// matches context.DeadlineExceeded and os.ErrDeadlineExceeded.
type TimeoutError struct {
	After time.Duration // the time limit
	What  string        // the operation that timed out
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("deferred: %s timed out after %v", e.What, e.After)
}

// Timeout returns true, as net.Error requires.
func (e *TimeoutError) Timeout() bool { return true }

// Is reports whether target is one of the standard library's errors for an
// exceeded deadline.
func (e *TimeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// AddTimeout cancels the Deferred if no result reaches this point of the chain
// within the given time. ErrCancelled then becomes a [*TimeoutError]. If the
// cancellation leads to a value or to another error, that result stays.
//
// The timeout includes the waits of callbacks that were added before, but not
// of those added after. The timer is stopped when a result arrives here. A time
// of zero cancels on the next iteration of the loop, not at once.
//
// AddTimeout must be called on the goroutine that owns d, and returns d. If
// clock is nil or d is a stale view, AddTimeout panics and changes nothing.
func (d Deferred[T]) AddTimeout(clock Clock, after time.Duration) Deferred[T] {
	return d.AddTimeoutFunc(clock, after, timedOut[T])
}

// AddTimeoutFunc is AddTimeout with your own translation of the result. If the
// timer has cancelled the Deferred, translate is called with the result, which
// is ErrCancelled or another one, and with the time limit, and returns the new
// result. Without a timeout translate is not called.
func (d Deferred[T]) AddTimeoutFunc(clock Clock, after time.Duration, translate func(v T, err error, after time.Duration) (T, error)) Deferred[T] {
	mustNotBeNil(translate == nil)
	mustHaveClock(clock)
	d.open().check("adding to")
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

// isCancelled reports whether err is ErrCancelled, or wraps it. The cancelled
// member of a list does not count: the list itself was not cancelled.
func isCancelled(err error) bool {
	for err != nil && err != ErrCancelled {
		if _, ofMember := err.(*FirstError); ofMember {
			return false
		}
		err = errors.Unwrap(err)
	}
	return err != nil
}
