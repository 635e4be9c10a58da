package deferred

// AddCallback adds f, which receives the value and returns the next one. If f
// returns an error or panics, the chain continues with its errbacks. If the
// Deferred has a result already, f runs before AddCallback returns. AddCallback
// returns d. A nil f panics with ErrNilCallback.
func (d Deferred[T]) AddCallback(f func(T) (T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(callback[T](f))
	return d
}

// AddErrback adds f, which receives the failure. If f returns a nil error, the
// chain continues with its callbacks and the value that f returns. If f returns
// an error, usually the one that it received, the chain continues with its
// errbacks. AddErrback returns d.
func (d Deferred[T]) AddErrback(f func(error) (T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(errback[T](f))
	return d
}

// AddCallbacks adds a pair, of which exactly one runs: cb for a value, eb for a
// failure. eb does not see an error from cb; the next errback does. A nil eb
// lets failures pass; a nil cb panics with ErrNilCallback. AddCallbacks returns
// d.
func (d Deferred[T]) AddCallbacks(cb func(T) (T, error), eb func(error) (T, error)) Deferred[T] {
	return ThenCallbacks(d, cb, eb)
}

// AddBoth adds f for both outcomes. It receives the value and a nil error, or
// the zero value and the failure. AddBoth returns d.
func (d Deferred[T]) AddBoth(f func(T, error) (T, error)) Deferred[T] {
	return ThenBoth(d, f)
}

// AddErrbackDeferred is AddErrback for a function that returns a Deferred: the
// chain waits for that Deferred, and continues with its result.
func (d Deferred[T]) AddErrbackDeferred(f func(error) Deferred[T]) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(errbackDeferred[T](f))
	return d
}

// OnValue adds f, which is called with the value for its effect. The value
// passes on. A panic in f becomes the failure. OnValue returns d.
func (d Deferred[T]) OnValue(f func(T)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(onValue[T](f))
	return d
}

// OnError adds f, which handles the failure: the chain continues with the zero
// value. OnError returns d.
//
//	d.OnError(deferred.LogErr)
//
// To handle some errors and pass the others on, use AddErrback and [Trap].
func (d Deferred[T]) OnError(f func(error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(onError[T](f))
	return d
}

// OnResult adds f, which is called for both outcomes, with the value and a nil
// error or with the zero value and the failure. It is OnValue and OnError in
// one: a value passes on, and a failure is handled. OnResult returns d.
func (d Deferred[T]) OnResult(f func(T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(onResult[T](f))
	return d
}

// Finally adds f, which is called for both outcomes. The result passes on. A
// panic in f becomes the failure. Finally returns d.
func (d Deferred[T]) Finally(f func()) Deferred[T] {
	mustNotBeNil(f == nil)
	d.open().add(finally[T](f))
	return d
}

// Pause stops the callbacks until the matching Unpause. Pauses nest. A callback
// that pauses its own Deferred does not stop the callbacks that were added
// before it ran, only those that are added later.
func (d Deferred[T]) Pause() {
	c := d.chain()
	c.check("pausing")
	c.pauses++
}

// Unpause takes one Pause back. If that was the last one, the callbacks that
// can run do so before Unpause returns. Unpause panics with ErrNotPaused if
// there is no Pause to take back.
func (d Deferred[T]) Unpause() {
	c := d.chain()
	c.check("unpausing")
	own := c.pauses
	if c.waitsImplicitly() {
		own-- // the wait counts as a pause, and ends by itself
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

type onValue[T any] func(T)

func (f onValue[T]) run(c *chain) *chain {
	if c.err == nil {
		v := boxFor[T](c).v
		f(v)
		setResult(c, v, nil)
	}
	return nil
}

type onError[T any] func(error)

func (f onError[T]) run(c *chain) *chain {
	if c.err != nil {
		f(c.err)
		giveUp[T](c)
	}
	return nil
}

type onResult[T any] func(T, error)

func (f onResult[T]) run(c *chain) *chain {
	v, err := input[T](c)
	f(v, err)
	setResult(c, v, nil)
	return nil
}

type finally[T any] func()

func (f finally[T]) run(c *chain) *chain {
	v, err := input[T](c)
	f()
	setResult(c, v, err)
	return nil
}
