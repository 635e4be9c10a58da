package deferred

import "errors"

// ErrNotHeld is the panic value of releasing a Lock or a Semaphore more often
// than it was acquired.
var ErrNotHeld = errors.New("deferred: Release without Acquire")

// Lock is a mutual exclusion whose waiters are Deferreds. It is for several
// chains of callbacks on one goroutine, not for several goroutines. The zero
// Lock is free.
type Lock struct {
	held    bool
	waiting waitList[*Lock]
}

// Acquire returns a Deferred that fires with the lock when the caller holds it:
// at once if the lock is free, otherwise after all who asked before have
// released it. Cancelling the Deferred gives up the place in the queue. Once
// the Deferred has fired, cancelling does nothing, and the caller must release
// the lock.
func (l *Lock) Acquire() Deferred[*Lock] {
	if l.held {
		return l.waiting.add()
	}
	l.held = true
	return Succeed(l)
}

// Release passes the lock to the first waiter, whose callbacks run before
// Release returns, or frees it. It panics with ErrNotHeld if the lock is free.
func (l *Lock) Release() {
	if next, ok := l.pass(); ok {
		next.Callback(l)
	}
}

// Locked reports whether the lock is held.
func (l *Lock) Locked() bool { return l.held }

func (l *Lock) pass() (next Deferred[*Lock], ok bool) {
	if !l.held {
		panic(ErrNotHeld)
	}
	next, ok = l.waiting.take()
	l.held = ok
	return next, ok
}

// releaseIn is Release from within a link of c, which continues with the link
// after.
func (l *Lock) releaseIn(c *chain, after link) (resumed *chain) {
	next, ok := l.pass()
	if !ok {
		return after.run(c)
	}
	resumed, _ = fireOther(c, next.c, l, nil, after) // not refused: next has waited
	return resumed
}
