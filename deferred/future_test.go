package deferred_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// within fails the test if f takes for ever.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("did not end")
	}
}

func TestD264toD266_AsFuture(t *testing.T) {
	reports := deferredtest.Watch(t)
	for _, want := range []error{nil, errBoom} {
		d := deferred.New[int]()
		f := deferred.AsFuture(d, newLoop())
		select {
		case <-f.Done():
			t.Error("done too early")
		default:
		}
		fireWith(d, 3, want)
		wantResult(t, d, 0)
		<-f.Done()
		within(t, func() {
			if v, err := f.Wait(t.Context()); err != want || err == nil && v != 3 {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
	if left := reports.All(); len(left) != 0 {
		t.Errorf("unhandled: %v", left)
	}
}

func fireWith(d deferred.Deferred[int], v int, err error) {
	if err != nil {
		d.Errback(err)
	} else {
		d.Callback(v)
	}
}

func TestD267D268_CancelAFuture(t *testing.T) {
	lp, d := newLoop(), deferred.New[int]()
	f := deferred.AsFuture(d, lp)
	f.Cancel()
	if d.Called() {
		t.Error("cancelled on another goroutine than the loop's")
	}
	lp.turn(t)
	wantResult(t, d, 0)
	if _, err := f.Wait(t.Context()); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}

	d = deferred.New[int]()
	f = deferred.AsFuture(d, lp)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errOther)
	if _, err := f.Wait(ctx); err != errOther {
		t.Errorf("got %v", err)
	}
	d.Callback(1) // before the turn
	lp.turn(t)
	wantResult(t, d, 0)
}

func TestD269_FromFutureFiresOnALaterTurn(t *testing.T) {
	for _, want := range []error{nil, errBoom} {
		lp := newLoop()
		d := deferred.FromFuture(lp, func(_ context.Context, done func(int, error)) {
			done(4, want)
			done(5, nil) // ignored
		})
		if d.Called() {
			t.Error("fired at once")
		}
		lp.turn(t)
		if want == nil {
			wantResult(t, d, 4)
		} else {
			wantFailure(t, d, want)
		}
	}
}

func TestD269_DoneOnAnotherGoroutine(t *testing.T) {
	lp := newLoop()
	d := deferred.FromFuture(lp, func(_ context.Context, done func(int, error)) {
		go done(6, nil) // ends at once
	})
	lp.turn(t)
	wantResult(t, d, 6)
	dynamic := deferred.FromFuture(lp, func(_ context.Context, done func(any, error)) { done(deferred.New[int](), nil) })
	lp.turn(t)
	wantFailure(t, dynamic, deferred.ErrDeferredValue)
}

// working starts work that ends when it is told to, and returns how to tell it.
func working(lp *loop) (d deferred.Deferred[int], ctx context.Context, done func(int, error)) {
	d = deferred.FromFuture(lp, func(c context.Context, f func(int, error)) { ctx, done = c, f })
	return d, ctx, done
}

func TestD270D271_CancelWaitsForTheOutcome(t *testing.T) {
	lp := newLoop()
	d, ctx, done := working(lp)
	if ctx.Err() != nil {
		t.Error("done too early")
	}
	d.Cancel()
	if ctx.Err() == nil || !d.Waiting() {
		t.Errorf("%v, waiting %v", ctx.Err(), d.Waiting())
	}
	done(0, ctx.Err())
	lp.turn(t)
	_, err, _ := d.Result()
	if errors.Is(err, deferred.ErrCancelled) {
		t.Error("D270: the cancellation of the work became that of the Deferred")
	}
	wantFailure(t, d, context.Canceled)

	d, _, done = working(lp)
	d.Cancel()
	done(7, nil) // it ignored the cancellation
	lp.turn(t)
	wantResult(t, d, 7)
}

func TestD272_SecondCancelGivesUp(t *testing.T) {
	lp := newLoop()
	d, _, done := working(lp)
	d.Cancel()
	d.Cancel()
	wantFailure(t, d, deferred.ErrCancelled)
	done(7, nil)
	lp.turn(t)
	wantResult(t, d, 0)
}

func TestD318_Wait(t *testing.T) {
	lp := newLoop()
	d := deferred.New[int]()
	type answer struct {
		v   int
		err error
	}
	wait := func(ctx context.Context, d deferred.Deferred[int]) chan answer {
		answers := make(chan answer, 1)
		go func() { // ends when Wait does
			v, err := deferred.Wait(ctx, lp, d)
			answers <- answer{v, err}
		}()
		return answers
	}
	answers := wait(t.Context(), d)
	lp.turn(t)
	d.Callback(5)
	if got := <-answers; got != (answer{5, nil}) {
		t.Errorf("got %v", got)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	d = deferred.New[int]()
	answers = wait(ctx, d)
	lp.turn(t)
	cancel(errOther)
	if got := <-answers; got.err != errOther {
		t.Errorf("got %v", got)
	}
	lp.turn(t)
	wantResult(t, d, 0) // cancelled, and nobody's any more
	if !d.Called() {
		t.Error("not cancelled")
	}

	d = deferred.New[int]()
	if got := <-wait(ctx, d); got.err != errOther { // done before the loop turns
		t.Errorf("got %v", got)
	}
	lp.turn(t)
	wantResult(t, d, 0)

	lp.end()
	if got := <-wait(t.Context(), d); got.err != deferred.ErrLoopEnded {
		t.Errorf("got %v", got)
	}
}

func TestD318_WaitRefusesToBlockAnOwner(t *testing.T) {
	within(t, func() {
		defer deferred.BindOwner().Release()
		if _, err := deferred.Wait(t.Context(), newLoop(), deferred.New[int]()); err != deferred.ErrBlocksOwner {
			t.Errorf("got %v", err)
		}
	})
}

// elsewhere runs f on a goroutine of its own and returns what it panics with.
func elsewhere(f func()) any {
	value := make(chan any)
	go func() { value <- panicOf(f) }() // ends with f
	return <-value
}

func TestD313_UseFromAnotherGoroutine(t *testing.T) {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	owner := deferred.BindOwner()
	d := deferred.New[int]()
	var caught error
	ops := map[string]func(){
		"firing":     func() { d.Callback(1) },
		"failing":    func() { _ = d.TryErrback(errBoom) },
		"adding to":  func() { d.AddCallback(func(v int) (int, error) { return v, nil }) },
		"cancelling": d.Cancel,
		"pausing":    d.Pause,
		"unpausing":  d.Unpause,
		"awaiting": func() {
			deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, d) }).AddErrback(func(err error) (int, error) {
				caught = err.(*deferred.PanicError).Unwrap()
				return 0, nil
			})
			panic(caught)
		},
	}
	for name, f := range ops {
		err, _ := elsewhere(f).(error)
		e, ok := errors.AsType[*deferred.GoroutineError](err)
		if !ok || name != "failing" && e.Op != name || e.Error() == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if d.Called() || d.Paused() != 0 {
		t.Errorf("%v was changed", d)
	}
	// A coroutine that the owner runs is the owner.
	inside := deferred.Inline(func(co *deferred.Coro) (int, error) {
		d.AddCallback(func(v int) (int, error) { return v + 1, nil })
		d.Callback(1)
		return deferred.Await(co, d)
	})
	wantResult(t, inside, 2)

	early := deferred.New[int]()
	owner.Release()
	if got := elsewhere(func() { early.Callback(1) }); got != nil {
		t.Errorf("after the owner is gone: %v", got)
	}
}

func TestD313_BoundAtFirstUse(t *testing.T) {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	d := deferred.New[int]() // before anybody owns the goroutine
	owner := deferred.BindOwner()
	defer owner.Release()
	d.Pause()
	if elsewhere(d.Unpause) == nil {
		t.Error("not bound")
	}
	d.Unpause()
}

func TestF62_NilLoop(t *testing.T) {
	d := deferred.New[int]()
	for name, f := range map[string]func(){
		"AddContext": func() { d.AddContext(t.Context(), nil) },
		"AsFuture":   func() { deferred.AsFuture(d, nil) },
		"Wait":       func() { _, _ = deferred.Wait(t.Context(), nil, d) },
		"FromFuture": func() {
			deferred.FromFuture(nil, func(context.Context, func(int, error)) { t.Error("started") })
		},
	} {
		t.Run(name, func(t *testing.T) { wantErrorPanic(t, "deferred: nil loop", f) })
	}
	d.Callback(1)
	wantResult(t, d, 1)
}

// The work is cancelled if start does not return.
func TestF62D269_StartThatEnds(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic(errBoom) },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			var work context.Context
			elsewhereToItsEnd(func() {
				deferred.FromFuture(newLoop(), func(ctx context.Context, _ func(int, error)) {
					work = ctx
					end()
				})
			})
			if work.Err() == nil {
				t.Error("not cancelled")
			}
		})
	}
}

// elsewhereToItsEnd runs f on a goroutine of its own until it returns, panics
// or calls runtime.Goexit.
func elsewhereToItsEnd(f func()) {
	ended := make(chan struct{})
	go func() { // ends with f
		defer close(ended)
		panicOf(f)
	}()
	<-ended
}

// Work that keeps done does not keep the Deferred, once it has fired.
func TestF62D269_DoneKeepsNothing(t *testing.T) {
	reports := deferredtest.Watch(t)
	lp := newLoop()
	var done func(int, error)
	deferred.FromFuture(lp, func(_ context.Context, f func(int, error)) { done = f })
	done(0, errBoom)
	lp.turn(t)
	if n := len(reports.Flush(errBoom)); n != 1 {
		t.Errorf("%d reports", n)
	}
	done(1, nil) // ignored
	lp.turn(t)
}

func TestF62D318_AFutureRefusesToBlockAnOwner(t *testing.T) {
	within(t, func() {
		defer deferred.BindOwner().Release()
		d := deferred.New[int]()
		f := deferred.AsFuture(d, newLoop())
		if _, err := f.Wait(t.Context()); err != deferred.ErrBlocksOwner {
			t.Errorf("got %v", err)
		}
		d.Callback(1)
		if v, err := f.Wait(t.Context()); v != 1 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})
}
