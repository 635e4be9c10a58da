package deferred

import (
	"errors"
	"runtime"
	"weak"
)

// Await suspends the body of a coroutine until d has a result, and returns the
// result. If d has a result already, Await returns at once. Callbacks added to
// d before run first, and change the result. Await takes the result out of d,
// as a callback that returns d would: d is left with the zero value, and its
// failure counts as handled.
//
// Await returns ErrCircular if d waits for this very coroutine. It panics with
// ErrAwaitOutside unless its caller is the body that co was passed to: a
// callback that the body fires, another body or another goroutine may not use
// co. It panics with a [*ViewError] if d is a stale view.
//
// Await does not return if the coroutine is ended, by [Scope.End] or because it
// was abandoned: the deferred calls of the body run, and the body is over. A
// body that recovers from that may return, but not await.
func Await[T any](co *Coro, d Deferred[T]) (T, error) {
	if co.goroutine.Load() != goroutine() || co.callbacks > 0 {
		panic(ErrAwaitOutside)
	}
	if co.ending {
		co.exit()
	}
	c := d.openFor("awaiting it")
	c.check("awaiting")
	if c.resting() {
		return takeOut[T](c)
	}
	if c.leadsTo(co.outer) {
		var none T
		return none, ErrCircular
	}
	c.add(awaiter[T]{co.outer})
	if !co.arrived && co.suspend(c) && !co.yield(struct{}{}) { // each call between the body and yield costs
		co.exit()
	}
	return received[T](co)
}

// awaiter stands in an awaited chain at the point where a coroutine takes the
// result. It reaches the coroutine through the coroutine's own chain.
type awaiter[T any] struct{ outer *chain }

func (a awaiter[T]) run(c *chain) *chain {
	co, ok := a.outer.canceller.(*Coro)
	if !ok || co.ending {
		a.bodyGone(c)
		return nil
	}
	a.outer.waiting = nil
	send[T](co, c)
	if !co.running { // otherwise the body has not been suspended yet
		if resumed := co.step(a.outer); resumed != nil {
			return c.letRun(resumed, givesUp[T]{})
		}
	}
	giveUp[T](c)
	return nil
}

// bodyGone leaves the result where it is, because the body that awaited it was
// ended. The end of an inner coroutine is no failure that anybody has to handle
// then.
func (a awaiter[T]) bodyGone(c *chain) {
	if errors.Is(c.err, ErrEnded) {
		giveUp[T](c)
	}
}

func (a awaiter[T]) waitingChain() *chain { return a.outer }

// send passes c's result to the coroutine; received takes it there.
func send[T any](co *Coro, c *chain) {
	b, ok := co.slot.(*box[T])
	if !ok {
		b = new(box[T])
		co.slot = b
	}
	b.v, co.err = input[T](c)
	co.arrived = true
}

func received[T any](co *Coro) (v T, err error) {
	b := co.slot.(*box[T])
	var none T
	v, b.v = b.v, none
	err, co.err = co.err, nil
	co.arrived = false
	return v, err
}

// suspend prepares the coroutine for giving control back to its owner until c
// has a result. It returns false if c got one meanwhile. Neither c nor the
// coroutine's own chain may be reachable from the body while it waits.
func (co *Coro) suspend(c *chain) (waits bool) {
	co.outer.waiting = c
	if co.scope != nil && co.scope.ctx.Err() != nil {
		cancelLogged(Deferred[any]{c: c})
		if co.arrived {
			return false
		}
	}
	if !co.attached {
		co.attach()
	}
	co.outer, co.running = nil, false
	return true
}

// attach arranges for abandon to be called when the coroutine's Deferred is
// collected.
func (co *Coro) attach() {
	co.attached = true
	co.cleanup = runtime.AddCleanup(co.outer, (*Coro).abandon, co)
	if co.scope != nil {
		co.found = weak.Make(co.outer)
	}
}

// exit leaves a body that is being ended. The first time it panics. If the body
// recovers from that and awaits again, exit leaves by runtime.Goexit, which
// cannot be recovered from. Only stopBody keeps the Goexit from its caller, so
// exit gives control back to step first, which calls stopBody.
func (co *Coro) exit() {
	if !co.panicked {
		co.panicked = true
		panic(endBody{})
	}
	if !co.stopping {
		co.yield(struct{}{})
	}
	co.exited = true
	runtime.Goexit()
}

// endBody is the panic value that ends a body.
type endBody struct{}
