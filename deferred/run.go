package deferred

// Limiter is the argument of [Run]: a [*Lock] or a [*Semaphore].
type Limiter interface {
	acquire() Deferred[Void]
	Release()
	releaseIn(c *chain, after link) (resumed *chain)
}

func (l *Lock) acquire() Deferred[Void]      { return Then(l.Acquire(), discard[*Lock]) }
func (s *Semaphore) acquire() Deferred[Void] { return Then(s.Acquire(), discard[*Semaphore]) }

func discard[T any](T) (none Void, _ error) { return none, nil }

// Run acquires l, calls f, and releases l when the Deferred that f returns has
// a result, which becomes the result of Run. The release is a callback of f's
// Deferred, so the callbacks that f added run before it, and callbacks or
// pauses of the Deferred that Run returns do not delay it. A panic in f also
// releases l. Cancelling cancels the wait for l, or f's Deferred. A long queue
// of runs needs no more stack than one.
func Run[T any](l Limiter, f func() Deferred[T]) Deferred[T] {
	mustNotBeNil(f == nil)
	return extend[Void, T](l.acquire(), &runner[T]{l, f})
}

// runner stands in the chain of a Run where the limiter is acquired.
type runner[T any] struct {
	limiter Limiter
	f       func() Deferred[T]
}

func (r *runner[T]) run(c *chain) (resumed *chain) {
	if c.err != nil {
		return nil
	}
	d := r.call()
	if d.c == nil {
		d = Fail[T](ErrZero)
	}
	if d.c.resting() {
		// A link of d would release on top of this one, and so on down the
		// queue. Released from here, the next run begins when this link has
		// returned.
		v, err := input[T](d.c)
		return r.limiter.releaseIn(c, takesOver[T]{d.c, restores[T]{v, err}})
	}
	d.c.add(&releaser[T]{r.limiter})
	giveTo[T, T](d, c)
	return nil
}

// call calls f. It releases the limiter if f calls runtime.Goexit.
func (r *runner[T]) call() Deferred[T] {
	returned := false
	defer func() {
		if !returned {
			r.limiter.Release()
		}
	}()
	d := MaybeDeferred(r.f)
	returned = true
	return d
}

// releaser stands in the chain of f's Deferred. The result passes.
type releaser[T any] struct{ limiter Limiter }

func (r *releaser[T]) run(c *chain) (resumed *chain) {
	v, err := input[T](c)
	return r.limiter.releaseIn(c, restores[T]{v, err})
}

// takesOver is a link that makes a result of f's Deferred, which had it when
// the limiter was released, the result of Run.
type takesOver[T any] struct {
	from *chain
	restores[T]
}

func (t takesOver[T]) run(c *chain) *chain {
	giveUp[T](t.from)
	t.from.rest()
	return t.restores.run(c)
}
