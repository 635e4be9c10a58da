package deferred

import (
	"context"
	"fmt"
)

// AddContext cancels the Deferred, on loop, when ctx is done before its result has come through to this point of the chain, and then turns
// ErrCancelled into an error that matches both ErrCancelled and the cause of ctx. Any other outcome of the cancellation stays as it is. The
// tie to ctx is taken back as soon as a result arrives here (D317). A ctx that is done already acts on the next turn of the loop. It
// returns d.
func (d Deferred[T]) AddContext(ctx context.Context, loop Loop) Deferred[T] {
	d.open()
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
