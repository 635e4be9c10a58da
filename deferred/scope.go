package deferred

import "context"

// Loop posts a function to the goroutine that owns the Deferreds. A reactor is
// a Loop.
type Loop interface {
	// CallFromThread arranges for f to be called on the owner's goroutine. It
	// may be called from any goroutine. It returns false if the loop has ended
	// and f will not be called.
	CallFromThread(f func()) bool
}

// Scope is a set of coroutines that can be cancelled and ended together: those
// of a reactor, for instance, or those that serve one request. Make one with
// [NewScope]. Its methods belong to the goroutine that owns the coroutines.
type Scope struct {
	ctx       context.Context
	loop      Loop
	first     *Coro
	count     int
	ended     bool
	untie     func() bool // removes the tie to ctx; nil if there is none
	abandoned abandonedList
}

// NewScope returns a Scope without coroutines. When ctx is done, the coroutines
// are cancelled on loop, and every later Await in them is cancelled at once.
// The Scope holds on to ctx only while it has coroutines. Abandoned coroutines
// of the Scope are ended on loop.
func NewScope(ctx context.Context, loop Loop) *Scope { return &Scope{ctx: ctx, loop: loop} }

// InlineIn is [Inline] for a coroutine that belongs to a scope. If the scope
// has ended, body does not run and the Deferred fails with ErrEnded.
func InlineIn[T any](s *Scope, body func(co *Coro) (T, error)) Deferred[T] {
	mustNotBeNil(body == nil)
	if s.ended {
		return Fail[T](ErrEnded)
	}
	co := &Coro{scope: s}
	s.add(co)
	return start(co, body)
}

// Len returns the number of coroutines in the scope that have not finished.
func (s *Scope) Len() int { return s.count }

// Cancel cancels, once for each coroutine of the scope, the Deferred that it
// awaits. A Deferred that belongs to another coroutine of the scope, or waits
// on one, is left to the cancellation of that coroutine.
func (s *Scope) Cancel() {
	type wait struct{ of, on *chain }
	var waits []wait
	outside := make(map[*chain]bool)
	for _, co := range s.all() {
		if c := co.deferred(); c != nil && c.waiting != nil && !s.has(c.waiting, outside) {
			waits = append(waits, wait{c, c.waiting})
		}
	}
	for _, w := range waits {
		if w.of.waiting == w.on { // otherwise another cancellation has ended the wait
			cancelLogged(Deferred[any]{c: w.of})
		}
	}
}

// has reports whether c is the Deferred of an unfinished coroutine of the
// scope, or waits on one. outside has the chains for which has returned false
// before.
func (s *Scope) has(c *chain, outside map[*chain]bool) bool {
	for ; c != nil && !outside[c]; c = c.waitsOn() {
		if co, ok := c.canceller.(*Coro); ok && co.scope == s {
			return true
		}
		outside[c] = true
	}
	return false
}

// End ends the scope. Each suspended body is ended where it is: its Await does
// not return, its deferred calls run, and its Deferred fails with ErrEnded. A
// body that is running, because it calls End, is ended at its next Await. The
// Deferreds that the bodies awaited are not cancelled.
func (s *Scope) End() {
	s.ended = true
	all := s.all()
	for _, co := range all {
		co.ending = true
	}
	endAll(all)
}

// endAll ends coroutines, also if a deferred call of one calls runtime.Goexit.
func endAll(cos []*Coro) {
	defer func() {
		if len(cos) > 0 {
			endAll(cos)
		}
	}()
	for len(cos) > 0 {
		co := cos[0]
		cos = cos[1:]
		co.end()
	}
}

// add adds a coroutine to the scope; remove removes it.
func (s *Scope) add(co *Coro) {
	if co.next = s.first; co.next != nil {
		co.next.previous = co
	}
	s.first = co
	if s.count++; s.count == 1 {
		s.tie()
	}
}

func (s *Scope) remove(co *Coro) {
	if co.previous != nil {
		co.previous.next = co.next
	} else {
		s.first = co.next
	}
	if co.next != nil {
		co.next.previous = co.previous
	}
	co.previous, co.next = nil, nil
	if s.count--; s.count == 0 && s.untie != nil {
		s.untie()
		s.untie = nil
	}
}

func (s *Scope) tie() {
	if s.ctx.Done() != nil {
		s.untie = context.AfterFunc(s.ctx, func() { s.loop.CallFromThread(s.Cancel) })
	}
}

// all returns the coroutines of the scope in the order in which they were
// started.
func (s *Scope) all() []*Coro {
	all := make([]*Coro, s.count)
	i := s.count
	for co := s.first; co != nil; co = co.next {
		i--
		all[i] = co
	}
	return all
}

// deferred returns the chain of the coroutine's Deferred, nil if that was
// collected.
func (co *Coro) deferred() *chain {
	if co.running {
		return co.outer
	}
	return co.found.Value()
}
