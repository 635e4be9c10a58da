package deferred

import (
	"sync"
	"sync/atomic"
)

// bodies has the coroutines whose bodies have begun and not finished, by the
// goroutine of the body. Each element is the first of a list. Any goroutine may
// read the lists; they change with the lock held. A coroutine that has left its
// list still points to the next one, so that readers find their way.
var (
	bodies     [1024]atomic.Pointer[Coro]
	bodiesLock sync.Mutex // held while a list changes
	bodyCount  atomic.Int32
)

func bodiesOf(goroutine uintptr) *atomic.Pointer[Coro] {
	return &bodies[int(goroutine>>6^goroutine>>16)%len(bodies)]
}

// enterBody registers co for the calling goroutine, which is about to run its
// body. leaveBody takes that back.
func (co *Coro) enterBody() {
	here := goroutine()
	co.goroutine.Store(here)
	bodiesLock.Lock()
	defer bodiesLock.Unlock()
	list := bodiesOf(here)
	co.nextBody.Store(list.Load())
	list.Store(co)
	bodyCount.Add(1)
}

func (co *Coro) leaveBody() {
	bodiesLock.Lock()
	defer bodiesLock.Unlock()
	link := bodiesOf(co.goroutine.Load())
	for link.Load() != co {
		link = &link.Load().nextBody
	}
	link.Store(co.nextBody.Load())
	bodyCount.Add(-1)
	co.goroutine.Store(0)
}

// bodyOn returns the coroutine whose body a goroutine runs, nil if there is
// none. It is called for the calling goroutine, or for one that has resumed it,
// so the coroutine that it looks for does not leave its list meanwhile.
func bodyOn(goroutine uintptr) *Coro {
	co := bodiesOf(goroutine).Load()
	for co != nil && co.goroutine.Load() != goroutine {
		co = co.nextBody.Load()
	}
	return co
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
	if bodyCount.Load() == 0 {
		return nil
	}
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
