package deferred

// chain is Twisted's Deferred without its type: a result, the links that wait
// for it, a pause count, the chain that it waits on, and a canceller.
//
// The result is err if that is not nil, otherwise the value in cell. The type
// of cell is the type of the value at the point that the run has reached; the
// type behind tail is the type of the value after the last link.
type chain struct {
	cell      cell      // where the value is kept: a *box of its type
	err       error     // the failure, if the result is a failure
	tail      any       // a nil *T: a link may be added only through a Deferred[T]
	canceller canceller // nil once fired
	waiting   *chain    // the chain whose result this one takes over
	record    *record   // set in debug mode, and once the chain has rested on a failure
	links     links     // those that have not run
	pauses    int32
	view      uint8 // number of the latest view; it goes round after 255
	called    bool
	running   runState
	cancelled cancelState
}

// runState says whether a new link may run at once, or is left to a run in
// progress.
type runState uint8

const (
	notRunning runState = iota
	runsLink            // a link of this chain is running
	runsOther           // another chain runs, which a link of this chain has fired
)

// cancelState is how far the cancellation of a chain that had not fired has
// come.
type cancelState uint8

const (
	notCancelled     cancelState = iota
	cancellerRuns                // Cancel has called the canceller, which has not returned
	ignoreNextFiring             // cancelled without a canceller: the next firing is ignored
)

// link is one step of a chain. It looks at the chain's result, and replaces it
// or lets it pass. It returns the chain that can continue because of it, if
// there is one.
type link interface {
	run(c *chain) (resumed *chain)
}

// cell holds a chain's value; it is always a *box.
type cell interface {
	value() any
	typeName() string
	clear()
}

// box keeps a value of type T, so that a link that keeps the type of the result
// does not allocate.
type box[T any] struct{ v T }

func (b *box[T]) value() any       { return b.v }
func (b *box[T]) typeName() string { return typeName[T]() }
func (b *box[T]) clear()           { *b = box[T]{} }

// boxFor returns the chain's box for a value of type U. A box of another type
// is replaced by an empty one: that happens where a failure skipped a link that
// changes the type, or where the value has moved to another chain. The replaced
// box may be the first one, which lives as long as the chain, so it is cleared.
func boxFor[U any](c *chain) *box[U] {
	b, ok := c.cell.(*box[U])
	if !ok {
		c.cell.clear()
		b = new(box[U])
		c.cell = b
	}
	return b
}

// put stores the result that a link's function returned. In a chain of type
// any, a returned Deferred is waited for.
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

// setResult makes v, or err if that is not nil, the result.
func setResult[U any](c *chain, v U, err error) {
	if err != nil {
		c.fail(err)
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

// fail makes err the result. The value, if there was one, is not kept.
func (c *chain) fail(err error) {
	c.cell.clear()
	c.err = err
}

// coroutine reports whether the chain has not fired yet and is fired by a
// coroutine. Nothing else may fire it.
func (c *chain) coroutine() bool {
	_, ok := c.canceller.(*Coro)
	return ok
}

// begin marks the chain as fired. ignored is true if this firing is to be
// ignored.
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
	c.waiting = nil // set by an explicit chain
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

// add appends a link, and runs it at once if the chain has a result.
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

// run runs all links that can run: those of c, those of the chains that waited
// on c, those of the chains that waited on these, and so on. If a link of c is
// running, the run in progress takes the new links.
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

// runAll continues after c has advanced, with the chain that was resumed and
// with every chain that is resumed from then on. They are kept in a list, whose
// last one is next, so that the stack does not grow with their number.
func runAll(c, resumed *chain) {
	var room [4]*chain
	todo := c.goOn(room[:0], resumed)
	defer func() { // for a runtime.Goexit; otherwise todo is empty
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

// goOn appends the chains that are to be run after c has advanced. c is not
// among them if it has given its result away and has nothing left to run, so in
// a long line of chains the list stays short.
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

// proceed runs the chain's own links until none is left, the chain waits, or
// another chain can continue, which proceed returns. A panic in a link becomes
// the chain's failure.
func (c *chain) proceed() (resumed *chain) {
	for panicked := true; panicked; {
		resumed, panicked = c.advance()
	}
	return resumed
}

// advance is proceed up to a panic. A link that pauses its own chain does not
// stop the run, not even if it panics.
func (c *chain) advance() (resumed *chain, panicked bool) {
	if c.pauses > 0 && c.running != runsOther {
		return nil, false
	}
	body := enterCallback()
	defer func() {
		body.leaveCallback()
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

// afterPanic is called with the recovered value, which is nil if the link did
// not panic but called runtime.Goexit.
func (c *chain) afterPanic(recovered any) {
	if recovered == nil {
		c.running = notRunning
		return
	}
	c.fail(NewPanicError(recovered))
	c.running = runsOther
}

// fireOther fires another chain, which was made with type T, from within a link
// of c: with a value, or with a failure if err is not nil. It returns the other
// chain for the run loop to continue with, or nil if the firing is ignored or
// refused. Until the other chain has run, c counts as running and keeps its
// result. Then, or at once if there is nothing to run, comes the link after,
// which decides about c's result.
func fireOther[T any](c, other *chain, v T, err error, after link) (resumed *chain, refused error) {
	ignored, refused := other.begin()
	if ignored || refused != nil {
		return after.run(c), refused
	}
	if other.err = err; err == nil {
		boxFor[T](other).v = v
	}
	return c.letRun(other, after), nil
}

// letRun returns other for a link of c to return, and lets c continue with the
// link after when other has run.
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

// restores is a link that makes v, or err if that is not nil, the result.
type restores[T any] struct {
	v   T
	err error
}

func (r restores[T]) run(c *chain) *chain {
	setResult(c, r.v, r.err)
	return nil
}

// waitsImplicitly reports whether a callback returned a Deferred that has not
// given its result yet.
func (c *chain) waitsImplicitly() bool { return c.called && c.waiting != nil }

// waitsOn returns the chain whose outcome c depends on: the chain that a
// callback returned, or that a coroutine awaits. An explicit chain does not
// count, because its second Deferred may be fired by others too.
func (c *chain) waitsOn() *chain {
	if c.called || c.coroutine() {
		return c.waiting
	}
	return nil
}

// resting reports whether the chain has a result and nothing left to do with
// it.
func (c *chain) resting() bool {
	return c.called && c.pauses == 0 && c.running == notRunning && c.idle()
}
