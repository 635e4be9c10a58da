package deferred

// chain is Twisted's Deferred without its type: a result, the links that wait for it, a pause count, the chain it waits on, a canceller.
//
// The current result is err if that is not nil, else the value in cell. The type of cell is that of the value at the point which the run
// has reached, the type behind tail that of the value after the last link.
type chain struct {
	cell      cell      // where the value is kept: a *box of its type
	err       error     // the failure, if the result is one
	tail      any       // a nil *T: links may be added through a Deferred[T] only
	canceller canceller // nil once fired (D21)
	waiting   *chain    // the chain whose result this one takes over when it comes
	record    *record   // set in debug mode and once the chain has rested on a failure
	links     links     // those that have not run
	pauses    int32
	awaited   bool // another chain has waited on this one
	called    bool
	running   runState
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
	clear()
}

// box keeps a value of type T, so that a link that keeps the type of the result allocates nothing for it.
type box[T any] struct{ v T }

func (b *box[T]) value() any       { return b.v }
func (b *box[T]) typeName() string { return typeName[T]() }
func (b *box[T]) clear()           { *b = box[T]{} }

// boxFor returns the chain's box for a value of type U, replacing one of another type by an empty one: where a failure was skipped past a
// change of type, or moved to another chain, the value is the zero value. The box that is replaced may be the first one, which lives as long
// as the chain; so that its value does not, it is cleared.
func boxFor[U any](c *chain) *box[U] {
	b, ok := c.cell.(*box[U])
	if !ok {
		c.cell.clear()
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

// fail makes err the result. The value, if there was one, has been handed to the link that failed, and is not kept.
func (c *chain) fail(err error) {
	c.cell.clear()
	c.err = err
}

// coroutine reports whether the chain has not fired yet, and nothing but the coroutine behind it may fire it.
func (c *chain) coroutine() bool {
	_, ok := c.canceller.(*Coro)
	return ok
}

// begin marks the chain as fired. It reports whether this firing is to be ignored.
func (c *chain) begin() (ignored bool, err error) {
	c.check("firing")
	if c.called || c.coroutine() {
		return c.beginAgain()
	}
	c.markFired()
	return false, nil
}

func (c *chain) beginAgain() (ignored bool, err error) {
	switch {
	case c.coroutine():
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
	c.record.noteFiring()
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
	if c.idle() && c.running == notRunning {
		c.links.forget()
	}
	c.links.add(l)
	if c.called {
		c.run()
	}
}

func (c *chain) idle() bool { return c.links.n == 0 }

// run runs all links that can run: those of c, and those of chains that waited on it, on them, and so on. If one of c's runs already, that
// run takes the new ones.
func (c *chain) run() {
	if c.running == notRunning {
		c.runLinks()
	}
}

func (c *chain) runLinks() {
	if resumed := c.proceed(); resumed != nil {
		runAll(c, resumed)
		return
	}
	c.running = notRunning
	c.rest()
}

// runAll goes on after c has advanced, with the chain that may go on because of that, and with those that may go on because of that one. They
// are kept in a list, of which the last one is next, so that the stack does not grow with their number (D60).
func runAll(c, resumed *chain) {
	var room [4]*chain
	todo := c.goOn(room[:0], resumed)
	defer func() { // for a runtime.Goexit; else there are none
		for _, c := range todo {
			c.running = notRunning
		}
	}()
	for len(todo) > 0 {
		last := len(todo) - 1
		c = todo[last]
		todo = c.goOn(todo[:last], c.proceed())
	}
}

// goOn appends to a list what is to be run after c has advanced. A chain that has given its result away and has nothing left to run is
// not among that, so in a long line of chains the list does not grow with their number either.
func (c *chain) goOn(todo []*chain, resumed *chain) []*chain {
	switch {
	case resumed == nil:
		c.running = notRunning
		c.rest()
		return todo
	case c.running == runsOther:
		return append(todo, c, resumed)
	}
	c.running = notRunning
	if !c.idle() {
		todo = append(todo, c)
	}
	return append(todo, resumed)
}

// proceed runs the chain's own links until none is left, the chain waits, or another chain may go on, which it returns. A panic in a link
// becomes the chain's failure (D33, D35).
func (c *chain) proceed() (resumed *chain) {
	for panicked := true; panicked; {
		resumed, panicked = c.advance()
	}
	return resumed
}

// advance is proceed up to a panic. A link that pauses its own chain does not stop the run (D81), not even if it panics.
func (c *chain) advance() (resumed *chain, panicked bool) {
	if c.pauses > 0 && c.running != runsOther {
		return nil, false
	}
	defer func() {
		if panicked {
			c.afterPanic(recover())
		}
	}()
	c.running = runsLink
	panicked = true
	for resumed == nil && c.waiting == nil && !c.idle() {
		resumed = c.links.take().run(c)
	}
	return resumed, false
}

// afterPanic is given what was recovered, which is nil if it was no panic but a runtime.Goexit.
func (c *chain) afterPanic(recovered any) {
	if recovered == nil {
		c.running = notRunning
		return
	}
	c.fail(NewPanicError(recovered))
	c.running = runsOther
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
	return c.letRun(other, after), nil
}

// letRun returns other for a link of c to return, and lets c go on with the link after when other has run.
func (c *chain) letRun(other *chain, after link) *chain {
	c.running = runsOther
	c.links.putBack(after)
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
	if c.called || c.coroutine() {
		return c.waiting
	}
	return nil
}

// resting reports whether the chain has a result and nothing left to do with it.
func (c *chain) resting() bool {
	return c.called && c.pauses == 0 && c.running == notRunning && c.idle()
}
