package deferred

import "slices"

// Cancel asks for the Deferred to be given up. Its effect depends on the state:
//
//   - Not fired, with a canceller: the canceller runs. Unless it fires the
//     Deferred, ErrCancelled is delivered right after. A later firing finds the
//     Deferred already called.
//   - Not fired, without a canceller: ErrCancelled is delivered at once, and
//     the next firing is ignored.
//   - Waiting on another Deferred: that one is cancelled instead, and its
//     outcome arrives here in the usual way. The Deferred of a coroutine waits
//     on the Deferred that the body awaits. While the body runs, it awaits
//     nothing, and Cancel does nothing.
//   - Fired: nothing happens.
//
// A panic in the canceller reaches the caller of Cancel and leaves the Deferred
// as it was.
func (d Deferred[T]) Cancel() {
	c := d.chain()
	c.check("cancelling")
	c.cancel()
}

// cancel cancels the chain that c depends on in the end. Waiting coroutines
// from c to that chain are paused until the cancellation has ended, and then
// resume, innermost first. Another cancellation of them meanwhile does nothing.
func (c *chain) cancel() {
	last, paused := c.pauseWaiters()
	if paused != nil {
		defer resume(paused)
	}
	last.cancelItself()
}

// pauseWaiters returns the chain to cancel, and the coroutines on the way
// there, paused. It stops at a coroutine that is being cancelled already.
func (c *chain) pauseWaiters() (last *chain, paused []*chain) {
	for ; c != nil; c = c.waitsOn() {
		last = c
		if c.cancelled == cancellerRuns {
			break
		}
		if c.coroutine() && c.waiting != nil {
			c.pauses++
			c.cancelled = cancellerRuns
			paused = append(paused, c)
		}
	}
	return last, paused
}

func resume(paused []*chain) {
	for _, c := range slices.Backward(paused) {
		c.cancelled = notCancelled
		c.unpause()
	}
}

func (c *chain) cancelItself() {
	if c.called || c.cancelled == cancellerRuns {
		return
	}
	due := true
	if c.canceller == nil {
		c.cancelled = ignoreNextFiring
	} else {
		due = c.runCanceller()
	}
	if due && !c.called {
		_ = c.errback(ErrCancelled) // cannot fail: the chain has not fired
	}
}

func (c *chain) runCanceller() (due bool) {
	c.cancelled = cancellerRuns
	body := enterCallback()
	defer func() {
		body.leaveCallback()
		c.cancelled = notCancelled
	}()
	return c.canceller.cancel(c)
}

// canceller stops the work behind a chain. It reports whether ErrCancelled is
// due at once if the chain has not fired then.
type canceller interface {
	cancel(c *chain) (due bool)
}

type cancelFunc[T any] func(Deferred[T])

func (f cancelFunc[T]) cancel(c *chain) bool {
	f(Deferred[T]{c: c})
	return true
}
