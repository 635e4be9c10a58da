package task

import (
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// DeferLater calls f after d and returns a Deferred that fires with the result
// of f. If f is nil, the Deferred fires with the zero value. Cancelling the
// Deferred before f is called prevents the call.
func DeferLater[T any](clock reactor.Clock, d time.Duration, f func() (T, error)) deferred.Deferred[T] {
	arg.NotNil("task: DeferLater", "clock", clock)
	return deferred.Then(after(clock, d), func(struct{}) (v T, _ error) {
		if f == nil {
			return v, nil
		}
		return f()
	})
}

// DeferLaterDeferred calls f after d and returns a Deferred that fires with the
// result of the Deferred that f returns. Cancelling it before f is called
// prevents the call. Cancelling it later cancels the Deferred that f has
// returned. It panics if f is nil.
func DeferLaterDeferred[T any](clock reactor.Clock, d time.Duration, f func() deferred.Deferred[T]) deferred.Deferred[T] {
	arg.NotNil("task: DeferLaterDeferred", "clock", clock)
	arg.NotNil("task: DeferLaterDeferred", "function", f)
	return deferred.ThenDeferred(after(clock, d), func(struct{}) deferred.Deferred[T] { return f() })
}

// after returns a Deferred that fires after d.
func after(clock reactor.Clock, d time.Duration) deferred.Deferred[struct{}] {
	var call *reactor.DelayedCall
	done := deferred.New(func(deferred.Deferred[struct{}]) {
		_ = call.Cancel() // cannot fail: the call fires the Deferred, which has not fired
	})
	call = clock.CallLater(d, func() { done.Callback(struct{}{}) })
	return done
}
