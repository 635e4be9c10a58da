package client

import "github.com/hawser-go/hawser/deferred"

// completion is an event that happens once and that any number of callers wait
// for. The zero value has not happened. It belongs to the loop.
type completion struct {
	fired   bool
	err     error
	waiting []deferred.Deferred[struct{}]
}

// wait returns a new Deferred that fires with the completion.
func (c *completion) wait() deferred.Deferred[struct{}] {
	d := deferred.New[struct{}]()
	if c.fired {
		c.notify(d)
	} else {
		c.waiting = append(c.waiting, d)
	}
	return d
}

// fire makes the event happen. Only the first call counts.
func (c *completion) fire(err error) {
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
func (c *completion) notify(d deferred.Deferred[struct{}]) {
	if c.err != nil {
		_ = d.TryErrback(c.err)
	} else {
		_ = d.TryCallback(struct{}{})
	}
}
