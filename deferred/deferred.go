package deferred

// Deferred is a result of type T that may not be there yet, and the chain of callbacks that will handle it. It is a small value (one
// pointer): copy it freely, every copy is the same Deferred, and == compares identity.
//
// A Deferred is a typed view over one untyped chain. [Then] and its relatives change the type of the chain's result; they return the view of
// the new type and leave the old one spent: adding a callback through a spent view panics with a [*ViewError]. Firing, cancelling and
// pausing work through every view.
//
// All methods belong to one goroutine at a time: the one that owns the Deferred, as a rule the reactor's. The zero Deferred is not usable;
// make one with [New], [Succeed] or [Fail].
type Deferred[T any] struct{ c *chain }

// New returns a Deferred that has not fired (D1).
//
// At most one canceller may be given. [Deferred.Cancel] calls it, at most once, with the Deferred to be cancelled; it should stop the work
// and may fire the Deferred itself. If it does not, ErrCancelled is delivered as soon as it returns (D85 to D89).
func New[T any](canceller ...func(Deferred[T])) Deferred[T] {
	t := newTyped[T]()
	switch len(canceller) {
	case 0:
	case 1:
		if canceller[0] != nil {
			t.canceller = cancelFunc[T](canceller[0])
		}
	default:
		panic("deferred: New takes at most one canceller")
	}
	return Deferred[T]{&t.chain}
}

// typed is a chain in one allocation with the box of its first result.
type typed[T any] struct {
	chain
	first box[T]
}

func newTyped[T any]() *typed[T] {
	t := new(typed[T])
	t.cell = &t.first
	t.tail = (*T)(nil)
	if debugging.Load() {
		t.recordCreation()
	}
	return t
}

// Callback fires the Deferred with v: its callbacks run before Callback returns (D2). It panics with ErrAlreadyCalled if the Deferred has
// fired before, with a [*ViewError] if d is not the view that the Deferred was made with, and with ErrDeferredValue if v is itself a
// Deferred; the Deferred is untouched then (D14, D16, D19).
func (d Deferred[T]) Callback(v T) {
	if err := d.TryCallback(v); err != nil {
		panic(err)
	}
}

// Errback fires the Deferred with a failure: its errbacks run before Errback returns. It panics with ErrAlreadyCalled if the Deferred has
// fired before, and if err is nil (D12, D15, D17).
func (d Deferred[T]) Errback(err error) {
	if err := d.TryErrback(err); err != nil {
		panic(err)
	}
}

// TryCallback is Callback for callers that cannot know whether the Deferred has fired: instead of panicking it returns the error. It returns
// nil as well when this firing was the one that is ignored after a cancellation without canceller (D83).
func (d Deferred[T]) TryCallback(v T) error {
	c := d.chain()
	head, ok := c.cell.(*box[T])
	if !ok && !c.called {
		return &ViewError{Op: "Callback", View: typeName[T](), Want: c.cell.typeName()}
	}
	if _, isDeferred := asWaitable(v); isDeferred {
		return ErrDeferredValue
	}
	if ignored, err := c.begin(); ignored || err != nil {
		return err
	}
	head.v = v
	c.run()
	return nil
}

// TryErrback is Errback for callers that cannot know whether the Deferred has fired: instead of panicking with ErrAlreadyCalled it returns it.
// A nil err still panics.
func (d Deferred[T]) TryErrback(err error) error {
	if err == nil {
		panic("deferred: Errback needs an error; a result without error goes to Callback")
	}
	return d.chain().errback(err)
}

// Called reports whether the Deferred has fired. It stays true for ever, also while the Deferred waits on another one (D3).
func (d Deferred[T]) Called() bool { return d.chain().called }

// Paused returns the number of pauses that hold the callbacks back: those of [Deferred.Pause], and one while the Deferred waits on
// another one (D41).
func (d Deferred[T]) Paused() int { return int(d.chain().pauses) }

// Waiting reports whether the Deferred waits on another one: it has fired, and one of its callbacks has returned that; or it is a
// coroutine's, whose body awaits that.
func (d Deferred[T]) Waiting() bool { return d.chain().waitsOn() != nil }

// Result returns the result that the next callback would receive. ok is false while there is none: before the Deferred has fired, while
// it waits on another one, and through a spent view. Looking does not count as handling a failure.
func (d Deferred[T]) Result() (v T, err error, ok bool) {
	c := d.chain()
	if !c.called || c.waitsImplicitly() {
		return v, nil, false
	}
	if c.err != nil {
		return v, c.err, true
	}
	b, ok := c.cell.(*box[T])
	if ok {
		v = b.v
	}
	return v, nil, ok
}

// chain returns the chain under the view, and panics for the zero Deferred.
func (d Deferred[T]) chain() *chain {
	if d.c == nil {
		panic(ErrZero)
	}
	return d.c
}

// open returns the chain for adding to it: d must be its latest view.
func (d Deferred[T]) open() *chain {
	c := d.chain()
	if _, ok := c.tail.(*T); !ok {
		panic(d.spent("adding a callback"))
	}
	return c
}

// spent returns the error of using d where another view is due.
func (d Deferred[T]) spent(op string) error {
	return &ViewError{Op: op, View: typeName[T](), Want: tailName(d.c)}
}
