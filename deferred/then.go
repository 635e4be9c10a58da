package deferred

// Then adds f as a callback, as AddCallback does, and changes the type of the
// result to that of f. It extends the same chain, so there is one canceller,
// one pause count and one order. If the type changes, d becomes stale: add to
// the view that Then returns. A failure passes through.
func Then[T, U any](d Deferred[T], f func(T) (U, error)) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, then[T, U](f))
}

// ThenDeferred adds a callback that returns a Deferred: the chain waits for
// that inner Deferred, and continues with its result. The result moves, so the
// inner Deferred is left with the zero value.
func ThenDeferred[T, U any](d Deferred[T], f func(T) Deferred[U]) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenDeferred[T, U](f))
}

// ThenBoth adds f for both outcomes, as AddBoth does, and changes the type of
// the result.
func ThenBoth[T, U any](d Deferred[T], f func(T, error) (U, error)) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenBoth[T, U](f))
}

// ThenBothDeferred is ThenBoth for a function that returns a Deferred.
func ThenBothDeferred[T, U any](d Deferred[T], f func(T, error) Deferred[U]) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenBothDeferred[T, U](f))
}

// ThenCallbacks adds a pair, as AddCallbacks does, and changes the type of the
// result. A nil eb lets failures pass.
func ThenCallbacks[T, U any](d Deferred[T], cb func(T) (U, error), eb func(error) (U, error)) Deferred[U] {
	mustNotBeNil(cb == nil)
	return extend[T, U](d, &thenCallbacks[T, U]{cb, eb})
}

// extend adds a link that turns a T into a U, and returns the view of type U.
func extend[T, U any](d Deferred[T], l link) Deferred[U] {
	c := d.open()
	if tail := any((*U)(nil)); tail != c.tail {
		c.tail = tail
		c.view++
	}
	view := c.view
	c.add(l)
	return Deferred[U]{c, view}
}

// input returns the arguments of a function that runs for both outcomes.
func input[T any](c *chain) (v T, err error) {
	if c.err != nil {
		return v, c.err
	}
	return boxFor[T](c).v, nil
}

type then[T, U any] func(T) (U, error)

func (f then[T, U]) run(c *chain) *chain {
	if c.err == nil {
		v, err := f(boxFor[T](c).v)
		put(c, v, err)
	}
	return nil
}

type thenDeferred[T, U any] func(T) Deferred[U]

func (f thenDeferred[T, U]) run(c *chain) *chain {
	if c.err == nil {
		giveTo[U, U](f(boxFor[T](c).v), c)
	}
	return nil
}

type thenBoth[T, U any] func(T, error) (U, error)

func (f thenBoth[T, U]) run(c *chain) *chain {
	v, err := f(input[T](c))
	put(c, v, err)
	return nil
}

type thenBothDeferred[T, U any] func(T, error) Deferred[U]

func (f thenBothDeferred[T, U]) run(c *chain) *chain {
	giveTo[U, U](f(input[T](c)), c)
	return nil
}

type thenCallbacks[T, U any] struct {
	cb func(T) (U, error)
	eb func(error) (U, error) // may be nil
}

func (p *thenCallbacks[T, U]) run(c *chain) *chain {
	switch {
	case c.err == nil:
		v, err := p.cb(boxFor[T](c).v)
		put(c, v, err)
	case p.eb != nil:
		v, err := p.eb(c.err)
		put(c, v, err)
	}
	return nil
}
