package deferred

import "slices"

// Cancel asks for the Deferred to be given up. Its effect depends on the state:
//
//   - not fired, with a canceller: the canceller runs, and unless it fires the Deferred, ErrCancelled is delivered right after. A firing
//     that comes later finds it already called (D85 to D87).
//   - not fired, without canceller: ErrCancelled is delivered at once, and the one firing that is still to come is ignored (D82, D83).
//   - waiting on another Deferred: that one is cancelled instead, and its outcome flows here in the usual way (D93, D94). A coroutine's
//     Deferred waits on what its body awaits; while the body runs it awaits nothing, and nothing happens.
//   - fired: nothing happens (D91, D92).
//
// A panic in the canceller reaches the caller of Cancel and leaves the Deferred as it was (D98).
func (d Deferred[T]) Cancel() {
	c := d.chain()
	c.check("cancelling")
	c.cancel()
}

// cancel cancels what c depends on in the end. Coroutines on the way there are held: their Deferreds go on when the cancellation has done
// all its work, the innermost first, and another cancellation meanwhile does nothing.
func (c *chain) cancel() {
	last, held := c.hold()
	if held != nil {
		defer release(held)
	}
	last.cancelItself()
}

// hold returns the chain to be cancelled, and the coroutines on the way there. It stops at one that is being cancelled already.
func (c *chain) hold() (last *chain, held []*chain) {
	for ; c != nil; c = c.waitsOn() {
		last = c
		if c.cancelled == cancellerRuns {
			break
		}
		if c.coroutine() && c.waiting != nil {
			c.pauses++
			c.cancelled = cancellerRuns
			held = append(held, c)
		}
	}
	return last, held
}

func release(held []*chain) {
	for _, c := range slices.Backward(held) {
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
		_ = c.errback(ErrCancelled) // cannot fail: it has not fired
	}
}

func (c *chain) runCanceller() (due bool) {
	c.cancelled = cancellerRuns
	defer func() { c.cancelled = notCancelled }()
	return c.canceller.cancel(c)
}

// canceller is what stops the work behind a chain. It reports whether ErrCancelled is due at once if the chain has not fired then.
type canceller interface {
	cancel(c *chain) (due bool)
}

type cancelFunc[T any] func(Deferred[T])

func (f cancelFunc[T]) cancel(c *chain) bool {
	f(Deferred[T]{c})
	return true
}
