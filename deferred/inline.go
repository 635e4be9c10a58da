package deferred

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"sync/atomic"
	"weak"
)

var (
	// ErrGoexit is the failure of a coroutine whose body called runtime.Goexit,
	// as t.FailNow does. The Goexit then continues in the goroutine that
	// resumed the body, as it would from a callback.
	ErrGoexit = errors.New("deferred: the body of a coroutine called runtime.Goexit")

	// ErrEnded is the failure of a coroutine that Scope.End has ended.
	ErrEnded = errors.New("deferred: the coroutine was ended before its body returned")

	// ErrAwaitOutside is the panic value of an Await whose caller is not the
	// body that the Coro was passed to, or that is called after the body has
	// returned.
	ErrAwaitOutside = errors.New("deferred: Await outside the running body of its coroutine; " +
		"only the body that received the Coro may await with it")
)

// Coro is the handle with which a body that [Inline] runs calls [Await]. It
// belongs to that body alone.
type Coro struct {
	begin  func()                  // runs the body; nil once it has begun, so that it keeps nothing alive
	resume func() (struct{}, bool) // reports whether the body awaits a Deferred
	stop   func()
	yield  func(struct{}) bool // reports whether to continue
	scope  *Scope

	// The goroutine of a suspended body is always alive, and this Coro with it.
	// While the body is suspended, nothing here may keep its Deferred or the
	// awaited one alive, because an abandoned coroutine is recognised by its
	// Deferred being collected. outer is nil then.
	outer    *chain
	found    weak.Pointer[chain] // the same, for a Scope
	cleanup  runtime.Cleanup     // calls abandon when outer is collected
	attached bool

	slot    cell // where an awaited value is put: a *box of the type awaited last
	err     error
	arrived bool // slot and err have the result of the Await in progress

	running  bool // the body runs, or has finished
	ending   bool // the body is to end at its Await, or has finished
	panicked bool // an Await has panicked to end the body
	stopping bool // stopBody was called
	exited   bool // an Await has called runtime.Goexit to end the body

	goroutine atomic.Uintptr       // of the body; 0 before and after
	nextBody  atomic.Pointer[Coro] // in the list of bodies
	resumer   uintptr              // the goroutine that has resumed the body last
	callbacks int                  // callbacks that the body has fired and that run now

	previous *Coro // in the scope
	next     *Coro // in the scope
}

// Inline runs body as a coroutine: straight-line code that pauses at each
// [Await] until the awaited Deferred has a result, like Twisted's
// inlineCallbacks. It returns a Deferred that fires with the result of body; a
// panic in body becomes a failure. Inline returns at the first Await of a
// Deferred without a result.
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
// The body and its owner never run at the same time: the goroutine that fires
// the awaited Deferred waits while the body runs to its next Await or its end.
// So neither needs a lock against the other. Any goroutine that owns the
// Deferreds may resume the body.
//
// Cancelling the returned Deferred cancels the Deferred that body awaits at
// that moment, through nested coroutines too. The outcome of that cancellation,
// usually ErrCancelled, is the result of the Await, and body may continue.
//
// A body that nothing can resume, because neither its Deferred nor the awaited
// one is reachable any more, is ended: its Await does not return and its
// deferred calls run. This happens on the goroutine of a later call of Inline
// or of [EndAbandoned]. It does not happen while body itself holds one of these
// Deferreds in a variable that it uses later. A coroutine that was started with
// [InlineIn] can also be ended by its [Scope].
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
	co.begin = func() { runBody(co, body) }
	co.resume, co.stop = iter.Pull(co.bottom)
	if co.step(c) != nil {
		c.run()
	}
	return Deferred[T]{c: c}
}

// step runs the body up to its next wait or its end. It returns outer if that
// is to be run because the body has ended.
func (co *Coro) step(outer *chain) (ended *chain) {
	co.outer, co.running, co.resumer = outer, true, goroutine()
	if _, waits := co.resume(); !waits {
		return outer
	}
	if co.running { // the body does not wait, it exits
		co.stopBody()
	}
	return nil
}

// bottom is the first of this package's functions on the goroutine of the body.
func (co *Coro) bottom(yield func(struct{}) bool) {
	co.yield = yield
	begin := co.begin
	co.begin = nil
	co.enterBody()
	defer co.leaveBody()
	begin()
}

func runBody[T any](co *Coro, body func(co *Coro) (T, error)) {
	var v T
	err := ErrGoexit
	returned := false
	defer func() {
		r := recover()
		if r != nil {
			err = failure(r)
		} else if !returned && co.exited {
			err = ErrEnded
		}
		outer := finish(co, v, err)
		if r != nil || returned {
			return
		}
		if outer != nil { // step does not return it
			outer.run()
		}
		if co.exited {
			panic(endBody{}) // for stopBody: the Goexit stays on this goroutine
		}
	}()
	v, err = body(co)
	returned = true
}

func failure(recovered any) error {
	if _, ends := recovered.(endBody); ends {
		return ErrEnded
	}
	return NewPanicError(recovered)
}

// finish makes the result of the body the result of its Deferred, and returns
// the Deferred's chain, which is nil if the coroutine was abandoned.
func finish[T any](co *Coro, v T, err error) *chain {
	outer := co.outer
	co.outer, co.running, co.ending = nil, true, true
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

// logAbandoned logs a panic in a deferred call of an abandoned body, whose
// Deferred is gone.
func logAbandoned(err error) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		p.Log(slog.Default(), "deferred: panic in an abandoned coroutine")
	}
}

// end ends the body, unless it has finished. A suspended body is over when end
// returns; a running one ends at its next Await.
func (co *Coro) end() {
	co.ending = true
	if co.running {
		return
	}
	outer := co.found.Value()
	co.outer, co.running, co.resumer = outer, true, goroutine()
	if outer != nil {
		outer.waiting = nil
	}
	co.stopBody()
	if outer != nil {
		outer.run()
	}
}

// stopBody makes yield return false in the body, which ends the body. It
// recovers from the panic with which a body that has called runtime.Goexit
// comes back.
func (co *Coro) stopBody() {
	co.stopping = true
	defer func() {
		if r := recover(); r != nil && r != any(endBody{}) {
			panic(r)
		}
	}()
	co.stop()
}

// cancel is called for Cancel while the body runs and awaits nothing that could
// be cancelled.
func (co *Coro) cancel(*chain) bool { return false }

// Context returns the context of the scope that the coroutine was started in,
// or context.Background.
func (co *Coro) Context() context.Context {
	if co.scope == nil {
		return context.Background()
	}
	return co.scope.ctx
}
