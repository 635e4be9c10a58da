package deferred

// Limiter is what [Run] can hold: a [*Lock] or a [*Semaphore].
type Limiter interface {
	acquire() Deferred[struct{}]
	releaseIn(c *chain) (resumed *chain)
}

func (l *Lock) acquire() Deferred[struct{}]      { return Then(l.Acquire(), discard[*Lock]) }
func (s *Semaphore) acquire() Deferred[struct{}] { return Then(s.Acquire(), discard[*Semaphore]) }

func discard[T any](T) (none struct{}, _ error) { return none, nil }

// Run acquires l, calls f, and releases l when the Deferred that f has returned has a result, value or failure, which becomes Run's result
// (D277, D289). A panic in f releases l too (D278). Cancelling cancels what is waited for: the place in the queue, or f's Deferred (D280).
// Any number of queued runs need no more stack than one (D284).
func Run[T any](l Limiter, f func() Deferred[T]) Deferred[T] {
	mustNotBeNil(f == nil)
	r := &releaser{limiter: l}
	d := ThenDeferred(l.acquire(), func(struct{}) Deferred[T] {
		r.holds = true
		return MaybeDeferred(f)
	})
	d.open().add(r)
	return d
}

// releaser stands in the chain of a Run where the result of its function has come.
type releaser struct {
	limiter Limiter
	holds   bool
}

func (r *releaser) run(c *chain) (resumed *chain) {
	if r.holds {
		resumed = r.limiter.releaseIn(c)
	}
	return resumed
}

// goOn is a link that leaves the result as it is.
type goOn struct{}

func (goOn) run(*chain) *chain { return nil }

// passIn fires next, if there is one, from within a link of c.
func passIn[T any](c *chain, next Deferred[T], ok bool, v T) (resumed *chain) {
	if ok {
		resumed, _ = settle(c, next.c, v, nil, goOn{}) // it waited, so it has not fired
	}
	return resumed
}
