package deferred

import (
	"runtime"
	"strings"
	"unsafe"
	"weak"
)

// Await suspends the body of a coroutine until d has a result, and returns it. If the result is there, it returns at once. As with a callback
// that returns d, the result has moved: d is left with the zero value, and its failure counts as handled (D221 to D231). Callbacks
// added to d before run before, and change what Await returns (D228).
//
// If d waits for this very coroutine, the error is ErrCircular. Await panics with ErrAwaitOutside if it is called elsewhere than in the
// body that co was given to, and with a [*ViewError] if d is a spent view.
func Await[T any](co *Coro, d Deferred[T]) (T, error) {
	co.mustRunHere()
	c := d.chain()
	if _, ok := c.tail.(*T); !ok {
		panic(d.spent("awaiting it"))
	}
	c.check("awaiting")
	if c.resting() {
		return takeOut[T](c)
	}
	if c.leadsTo(co.outer) {
		var none T
		return none, ErrCircular
	}
	c.add(awaiter[T]{co.outer})
	if !co.arrived && co.suspend(c) && !co.yield(struct{}{}) { // yield stands here because each call between it and the body costs
		panic(endBody{})
	}
	return received[T](co)
}

// awaiter stands in an awaited chain at the point where a coroutine takes the result. It reaches the coroutine through the
// coroutine's own chain.
type awaiter[T any] struct{ outer *chain }

func (a awaiter[T]) run(c *chain) *chain {
	co, ok := a.outer.canceller.(*Coro)
	if !ok || co.ended {
		return nil // the body is gone, and the result stays
	}
	a.outer.waiting = nil
	send[T](co, c)
	if !co.running { // else it had not been suspended yet
		if resumed := co.step(a.outer); resumed != nil {
			return c.letRun(resumed, givesUp[T]{})
		}
	}
	giveUp[T](c)
	return nil
}

// send gives c's result to the coroutine, and received takes it there.
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

// suspend makes the coroutine ready to give control back to the owner until c's result has arrived. It reports false if that came meanwhile. c
// and the coroutine's own chain may not be live while it waits.
func (co *Coro) suspend(c *chain) (waits bool) {
	co.outer.waiting = c
	c.awaited = true
	if co.scope != nil && co.scope.ctx.Err() != nil {
		cancelLogged(Deferred[any]{c})
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

// attach makes the coroutine learn when its Deferred is collected.
func (co *Coro) attach() {
	co.attached = true
	co.cleanup = runtime.AddCleanup(co.outer, (*Coro).abandon, co)
	if co.scope != nil {
		co.found = weak.Make(co.outer)
	}
}

// mustRunHere panics unless the caller is the coroutine's body.
func (co *Coro) mustRunHere() {
	if block := stackBlock(); block != co.block || !co.running || co.ended {
		co.mustRun()
		co.block = block
	}
}

func (co *Coro) mustRun() {
	switch {
	case co.ended && co.running:
		panic(endBody{}) // a deferred call of a body that is being ended
	case !co.running || !inBody():
		panic(ErrAwaitOutside)
	}
}

// stackBlock returns where on its goroutine's stack the caller is, in units of the smallest stack, 2 KiB. Stacks are aligned to
// that, so two calls from the same block come from the same goroutine.
func stackBlock() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here)) >> 11
}

// inBody reports whether the calling goroutine is a coroutine's.
func inBody() bool {
	var pcs [64]uintptr
	for skip := 0; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		frames := runtime.CallersFrames(pcs[:n])
		for more := n > 0; more; {
			var f runtime.Frame
			if f, more = frames.Next(); strings.HasSuffix(f.Function, "deferred.(*Coro).bottom") {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
