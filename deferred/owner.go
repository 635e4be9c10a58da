package deferred

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Owner is a goroutine that owns Deferreds, with the coroutines that it
// resumes. A reactor binds the goroutine of its loop while it runs.
type Owner struct {
	goroutine uintptr
	released  atomic.Bool
}

// owners has the *Owner of each bound goroutine.
var owners sync.Map

// BindOwner declares that the calling goroutine owns Deferreds, until
// [Owner.Release]. From then on [Wait] refuses to block that goroutine. In
// debug mode a Deferred that is made or first used there is bound to it: firing
// it, adding to it, pausing or cancelling it on another goroutine panics with a
// [*GoroutineError] until the owner is released.
func BindOwner() *Owner {
	o := &Owner{goroutine: goroutine()}
	owners.Store(o.goroutine, o)
	return o
}

// Release ends the ownership. It must be called on the goroutine that was
// bound, before that ends.
func (o *Owner) Release() {
	o.released.Store(true)
	owners.CompareAndDelete(o.goroutine, o)
}

// Here reports whether the caller runs on the bound goroutine, or in the body
// of a coroutine that this goroutine has resumed. Any goroutine may call it. It
// takes a few nanoseconds.
func (o *Owner) Here() bool {
	return resumer(goroutine()) == o.goroutine && !o.released.Load()
}

// currentOwner returns the owner on whose behalf the calling goroutine runs,
// nil if it has none.
func currentOwner() *Owner {
	o, _ := owners.Load(resumer(goroutine()))
	bound, _ := o.(*Owner)
	return bound
}

// GoroutineError is the panic value, in debug mode, of using a Deferred on a
// goroutine that does not own it.
type GoroutineError struct {
	Op      string // the operation: firing, adding to, …
	Created string // the stack on which the Deferred was made
}

func (e *GoroutineError) Error() string {
	return fmt.Sprintf("deferred: %s a Deferred on a goroutine that does not own it; "+
		"post a function to its reactor with CallFromThread\n%s",
		e.Op, prefixed("C: ", e.Created))
}

// check panics in debug mode if the calling goroutine does not own the chain.
// op names the operation.
func (c *chain) check(op string) {
	if c.record != nil {
		c.record.check(op)
	}
}

func (r *record) check(op string) {
	if !debugging.Load() {
		return
	}
	here := currentOwner()
	switch {
	case r.owner == nil || r.owner.released.Load():
		r.owner = here
	case r.owner != here:
		panic(&GoroutineError{Op: op, Created: r.created.String()})
	}
}
