package deferred

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"weak"
)

var (
	// ErrGoexit is the failure of a coroutine whose body called runtime.Goexit, as t.FailNow does. The Goexit then goes on in the
	// goroutine that resumed the body, as it would from a callback.
	ErrGoexit = errors.New("deferred: the body of a coroutine called runtime.Goexit")

	// ErrEnded is the failure of a coroutine that Scope.End has ended.
	ErrEnded = errors.New("deferred: the coroutine was ended before its body returned")

	// ErrAwaitOutside is the panic value of an Await outside the body that its Coro was given to: after the body has returned, from a
	// callback, or from another goroutine.
	ErrAwaitOutside = errors.New("deferred: Await outside the running body of its coroutine; only the body that was given the Coro may await with it")
)

// Coro is what a body that [Inline] runs awaits with. It belongs to that body alone, and to the goroutine that the body runs on.
type Coro struct {
	begin  func()                  // runs the body; nil once that has begun, so that nothing but the body's own variables keeps what it refers to alive
	resume func() (struct{}, bool) // reports whether the body awaits something
	stop   func()
	yield  func(struct{}) bool // reports whether to go on
	scope  *Scope
	owner  *owner // in debug mode

	// The goroutine of a suspended body is alive whatever happens, and this Coro with it. So that a suspended coroutine can be seen to be
	// abandoned, nothing here may keep its Deferred or the awaited one alive: outer is nil then.
	outer    *chain
	found    weak.Pointer[chain] // the same, for a Scope
	cleanup  runtime.Cleanup     // tells that outer was collected
	attached bool

	slot    cell // where an awaited value is put: a *box of the type awaited last
	err     error
	arrived bool // slot and err have the result of the Await in progress
	running bool
	ended   bool // the body is being ended

	block    uintptr // where on its stack the body was seen last, see stackBlock
	previous *Coro   // in the scope
	next     *Coro   // in the scope
}

// Inline runs body as a coroutine: straight-line code, on the caller's goroutine as far as anyone can tell, that stops at each [Await]
// until the awaited Deferred has a result. It returns a Deferred that fires with what body returns; a panic in body becomes a
// failure. Inline itself returns at the first Await of a Deferred without result (D217 to D220).
//
//	d := deferred.Inline(func(co *deferred.Coro) (string, error) {
//		conn, err := deferred.Await(co, connect(host))
//		if err != nil {
//			return "", err
//		}
//		defer conn.Close()
//		return deferred.Await(co, conn.ReadLine())
//	})
//
// Body and owner never run at the same time: whoever fires the awaited Deferred waits while body runs up to its next Await or its end, so
// neither needs a lock against the other (D255). The body may be resumed on any goroutine that owns the Deferreds then.
//
// Cancelling the Deferred cancels what body awaits at that moment, through other coroutines as well; body sees ErrCancelled, or whatever
// that cancellation led to, as the outcome of its Await and may go on (D241 to D247).
//
// A body that can never go on, because neither its Deferred nor the one it awaits can be reached any more, is ended: its Await does not
// return, its deferred calls run. That happens on the goroutine of a later call of Inline or of [EndAbandoned]. It is not noticed while the
// body itself holds one of these Deferreds, in a variable that it uses later. A coroutine started with [InlineIn] can also be ended
// from outside (D256).
func Inline[T any](body func(co *Coro) (T, error)) Deferred[T] {
	if abandoned.any() {
		EndAbandoned()
	}
	return start(new(Coro), body)
}

// start runs body up to its first wait.
func start[T any](co *Coro, body func(co *Coro) (T, error)) Deferred[T] {
	mustNotBeNil(body == nil)
	c := &newTyped[T]().chain
	c.canceller = co
	if debugging.Load() {
		co.owner = currentOwner()
	}
	co.begin = func() { runBody(co, body) }
	co.resume, co.stop = iter.Pull(co.bottom)
	if co.step(c) != nil {
		c.run()
	}
	return Deferred[T]{c}
}

// step runs the body up to its next wait or its end. It returns outer if the body has ended.
func (co *Coro) step(outer *chain) *chain {
	co.outer, co.running = outer, true
	if _, waits := co.resume(); waits {
		return nil
	}
	return outer
}

// bottom is the first of our functions on the stack of a coroutine's goroutine; inBody looks for it.
//
//go:noinline
func (co *Coro) bottom(yield func(struct{}) bool) {
	co.yield, co.block = yield, stackBlock()
	begin := co.begin
	co.begin = nil
	begin()
}

func runBody[T any](co *Coro, body func(co *Coro) (T, error)) {
	if co.owner != nil {
		defer co.owner.inherit()()
	}
	var v T
	err := ErrGoexit
	defer func() {
		if r := recover(); r != nil {
			err = co.failure(r)
		}
		if outer := finish(co, v, err); outer != nil && err == ErrGoexit {
			outer.run() // nothing else does: the goroutine that waits for the body ends as well
		}
	}()
	v, err = body(co)
}

// endBody is the panic value that ends a body.
type endBody struct{}

func (co *Coro) failure(recovered any) error {
	if _, ends := recovered.(endBody); ends {
		return ErrEnded
	}
	return NewPanicError(recovered)
}

// finish makes what the body returned the result of its Deferred, which it returns.
func finish[T any](co *Coro, v T, err error) *chain {
	outer := co.outer
	co.outer, co.running, co.ended = nil, false, true
	if co.attached {
		co.cleanup.Stop()
	}
	if co.scope != nil {
		co.scope.remove(co)
	}
	if outer == nil {
		logAbandoned(err)
		return nil
	}
	outer.markFired()
	put(outer, v, err)
	return outer
}

// logAbandoned logs a panic in a deferred call of an abandoned body, whose Deferred is gone.
func logAbandoned(err error) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		p.Log(slog.Default(), "deferred: panic in an abandoned coroutine")
	}
}

// cancel is called for Cancel while the body runs, when it awaits nothing that could be cancelled.
func (co *Coro) cancel(*chain) bool { return false }

// Context returns the context of the scope that the coroutine was started in, or context.Background (D250).
func (co *Coro) Context() context.Context {
	if co.scope == nil {
		return context.Background()
	}
	return co.scope.ctx
}
