package deferred

// ChainDeferred adds a link that hands d's result over to other, a value by its Callback and a failure by its Errback (D67). d's own result
// is the zero value from there on, so a failure is then other's to handle (D69). Cancelling or firing other leaves d alone (D70). If
// other has already fired, ErrAlreadyCalled becomes d's failure (D71). It returns d.
//
// It panics with ErrCircular if other is d, and with a [*ViewError] if other is not the view that its Deferred was made with.
func (d Deferred[T]) ChainDeferred(other Deferred[T]) Deferred[T] {
	c, next := d.open(), other.chain()
	if c == next {
		panic(ErrCircular)
	}
	if !next.called && !next.coroutine() {
		if _, ok := next.cell.(*box[T]); !ok {
			panic(&ViewError{Op: "chaining to it", View: typeName[T](), Want: next.cell.typeName()})
		}
		next.waiting = c // for the text form; cleared when next fires (D73)
	}
	c.add(chainTo[T]{next})
	return d
}

// chainTo stands in a chain at the point where its result goes to another one.
type chainTo[T any] struct{ next *chain }

func (l chainTo[T]) run(c *chain) *chain {
	v, err := input[T](c)
	resumed, refused := settle(c, l.next, v, err, givesUp[T]{})
	if refused != nil {
		c.fail(refused)
	}
	return resumed
}

// Any returns d as a Deferred[any]: the same Deferred, whose callbacks may from now on return anything. d is spent.
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
