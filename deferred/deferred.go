package deferred

import "errors"

// Void is the type of a Deferred that carries no value: Deferred[Void] tells
// when an operation is done. Its value is Void{}.
type Void = struct{}

// Deferred is a result of type T that may not be there yet, together with the
// chain of callbacks that will handle it. It is a small value: copy it freely,
// every copy is the same Deferred.
//
// A Deferred is a typed view of one untyped chain. [Then] and its relatives
// change the type of the chain's result. They return a view of the new type and
// make the old view stale: adding a callback through a stale view panics with a
// [*ViewError]. Firing, cancelling and pausing work through every view. Views
// of the same type are equal by == if they are the same view of the same chain.
//
// All methods belong to one goroutine at a time, the owner of the Deferred,
// which is usually the goroutine of a reactor. The zero Deferred is not usable:
// its methods panic with ErrZero. Make a Deferred with [New], [Succeed] or
// [Fail].
type Deferred[T any] struct {
	c    *chain
	view uint8 // number of the view, see chain.view
}

// New returns a Deferred that has not fired.
//
// At most one canceller may be given, or New panics. [Deferred.Cancel] calls
// it, at most once, with the Deferred to be cancelled. It should stop the work
// behind the Deferred, and may fire the Deferred itself. If it does not, the
// Deferred fails with ErrCancelled as soon as it returns.
func New[T any](canceller ...func(Deferred[T])) Deferred[T] {
	t := newTyped[T]()
	switch len(canceller) {
	case 0:
	case 1:
		if canceller[0] != nil {
			t.canceller = cancelFunc[T](canceller[0])
		}
	default:
		panic(errors.New("deferred: New takes at most one canceller"))
	}
	return Deferred[T]{c: &t.chain}
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

// Callback fires the Deferred with v. Its callbacks run before Callback
// returns. Callback panics with ErrAlreadyCalled if the Deferred has fired
// before, with a [*ViewError] if the Deferred was not made with type T, with
// ErrDeferredValue if v is itself a Deferred, and with ErrCoroutine if the
// Deferred belongs to a coroutine. The Deferred is unchanged then.
func (d Deferred[T]) Callback(v T) {
	if err := d.TryCallback(v); err != nil {
		panic(err)
	}
}

// Errback fires the Deferred with a failure. Its errbacks run before Errback
// returns. Errback panics with ErrAlreadyCalled if the Deferred has fired
// before, with ErrCoroutine if the Deferred belongs to a coroutine, and if err
// is nil.
func (d Deferred[T]) Errback(err error) {
	if err := d.TryErrback(err); err != nil {
		panic(err)
	}
}

// TryCallback is Callback for callers that cannot know whether the Deferred has
// fired: it returns the error that Callback panics with. It returns nil if the
// firing is ignored because the Deferred was cancelled without a canceller.
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

var errNilError = errors.New("deferred: Errback with a nil error; pass a result without an error to Callback")

// TryErrback is Errback for callers that cannot know whether the Deferred has
// fired: it returns the error that Errback panics with. A nil err still panics.
func (d Deferred[T]) TryErrback(err error) error {
	if err == nil {
		panic(errNilError)
	}
	return d.chain().errback(err)
}

// Called reports whether the Deferred has fired. It stays true, also while the
// Deferred waits on another one.
func (d Deferred[T]) Called() bool { return d.chain().called }

// Paused returns the number of pauses in force: those of [Deferred.Pause], and
// one while the Deferred waits on a Deferred that a callback has returned.
func (d Deferred[T]) Paused() int { return int(d.chain().pauses) }

// Waiting reports whether the Deferred waits on another one: because a callback
// has returned that one, or because the body of the coroutine behind d awaits
// it.
func (d Deferred[T]) Waiting() bool { return d.chain().waitsOn() != nil }

// Result returns the result that the next callback would receive. ok is false
// if there is none: before the Deferred has fired, while it waits on another
// one, and through a stale view. Looking at a failure does not count as
// handling it.
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

// open returns the chain, for adding a callback. It panics unless d is the
// latest view.
func (d Deferred[T]) open() *chain { return d.openFor("adding a callback") }

// openFor is open for another operation.
func (d Deferred[T]) openFor(op string) *chain {
	c := d.chain()
	if d.view != c.view {
		panic(d.stale(op))
	}
	return c
}

// isStale reports whether d is not the latest view of its chain.
func (d Deferred[T]) isStale() bool { return d.c != nil && d.view != d.c.view }

// stale returns the error of using d where another view is needed.
func (d Deferred[T]) stale(op string) error {
	return &ViewError{Op: op, View: typeName[T](), Want: tailName(d.c)}
}
