package deferred

import "fmt"

// Semaphore is a [Lock] that several callers may hold at once, each with a
// token of its own. Like a Lock it belongs to one goroutine. Make a Semaphore
// with NewSemaphore.
type Semaphore struct {
	tokens, limit int
	waiting       waitList[*Semaphore]
}

// NewSemaphore returns a semaphore with n tokens. It panics if n is less than
// 1.
func NewSemaphore(n int) *Semaphore {
	if n < 1 {
		panic(fmt.Errorf("deferred: NewSemaphore(%d); a semaphore needs at least one token", n))
	}
	return &Semaphore{tokens: n, limit: n}
}

// Acquire takes a token and returns a Deferred that fires with the semaphore
// when the caller has the token. If a token is left, the Deferred has already
// fired. Else it waits for a Release, first come, first served; cancelling the
// Deferred then gives up the place in the queue. Once fired, it cannot be
// cancelled.
func (s *Semaphore) Acquire() Deferred[*Semaphore] {
	if s.tokens == 0 {
		return s.waiting.add()
	}
	s.tokens--
	return Succeed(s)
}

// Release gives a token back. If an Acquire waits, the one that has waited
// longest gets the token, and its callbacks run before Release returns. Release
// panics with ErrNotHeld if no token is missing.
func (s *Semaphore) Release() {
	if next, ok := s.pass(); ok {
		next.Callback(s)
	}
}

// Tokens returns the number of tokens left.
func (s *Semaphore) Tokens() int { return s.tokens }

// pass takes a token back. If an Acquire waits, pass returns the first, to be
// fired with the token.
func (s *Semaphore) pass() (next Deferred[*Semaphore], ok bool) {
	if s.tokens == s.limit {
		panic(ErrNotHeld)
	}
	if next, ok = s.waiting.take(); !ok {
		s.tokens++
	}
	return next, ok
}

// releaseIn is Release from within a link of c, which continues with the link
// after.
func (s *Semaphore) releaseIn(c *chain, after link) (resumed *chain) {
	next, ok := s.pass()
	if !ok {
		return after.run(c)
	}
	resumed, _ = fireOther(c, next.c, s, nil, after) // not refused: next has waited
	return resumed
}
