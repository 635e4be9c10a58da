package task

import (
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// DeferLater calls f when d has passed and returns a Deferred that fires with its result (R164). With a nil f it fires with the zero value
// (R165). Cancelling it before f is called prevents that (R166).
func DeferLater[T any](clock reactor.Clock, d time.Duration, f func() (T, error)) deferred.Deferred[T] {
	return deferred.Then(after(clock, d), func(struct{}) (v T, _ error) {
		if f == nil {
			return v, nil
		}
		return f()
	})
}

// DeferLaterDeferred is DeferLater for a function that answers with a Deferred, which is waited for. Once f was called, cancelling cancels
// that (R166).
func DeferLaterDeferred[T any](clock reactor.Clock, d time.Duration, f func() deferred.Deferred[T]) deferred.Deferred[T] {
	return deferred.ThenDeferred(after(clock, d), func(struct{}) deferred.Deferred[T] { return f() })
}

func after(clock reactor.Clock, d time.Duration) deferred.Deferred[struct{}] {
	var call *reactor.DelayedCall
	done := deferred.New(func(deferred.Deferred[struct{}]) {
		_ = call.Cancel() // it has not run, or the Deferred would have fired
	})
	call = clock.CallLater(d, func() { done.Callback(struct{}{}) })
	return done
}
