package deferred

// AddCallback adds f to the success side of the chain: it receives the value and returns the next one. If it returns an error, or
// panics, the chain switches to the failure side (D22, D33). If the result is already there, f runs before AddCallback returns (D6).
// It returns d, so that calls can be strung together. A nil f panics (D314).
func (d Deferred[T]) AddCallback(f func(T) (T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(callback[T](f))
	return d
}

// AddErrback adds f to the failure side: it receives the error and returns the value with which the chain goes on on the success side
// (D30), or an error, as a rule the one it was given, to stay on the failure side (D31).
func (d Deferred[T]) AddErrback(f func(error) (T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(errback[T](f))
	return d
}

// AddCallbacks adds a pair, of which exactly one runs: cb for a value, eb for an error (D24). An error from cb is not seen by eb, but by
// the next errback of the chain (D25). A nil eb lets failures pass (D26); a nil cb panics.
func (d Deferred[T]) AddCallbacks(cb func(T) (T, error), eb func(error) (T, error)) Deferred[T] {
	return ThenCallbacks(d, cb, eb)
}

// AddBoth adds f to both sides: it receives the value and a nil error, or the zero value and the error (D29).
func (d Deferred[T]) AddBoth(f func(T, error) (T, error)) Deferred[T] {
	return ThenBoth(d, f)
}

// AddErrbackDeferred is AddErrback for a function whose answer is a Deferred: the chain waits for it (D47).
func (d Deferred[T]) AddErrbackDeferred(f func(error) Deferred[T]) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(errbackDeferred[T](f))
	return d
}

// Pause holds the callbacks back until the matching Unpause; pauses nest (D75, D76). A callback that pauses its own Deferred does not hold
// back those that are queued behind it in the same run, only later additions (D81).
func (d Deferred[T]) Pause() {
	c := d.chain()
	c.check("pausing")
	c.pauses++
}

// Unpause takes one Pause back; with the last one, callbacks that can run do so before it returns (D79). It panics with ErrNotPaused when
// there is no Pause to take back (D80).
func (d Deferred[T]) Unpause() {
	c := d.chain()
	c.check("unpausing")
	own := c.pauses
	if c.waitsImplicitly() {
		own-- // that one ends with the wait
	}
	if own <= 0 {
		panic(ErrNotPaused)
	}
	c.unpause()
}

func (c *chain) unpause() {
	if c.pauses--; c.pauses == 0 && c.called {
		c.run()
	}
}

func mustNotBeNil(isNil bool) {
	if isNil {
		panic(ErrNilCallback)
	}
}

type callback[T any] func(T) (T, error)

func (f callback[T]) run(c *chain) *chain {
	if c.err == nil {
		v, err := f(boxFor[T](c).v)
		put(c, v, err)
	}
	return nil
}

type errback[T any] func(error) (T, error)

func (f errback[T]) run(c *chain) *chain {
	if c.err != nil {
		v, err := f(c.err)
		put(c, v, err)
	}
	return nil
}

type errbackDeferred[T any] func(error) Deferred[T]

func (f errbackDeferred[T]) run(c *chain) *chain {
	if c.err != nil {
		giveTo[T, T](f(c.err), c)
	}
	return nil
}
