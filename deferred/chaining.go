package deferred

// ChainDeferred passes d's result on to other, once it is there: a value to
// other.Callback, a failure to other.Errback. d itself is left with the zero
// value from that point of the chain on, so a failure is then other's to
// handle. Firing or cancelling other does not affect d. If other has already
// fired, ErrAlreadyCalled becomes d's failure. ChainDeferred returns d.
//
// ChainDeferred panics with ErrCircular if other is d, and with a [*ViewError]
// if other was not made with type T.
func (d Deferred[T]) ChainDeferred(other Deferred[T]) Deferred[T] {
	c, next := d.open(), other.chain()
	if c == next {
		panic(ErrCircular)
	}
	if !next.called && !next.coroutine() {
		if _, ok := next.cell.(*box[T]); !ok {
			panic(&ViewError{Op: "chaining to it", View: typeName[T](), Want: next.cell.typeName()})
		}
		next.waiting = c // for String; cleared when next fires
	}
	c.add(chainTo[T]{next})
	return d
}

// chainTo stands in a chain at the point where its result goes to another one.
type chainTo[T any] struct{ next *chain }

func (l chainTo[T]) run(c *chain) *chain {
	v, err := input[T](c)
	resumed, refused := fireOther(c, l.next, v, err, givesUp[T]{})
	if refused != nil {
		c.fail(refused)
	}
	return resumed
}

// Any returns d as a Deferred[any], the same Deferred, whose callbacks may
// return values of any type from then on. d becomes stale unless it is a
// Deferred[any].
func Any[T any](d Deferred[T]) Deferred[any] {
	return extend[T, any](d, toAny[T]{})
}

type toAny[T any] struct{}

func (toAny[T]) run(c *chain) *chain {
	if c.err == nil {
		v := boxFor[T](c).v
		setAs(boxFor[any](c), v)
	}
	return nil
}
