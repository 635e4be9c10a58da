package deferred

import "errors"

// ErrNotHeld is the panic value of releasing a Lock or a Semaphore more often than it was acquired (D276, D288).
var ErrNotHeld = errors.New("deferred: Release without Acquire")

// Lock is a mutual exclusion whose waiters are Deferreds. It is not for several goroutines, but for several chains of callbacks of
// one. The zero Lock is free.
type Lock struct {
	held    bool
	waiting waitList[*Lock]
}

// Acquire returns a Deferred that fires with the lock when it is the caller's: at once if it is free (D273), else after all who asked before
// have released it (D274). Cancelling it gives up the place in the queue (D281); once it has fired, that does nothing (D282).
func (l *Lock) Acquire() Deferred[*Lock] {
	if l.held {
		return l.waiting.add()
	}
	l.held = true
	return Succeed(l)
}

// Release gives the lock to the first waiter, whose callbacks run before Release returns, or makes it free (D275). It panics with
// ErrNotHeld if the lock is free.
func (l *Lock) Release() {
	if next, ok := l.pass(); ok {
		next.Callback(l)
	}
}

// Locked reports whether somebody holds the lock.
func (l *Lock) Locked() bool { return l.held }

func (l *Lock) pass() (next Deferred[*Lock], ok bool) {
	if !l.held {
		panic(ErrNotHeld)
	}
	next, ok = l.waiting.take()
	l.held = ok
	return next, ok
}

// releaseIn is Release from within a link of c, which continues with the link after.
func (l *Lock) releaseIn(c *chain, after link) (resumed *chain) {
	next, ok := l.pass()
	if !ok {
		return after.run(c)
	}
	resumed, _ = fireOther(c, next.c, l, nil, after) // not refused: next has waited
	return resumed
}
