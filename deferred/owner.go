package deferred

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// BindOwner declares that the calling goroutine owns Deferreds until release is called; a reactor does so while it runs. In debug mode a
// Deferred that is made or first used on such a goroutine, or in a coroutine that runs on it, is bound to it: firing it, adding to it,
// pausing and cancelling it elsewhere panics with a [*GoroutineError] as long as the goroutine is bound (D313). [Wait] refuses to block it.
func BindOwner() (release func()) {
	o := new(owner)
	id := goroutineID()
	owners.Store(id, o)
	return func() {
		o.released.Store(true)
		owners.CompareAndDelete(id, o)
	}
}

// GoroutineError is the panic value, in debug mode, of using a Deferred on a goroutine that does not own it.
type GoroutineError struct {
	Op      string // what was tried
	Created string // where the Deferred was made
}

func (e *GoroutineError) Error() string {
	return fmt.Sprintf("deferred: %s a Deferred on a goroutine that does not own it; post a function to its reactor with CallFromThread\n%s",
		e.Op, prefixed("C: ", e.Created))
}

// owner stands for a bound goroutine and for the coroutines that run on it.
type owner struct{ released atomic.Bool }

// owners has the owner of each bound goroutine, by goroutine id.
var owners sync.Map

func currentOwner() *owner { return ownerOf(goroutineID()) }

func ownerOf(id uint64) *owner {
	o, _ := owners.Load(id)
	bound, _ := o.(*owner)
	return bound
}

// inherit binds the calling goroutine, a coroutine's, to the owner of the goroutine that started it.
func (o *owner) inherit() (release func()) {
	id := goroutineID()
	owners.Store(id, o)
	return func() { owners.CompareAndDelete(id, o) }
}

// check panics if the chain is bound to another goroutine than this one. It does nothing unless debug mode is on.
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

// goroutineID returns the number of the calling goroutine from the heading of its stack trace. It takes microseconds.
func goroutineID() uint64 {
	var buf [40]byte
	heading := buf[:runtime.Stack(buf[:], false)]
	fields := bytes.Fields(heading) // "goroutine 12 [running]:"
	id, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return id
}
