package deferred

import (
	"context"
	"sync/atomic"
)

// Loop posts a function to the goroutine that owns the Deferreds. CallFromThread may be called from any goroutine; it reports whether f will
// be called, which is false when the loop has ended. A reactor is a Loop.
type Loop interface {
	CallFromThread(f func()) bool
}

// Scope is a set of coroutines that can be cancelled and ended together: those of a reactor, or those that serve one request. Make one with
// [NewScope]. Its methods belong to the goroutine that owns its coroutines.
type Scope struct {
	ctx       context.Context
	loop      Loop
	first     *Coro
	count     int
	ended     bool
	untie     func() bool // takes the tie to the context back; nil if there is none
	abandoned abandonedList
}

// NewScope returns a Scope whose coroutines are cancelled, on loop, when ctx is done; what they await from then on is cancelled at
// once. The tie to ctx lasts while there are coroutines in the scope. Coroutines that are abandoned are ended on loop.
func NewScope(ctx context.Context, loop Loop) *Scope { return &Scope{ctx: ctx, loop: loop} }

// InlineIn is [Inline] for a coroutine that belongs to a scope. In a scope that has ended, body does not run and the Deferred
// fails with ErrEnded.
func InlineIn[T any](s *Scope, body func(co *Coro) (T, error)) Deferred[T] {
	mustNotBeNil(body == nil)
	if s.ended {
		return Fail[T](ErrEnded)
	}
	co := &Coro{scope: s}
	s.add(co)
	return start(co, body)
}

// Len returns how many coroutines of the scope have not finished.
func (s *Scope) Len() int { return s.count }

// Cancel cancels what each coroutine of the scope awaits now, once. One that awaits another of the scope learns from that what became of it.
func (s *Scope) Cancel() {
	type wait struct{ of, on *chain }
	var waits []wait
	for _, co := range s.all() {
		if c := co.deferred(); c != nil && c.waiting != nil && !s.has(c.waiting) {
			waits = append(waits, wait{c, c.waiting})
		}
	}
	for _, w := range waits {
		if w.of.waiting == w.on { // else another cancellation has ended the wait
			cancelLogged(Deferred[any]{w.of})
		}
	}
}

// has reports whether c is the Deferred of one of the scope's coroutines that have not finished, or waits on one.
func (s *Scope) has(c *chain) bool {
	for ; c != nil; c = c.waitsOn() {
		if co, ok := c.canceller.(*Coro); ok && co.scope == s {
			return true
		}
	}
	return false
}

// End ends the scope: each suspended body is ended where it is, its Await does not return, its deferred calls run, and its Deferred fails
// with ErrEnded. What the bodies awaited is left alone. A body that runs, as it calls End, is ended at its next Await.
func (s *Scope) End() {
	s.ended = true
	for _, co := range s.all() {
		if !co.ended { // another's deferred calls may have finished it
			co.end()
		}
	}
}

// add puts a coroutine into the scope, remove takes it out.
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

// all returns the coroutines of the scope, those started first first.
func (s *Scope) all() []*Coro {
	all := make([]*Coro, s.count)
	i := s.count
	for co := s.first; co != nil; co = co.next {
		i--
		all[i] = co
	}
	return all
}

// deferred returns the chain of the coroutine's Deferred, nil if nobody can reach that any more.
func (co *Coro) deferred() *chain {
	if co.running {
		return co.outer
	}
	return co.found.Value()
}

// end ends the body. The goroutine that it ran on is gone afterwards, unless the body is running now.
func (co *Coro) end() {
	co.ended = true
	if co.running {
		return
	}
	outer := co.found.Value()
	co.outer, co.running = outer, true
	if outer != nil {
		outer.waiting = nil
	}
	co.stop()
	if outer != nil {
		outer.run()
	}
}

// abandon is called on a goroutine of the runtime when the coroutine's Deferred was collected. Nothing can resume the body then.
func (co *Coro) abandon() {
	if co.scope == nil {
		abandoned.push(co)
		return
	}
	s := co.scope
	s.abandoned.push(co)
	s.loop.CallFromThread(func() { s.abandoned.end() })
}

// abandoned has the abandoned coroutines that belong to no scope.
var abandoned abandonedList

// EndAbandoned ends the bodies of the coroutines, of those started with [Inline], that were found to be abandoned, and returns how many. Their
// deferred calls run on the calling goroutine. Inline does the same, so a program needs to call it only to be rid of them earlier. A program
// that runs several reactors uses a [Scope] for the coroutines of each.
func EndAbandoned() int { return abandoned.end() }

// abandonedList is a list that any goroutine may add to.
type abandonedList struct{ head atomic.Pointer[abandonedCoro] }

type abandonedCoro struct {
	co   *Coro
	next *abandonedCoro
}

func (l *abandonedList) any() bool { return l.head.Load() != nil }

func (l *abandonedList) push(co *Coro) {
	entry := &abandonedCoro{co: co}
	for {
		entry.next = l.head.Load()
		if l.head.CompareAndSwap(entry.next, entry) {
			return
		}
	}
}

// end ends all coroutines of the list.
func (l *abandonedList) end() (n int) {
	for entry := l.head.Swap(nil); entry != nil; entry = entry.next {
		if !entry.co.ended {
			entry.co.end()
			n++
		}
	}
	return n
}
