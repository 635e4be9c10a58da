package deferred

import "iter"

// waitable is a Deferred of any type, or a type that embeds one, returned by a
// callback of a Deferred[any].
type waitable interface {
	resultTo(outer *chain)
}

func (d Deferred[T]) resultTo(outer *chain) { giveTo[T, any](d, outer) }

// asWaitable returns v as a waitable if it is one and the type of the chain, T,
// is any. In a chain of another type no value is waited for.
func asWaitable[T any](v T) (w waitable, ok bool) {
	if _, dynamic := any((*T)(nil)).(*any); dynamic {
		w, ok = any(v).(waitable)
	}
	return w, ok
}

// giveTo makes d's result the result of outer, one of whose callbacks has
// returned d: at once if d has a result, otherwise later. U, the type that
// outer expects, is T or any.
func giveTo[T, U any](d Deferred[T], outer *chain) {
	inner := d.c
	switch {
	case inner == nil:
		outer.fail(ErrZero)
	case d.isStale():
		outer.fail(d.stale("returning it from a callback"))
	case inner.leadsTo(outer):
		outer.fail(ErrCircular)
	case hasResult[T](inner):
		move[T, U](outer, inner)
	default:
		wait[T, U](outer, inner)
	}
}

// leadsTo reports whether c is outer, or waits on outer directly or through
// others.
func (c *chain) leadsTo(outer *chain) bool {
	if c == outer || c.waitsOn() == nil { // as usual
		return c == outer
	}
	search := circleSearch{to: outer, ahead: c, behind: []*chain{outer}}
	for search.step() {
	}
	return search.found
}

// circleSearch looks for a line of waits that leads from one chain to another.
// It walks along the waits from the first, and counts the chains that lead to
// the other, until either ends: a line is no longer than the number of chains
// that lead to its end. So the search takes no longer than the shorter of the
// two, and a long line of waiting chains can be built from either end.
type circleSearch struct {
	to     *chain
	ahead  *chain   // the end of the walk along the waits
	behind []*chain // chains that lead to the chain to, and are not counted
	found  bool
}

// step walks one wait further and counts one chain. It reports whether to go
// on.
func (s *circleSearch) step() (more bool) {
	s.ahead = s.ahead.waitsOn()
	if s.found = s.ahead == s.to; s.found || s.ahead == nil {
		return false
	}
	last := len(s.behind) - 1
	c := s.behind[last]
	s.behind = s.behind[:last]
	for waiter := range c.waiters() {
		s.behind = append(s.behind, waiter)
	}
	return len(s.behind) > 0
}

// waiters yields the chains that wait on c.
func (c *chain) waiters() iter.Seq[*chain] {
	return func(yield func(*chain) bool) {
		for l := range c.links.all() {
			if l, ok := l.(waitingLink); ok && l.waitingChain().waitsOn() == c && !yield(l.waitingChain()) {
				return
			}
		}
	}
}

// waitingLink is a link for which another chain waits.
type waitingLink interface {
	link
	waitingChain() *chain
}

// hasResult reports whether the chain's result can be taken as a T. A Deferred
// that has fired but is paused, or waits itself, has no result yet. While a
// link of the chain runs, the result is the one that was passed to the link.
func hasResult[T any](c *chain) bool {
	if !c.called || c.pauses > 0 {
		return false
	}
	_, ok := c.cell.(*box[T])
	return ok || c.err != nil
}

// wait makes outer wait for inner's result.
func wait[T, U any](outer, inner *chain) {
	outer.cell.clear()
	outer.err = nil
	outer.waiting = inner
	outer.pauses++
	inner.add(handOver[T, U]{outer})
}

// handOver stands in the inner chain at the point where the outer chain takes
// the result.
type handOver[T, U any] struct{ outer *chain }

func (h handOver[T, U]) run(inner *chain) *chain {
	h.outer.waiting = nil
	h.outer.pauses--
	move[T, U](h.outer, inner)
	return h.outer
}

func (h handOver[T, U]) waitingChain() *chain { return h.outer }

// move gives inner's result to outer and leaves the zero value behind.
func move[T, U any](outer, inner *chain) {
	v, err := takeOut[T](inner)
	if err != nil {
		outer.fail(err)
		return
	}
	outer.err = nil
	setAs(boxFor[U](outer), v)
}

// takeOut removes the result from a chain whose result is a T or a failure, and
// leaves the zero value behind.
func takeOut[T any](c *chain) (v T, err error) {
	from := boxFor[T](c)
	if err = c.err; err == nil {
		v = from.v
	}
	var none T
	from.v, c.err = none, nil
	c.rest()
	return v, err
}

// setAs stores v, whose type is the type of the box unless the box is one for
// any.
func setAs[T, U any](to *box[U], v T) {
	switch to := any(to).(type) {
	case *box[T]:
		to.v = v
	case *box[any]:
		to.v = v
	}
}
