package work

import "github.com/hawser-go/hawser/deferred"

// Completion is an event that happens once and that any number of callers wait
// for. The zero value has not happened. It belongs to the loop.
type Completion struct {
	fired   bool
	err     error
	waiting []deferred.Deferred[struct{}]
}

// Fired reports whether the event has happened.
func (c *Completion) Fired() bool { return c.fired }

// Err returns the error that Fire was called with, and nil before.
func (c *Completion) Err() error { return c.err }

// Wait returns a new Deferred that fires when the event happens, and fails if
// Fire is called with an error.
func (c *Completion) Wait() deferred.Deferred[struct{}] {
	d := deferred.New[struct{}]()
	if c.fired {
		c.notify(d)
	} else {
		c.waiting = append(c.waiting, d)
	}
	return d
}

// Fire makes the event happen. Only the first call counts.
func (c *Completion) Fire(err error) {
	if c.fired {
		return
	}
	c.fired, c.err = true, err
	waiting := c.waiting
	c.waiting = nil
	for _, d := range waiting {
		c.notify(d)
	}
}

// notify ignores a Deferred that was cancelled.
func (c *Completion) notify(d deferred.Deferred[struct{}]) {
	if c.err != nil {
		_ = d.TryErrback(c.err)
	} else {
		_ = d.TryCallback(struct{}{})
	}
}
