package deferred

// waitable is a Deferred of any type, or something that embeds one (D179), as a callback of a Deferred[any] may return it.
type waitable interface {
	resultTo(outer *chain)
}

func (d Deferred[T]) resultTo(outer *chain) { giveTo[T, any](d, outer) }

// asWaitable reports whether v, the value of a chain of type any, is a Deferred. Values of other types never are.
func asWaitable[T any](v T) (w waitable, ok bool) {
	if _, dynamic := any((*T)(nil)).(*any); dynamic {
		w, ok = any(v).(waitable)
	}
	return w, ok
}

// giveTo makes d's result the result of outer, one of whose callbacks has returned d: at once if it is there, else when it comes. U, the
// type that outer expects, is T or any.
func giveTo[T, U any](d Deferred[T], outer *chain) {
	inner := d.c
	if inner == nil {
		outer.fail(ErrZero)
		return
	}
	if _, ok := inner.tail.(*T); !ok {
		outer.fail(d.spent("returning it from a callback"))
		return
	}
	switch {
	case inner.leadsTo(outer):
		outer.fail(ErrCircular)
	case hasResult[T](inner):
		move[T, U](outer, inner)
	default:
		wait[T, U](outer, inner)
	}
}

// leadsTo reports whether c is outer, or waits on it directly or through others. Nothing can lead to a chain that nobody waits on, which
// spares building a long line of chains the walk along it.
func (c *chain) leadsTo(outer *chain) bool {
	if !outer.awaited {
		return c == outer
	}
	for c != nil && c != outer {
		c = c.waitsOn()
	}
	return c == outer
}

// hasResult reports whether the chain's result can be taken as a T. A Deferred that has fired but is paused, or waits itself, has no
// result yet (D51, D54). While a link of the chain runs, the result is the one that the link was given.
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
	inner.awaited = true
	inner.add(handOver[T, U]{outer})
}

// handOver stands in the inner chain at the point where the outer one takes the result over.
type handOver[T, U any] struct{ outer *chain }

func (h handOver[T, U]) run(inner *chain) *chain {
	h.outer.waiting = nil
	h.outer.pauses--
	move[T, U](h.outer, inner)
	return h.outer
}

// move gives inner's result to outer and leaves the zero value behind (D43).
func move[T, U any](outer, inner *chain) {
	v, err := takeOut[T](inner)
	if err != nil {
		outer.fail(err)
		return
	}
	outer.err = nil
	setAs(boxFor[U](outer), v)
}

// takeOut removes the result from a chain whose result is a T or a failure, and leaves the zero value behind.
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

// setAs stores v, whose type is that of the box unless the box is one for any.
func setAs[T, U any](to *box[U], v T) {
	switch to := any(to).(type) {
	case *box[T]:
		to.v = v
	case *box[any]:
		to.v = v
	}
}
