package deferred

// Then adds f to the success side of d's chain, as AddCallback does, and changes the type of the chain's result to f's. It is the same
// Deferred: one canceller, one pause count, one order. d is spent afterwards; add to what Then returns. A failure passes through.
func Then[T, U any](d Deferred[T], f func(T) (U, error)) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, then[T, U](f))
}

// ThenDeferred adds a callback whose answer is a Deferred: the chain waits for it, and goes on with its result (D41 to D46). Afterwards
// the inner Deferred's own result is the zero value: it has moved.
func ThenDeferred[T, U any](d Deferred[T], f func(T) Deferred[U]) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenDeferred[T, U](f))
}

// ThenBoth adds f to both sides, as AddBoth does, and changes the type of the result.
func ThenBoth[T, U any](d Deferred[T], f func(T, error) (U, error)) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenBoth[T, U](f))
}

// ThenBothDeferred is ThenBoth for a function whose answer is a Deferred.
func ThenBothDeferred[T, U any](d Deferred[T], f func(T, error) Deferred[U]) Deferred[U] {
	mustNotBeNil(f == nil)
	return extend[T, U](d, thenBothDeferred[T, U](f))
}

// ThenCallbacks adds a pair, as AddCallbacks does, and changes the type of the result. A nil eb lets failures pass.
func ThenCallbacks[T, U any](d Deferred[T], cb func(T) (U, error), eb func(error) (U, error)) Deferred[U] {
	mustNotBeNil(cb == nil)
	return extend[T, U](d, &thenCallbacks[T, U]{cb, eb})
}

// extend adds a link that turns a T into a U and returns the view of the new type.
func extend[T, U any](d Deferred[T], l link) Deferred[U] {
	c := d.open()
	c.tail = (*U)(nil)
	c.add(l)
	return Deferred[U]{c}
}

// input returns what a link that runs for both sides is given.
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
