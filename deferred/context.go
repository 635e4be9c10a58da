package deferred

import (
	"context"
	"fmt"
)

// AddContext cancels the Deferred, on loop, if ctx is done before a result
// reaches this point of the chain. ErrCancelled then becomes an error that
// matches both ErrCancelled and the cause of ctx. If the cancellation leads to
// a value or to another error, that result stays. A ctx that is already done
// cancels on the next iteration of the loop.
//
// Once a result arrives here, ctx no longer refers to the Deferred. AddContext
// must be called on the goroutine that owns d, and returns d. If loop is nil or
// d is a stale view, AddContext panics and changes nothing.
func (d Deferred[T]) AddContext(ctx context.Context, loop Loop) Deferred[T] {
	mustHaveLoop(loop)
	d.open().check("adding to")
	expired, arrived := false, false
	stop := context.AfterFunc(ctx, func() {
		loop.CallFromThread(func() {
			if expired = !arrived; expired {
				d.Cancel()
			}
		})
	})
	return d.AddBoth(func(v T, err error) (T, error) {
		arrived = true
		stop()
		if expired && isCancelled(err) {
			err = fmt.Errorf("%w: %w", ErrCancelled, context.Cause(ctx))
		}
		return v, err
	})
}
