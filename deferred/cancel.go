package deferred

import "slices"

// Cancel asks for the Deferred to be given up. Its effect depends on the state:
//
//   - not fired, with a canceller: the canceller runs, and unless it fires the Deferred, ErrCancelled is delivered right after. A firing
//     that comes later finds it already called (D85 to D87).
//   - not fired, without canceller: ErrCancelled is delivered at once, and the one firing that is still to come is ignored (D82, D83).
//   - waiting on another Deferred: that one is cancelled instead, and its outcome flows here in the usual way (D93, D94). A coroutine's
//     Deferred waits on what its body awaits; while the body runs, the cancellation is kept for its next Await.
//   - fired: nothing happens (D91, D92).
//
// A panic in the canceller reaches the caller of Cancel and leaves the Deferred as it was (D98).
func (d Deferred[T]) Cancel() {
	c := d.chain()
	c.check("cancelling")
	c.cancel()
}

// cancel cancels what c depends on in the end. Coroutines on the way there are held: their Deferreds go on when the cancellation has done
// all its work, the innermost first.
func (c *chain) cancel() {
	var held []*chain
	for next := c; next != nil; next = c.waitsOn() {
		if c = next; c.coroutine && c.waiting != nil {
			c.pauses++
			held = append(held, c)
		}
	}
	if held != nil {
		defer unpauseAll(held)
	}
	c.cancelItself()
}

func unpauseAll(held []*chain) {
	for _, c := range slices.Backward(held) {
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
