package deferred

import "slices"

// chain is Twisted's Deferred without its type: a result, the links that wait for it, a pause count, the chain it waits on, a canceller.
//
// The current result is err if that is not nil, else the value in cell. The type of cell is that of the value at the point which the run
// has reached, the type behind tail that of the value after the last link.
type chain struct {
	cell      cell      // where the value is kept: a *box of its type
	err       error     // the failure, if the result is one
	tail      any       // a nil *T: links may be added through a Deferred[T] only
	links     []link    // links[next:] have not run; it begins in inline
	inline    [2]link   // spares short chains an allocation
	canceller canceller // nil once fired (D21)
	waiting   *chain    // the chain whose result this one takes over when it comes
	record    *record   // set in debug mode and once the chain has rested on a failure
	next      int32
	pauses    int32
	waiters   int32 // chains that wait on this one
	called    bool
	running   runState
	coroutine bool // not fired yet, and nothing but the coroutine behind it may fire it
	cancelled cancelState
}

// runState says whether a new link may run at once, or is left to a run in progress.
type runState uint8

const (
	notRunning runState = iota
	runsLink            // a link of this chain is running
	runsOther           // a link of this chain has fired another one, which runs now as if the link had called it
)

// cancelState is how far a cancellation of a chain that had not fired has come.
type cancelState uint8

const (
	notCancelled     cancelState = iota
	cancellerRuns                // Cancel has called the canceller, which has not returned
	ignoreNextFiring             // cancelled without canceller: the one firing to come is ignored (D83)
)

// link is one step of a chain. It sees the chain's result, replaces it, or lets it pass. It returns the chain that may go on because of
// it, if there is one.
type link interface {
	run(c *chain) (resumed *chain)
}

// cell holds a chain's value; it is always a *box.
type cell interface {
	value() any
	typeName() string
}

// box keeps a value of type T, so that a link that keeps the type of the result allocates nothing for it.
type box[T any] struct{ v T }

func (b *box[T]) value() any       { return b.v }
func (b *box[T]) typeName() string { return typeName[T]() }

// boxFor returns the chain's box for a value of type U, replacing one of another type by an empty one: where a failure was skipped past a
// change of type, or moved to another chain, the value is the zero value.
func boxFor[U any](c *chain) *box[U] {
	b, ok := c.cell.(*box[U])
	if !ok {
		b = new(box[U])
		c.cell = b
	}
	return b
}

// put stores what a link's function returned. In a chain of type any, a Deferred that was returned is waited for.
func put[U any](c *chain, v U, err error) {
	if err != nil {
		c.fail(err)
		return
	}
	if w, ok := asWaitable(v); ok {
		w.resultTo(c)
		return
	}
	c.err = nil
	boxFor[U](c).v = v
}

// giveUp makes the zero value the result.
func giveUp[T any](c *chain) {
	*boxFor[T](c) = box[T]{}
	c.err = nil
}

// fail makes err the result. The value, if there was one, has been handed to the link that failed.
func (c *chain) fail(err error) { c.err = err }

// begin marks the chain as fired. It reports whether this firing is to be ignored.
func (c *chain) begin() (ignored bool, err error) {
	c.check("firing")
	if c.called || c.coroutine {
		return c.beginAgain()
	}
	c.markFired()
	return false, nil
}

func (c *chain) beginAgain() (ignored bool, err error) {
	switch {
	case c.coroutine:
		return false, ErrCoroutine
	case c.cancelled == ignoreNextFiring:
		c.cancelled = notCancelled
		return true, nil
	}
	return false, c.alreadyCalled()
}

func (c *chain) markFired() {
	c.called = true
	c.canceller = nil
	c.waiting = nil // what an explicit chain recorded
	if c.record != nil {
		c.record.noteFiring()
	}
}

func (c *chain) errback(err error) error {
	if ignored, err := c.begin(); ignored || err != nil {
		return err
	}
	c.err = err
	c.run()
	return nil
}

// add appends a link, and runs it at once if there is a result for it.
func (c *chain) add(l link) {
	c.check("adding to")
	if len(c.links) == cap(c.links) {
		c.makeRoom()
	}
	c.links = append(c.links, l)
	if c.called {
		c.run()
	}
}

// makeRoom reuses the room of links that have run if that is half of it, or else takes more: 8 links after the inline ones, then twice as
// many as wait.
func (c *chain) makeRoom() {
	waiting := c.links[c.next:]
	if 2*len(waiting) > cap(c.links) {
		c.links = append(make([]link, 0, max(8, 2*len(waiting))), waiting...)
	} else {
		c.links = append(c.links[:0], waiting...)
		clear(c.links[len(waiting):cap(c.links)])
	}
	c.next = 0
}

func (c *chain) idle() bool { return len(c.links) == 0 }

// take removes and returns the first link.
func (c *chain) take() link {
	l := c.links[c.next]
	c.links[c.next] = nil
	c.next++
	if int(c.next) == len(c.links) {
		c.links, c.next = c.links[:0], 0
	}
	return l
}

// putBack makes l the first link again. The link that runs does so to go on when the chain that it has fired has run.
func (c *chain) putBack(l link) {
	if c.next == 0 {
		c.links = slices.Insert(c.links, 0, l)
		return
	}
	c.next--
	c.links[c.next] = l
}

// run runs all links that can run: those of c, and those of chains that waited on it, on them, and so on. If one of c's runs already, that
// run takes the new ones.
func (c *chain) run() {
	switch {
	case c.running != notRunning:
	case c.idle():
		c.rest()
	default:
		c.runLinks()
	}
}

func (c *chain) runLinks() {
	var room [4]*chain
	for todo := append(room[:0], c); len(todo) > 0; {
		todo = runAll(todo)
	}
}

// runAll runs the chains of a list, the last one first. Chains that go on because of it are appended to the list, so that the stack does not
// grow with their number (D60). A chain that has given its result away and has nothing left to run leaves the list at once, so in a long
// line of chains neither does the list.
//
// It ends when all have run, or after the first panic, which becomes the failure of its chain (D33, D35), and returns those that are
// left. After a runtime.Goexit the chains are left as not running.
func runAll(todo []*chain) (left []*chain) {
	ended := false
	defer func() {
		if !ended {
			left = afterPanic(todo, recover())
		}
	}()
	for len(todo) > 0 {
		last := len(todo) - 1
		c := todo[last]
		switch resumed := c.advance(); {
		case resumed == nil:
			c.running = notRunning
			c.rest()
			todo = todo[:last]
		case c.running == runsOther:
			todo = append(todo, resumed)
		case c.idle():
			c.running = notRunning
			todo[last] = resumed
		default:
			c.running = notRunning
			todo = append(todo, resumed)
		}
	}
	ended = true
	return nil
}

// advance runs the chain's own links until none is left, the chain waits, or another chain may go on, which it returns. A link that pauses its
// own chain does not stop the run (D81).
func (c *chain) advance() (resumed *chain) {
	if c.pauses > 0 && c.running != runsOther {
		return nil
	}
	c.running = runsLink
	for resumed == nil && c.waiting == nil && len(c.links) > 0 {
		resumed = c.take().run(c)
	}
	return resumed
}

// afterPanic deals with what was recovered while the last chain of the list ran a link. It was a Goexit if that is nil.
func afterPanic(todo []*chain, recovered any) (left []*chain) {
	if recovered == nil {
		for _, c := range todo {
			c.running = notRunning
		}
		return nil
	}
	c := todo[len(todo)-1]
	c.fail(newPanicError(recovered))
	c.running = runsOther // a pause in the link that panicked does not stop the run
	return todo
}

// settle fires another chain, which was made with the type T, from within a link of c: with a value, or with a failure if err is not nil.
// It returns it for the run loop to go on with, or nil if the firing is ignored or refused. Until it has run, c counts as running and keeps
// its result. Then, or now if there is nothing to run, comes the link after, which decides what becomes of c's result.
func settle[T any](c, other *chain, v T, err error, after link) (resumed *chain, refused error) {
	ignored, refused := other.begin()
	if ignored || refused != nil {
		return after.run(c), refused
	}
	if other.err = err; err == nil {
		boxFor[T](other).v = v
	}
	return c.runFirst(other, after), nil
}

// runFirst returns other for a link of c to return, and lets c go on with the link after when other has run.
func (c *chain) runFirst(other *chain, after link) *chain {
	c.running = runsOther
	c.putBack(after)
	return other
}

// givesUp is a link that makes the zero value the result.
type givesUp[T any] struct{}

func (givesUp[T]) run(c *chain) *chain {
	giveUp[T](c)
	return nil
}

// waitsImplicitly reports whether a callback returned a Deferred that has not given its result yet.
func (c *chain) waitsImplicitly() bool { return c.called && c.waiting != nil }

// waitsOn returns the chain whose outcome c depends on: one that a callback returned, or that a coroutine awaits. An explicit chain does
// not count, as its second Deferred may be fired otherwise.
func (c *chain) waitsOn() *chain {
	if c.called || c.coroutine {
		return c.waiting
	}
	return nil
}

// resting reports whether the chain has a result and nothing left to do with it.
func (c *chain) resting() bool {
	return c.called && c.pauses == 0 && c.running == notRunning && c.idle()
}
