package deferred

import (
	"sync"
	"sync/atomic"
)

// bodies has the coroutine of each goroutine that runs a body. It is divided,
// so that goroutines on several processors rarely touch the same part of it.
var bodies [64]struct {
	running atomic.Int32 // bodies in this part that run, not suspended
	mu      sync.Mutex   // guards of
	of      map[uintptr]*Coro
	_       [40]byte // fills a line of the cache
}

func bodiesOf(goroutine uintptr) int { return int(goroutine>>6^goroutine>>12) % len(bodies) }

// enterBody registers co for the calling goroutine, which is about to run its
// body. leaveBody takes that back. pauseBody and continueBody tell when the
// body is suspended and resumed.
func (co *Coro) enterBody() {
	co.goroutine = goroutine()
	part := &bodies[bodiesOf(co.goroutine)]
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.of == nil {
		part.of = make(map[uintptr]*Coro)
	}
	part.of[co.goroutine] = co
	part.running.Add(1)
}

func (co *Coro) leaveBody() {
	part := &bodies[bodiesOf(co.goroutine)]
	part.mu.Lock()
	defer part.mu.Unlock()
	delete(part.of, co.goroutine)
	part.running.Add(-1)
	co.goroutine = 0
}

func (co *Coro) pauseBody()    { bodies[bodiesOf(co.goroutine)].running.Add(-1) }
func (co *Coro) continueBody() { bodies[bodiesOf(co.goroutine)].running.Add(1) }

// bodyOn returns the coroutine whose body runs on a goroutine, nil if there is
// none.
func bodyOn(goroutine uintptr) *Coro {
	part := &bodies[bodiesOf(goroutine)]
	if part.running.Load() == 0 {
		return nil
	}
	part.mu.Lock()
	defer part.mu.Unlock()
	return part.of[goroutine]
}

// resumer returns the goroutine that has resumed the body on the given one, or
// the given one if it runs no body. A body may itself have been resumed by a
// body; resumer returns the outermost goroutine.
func resumer(goroutine uintptr) uintptr {
	for co := bodyOn(goroutine); co != nil; co = bodyOn(goroutine) {
		goroutine = co.resumer
	}
	return goroutine
}

// enterCallback notes that a function of the user's is about to run in a
// callback. If a body runs on this goroutine, it returns the body's coroutine,
// for leaveCallback.
func enterCallback() *Coro {
	co := bodyOn(goroutine())
	if co != nil {
		co.callbacks++
	}
	return co
}

// leaveCallback ends what enterCallback began. co may be nil.
func (co *Coro) leaveCallback() {
	if co != nil {
		co.callbacks--
	}
}
