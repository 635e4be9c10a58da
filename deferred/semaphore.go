package deferred

// Semaphore is a Lock with several holders. Make one with NewSemaphore.
type Semaphore struct {
	tokens, limit int
	waiting       waitList[*Semaphore]
}

// NewSemaphore returns a semaphore with n tokens. It panics if n is less than 1 (D285).
func NewSemaphore(n int) *Semaphore {
	if n < 1 {
		panic("deferred: a semaphore needs at least one token")
	}
	return &Semaphore{tokens: n, limit: n}
}

// Acquire returns a Deferred that fires with the semaphore when a token is the caller's: at once if there is one left, else when one is
// released, first come, first served (D286). Cancelling it gives up the place in the queue (D290).
func (s *Semaphore) Acquire() Deferred[*Semaphore] {
	if s.tokens == 0 {
		return s.waiting.add()
	}
	s.tokens--
	return Succeed(s)
}

// Release gives a token to the first waiter, whose callbacks run before Release returns, or puts it back (D287). It panics with ErrNotHeld
// if all tokens are there already.
func (s *Semaphore) Release() {
	if next, ok := s.pass(); ok {
		next.Callback(s)
	}
}

// Tokens returns how many tokens are left.
func (s *Semaphore) Tokens() int { return s.tokens }

func (s *Semaphore) pass() (next Deferred[*Semaphore], ok bool) {
	if s.tokens == s.limit {
		panic(ErrNotHeld)
	}
	if next, ok = s.waiting.take(); !ok {
		s.tokens++
	}
	return next, ok
}

// releaseIn is Release from within a link of c, which continues with the link after.
func (s *Semaphore) releaseIn(c *chain, after link) (resumed *chain) {
	next, ok := s.pass()
	if !ok {
		return after.run(c)
	}
	resumed, _ = fireOther(c, next.c, s, nil, after) // not refused: next has waited
	return resumed
}
