package deferred_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// returning makes a Deferred[any] that is fired and whose callback has returned
// inner.
func returning(inner any) deferred.Deferred[any] {
	return deferred.Succeed[any](nil).AddBoth(func(any, error) (any, error) { return inner, nil })
}

func TestD41D42D43_WaitsAndTakesTheResult(t *testing.T) {
	tr, inner := newTrace(t), deferred.New[any]()
	outer := returning(inner).AddBoth(both[any](tr, "outer"))
	if outer.Paused() != 1 || !outer.Waiting() {
		t.Errorf("%v: paused %d", outer, outer.Paused())
	}
	tr.want()
	inner.Callback("v")
	tr.want("outer=v")
	wantResult[any](t, inner, nil)
	if outer.Paused() != 0 {
		t.Errorf("paused %d times", outer.Paused())
	}
}

func TestD44D45_FiredInner(t *testing.T) {
	tr, inner := newTrace(t), deferred.Succeed[any]("v")
	returning(inner).AddBoth(both[any](tr, "outer"))
	tr.want("outer=v")
	wantResult[any](t, inner, nil)

	failed := deferred.Fail[any](errBoom)
	outer := returning(failed)
	wantResult[any](t, failed, nil)
	wantFailure(t, outer, errBoom)
}

func TestD46_InnerFailsLater(t *testing.T) {
	inner := deferred.New[any]()
	outer := returning(inner)
	inner.Errback(errBoom)
	wantResult[any](t, inner, nil)
	wantFailure(t, outer, errBoom)
}

func TestD47_ErrbackReturnsDeferred(t *testing.T) {
	inner := deferred.New[int]()
	typed := deferred.Fail[int](errBoom).AddErrbackDeferred(func(error) deferred.Deferred[int] { return inner })
	inner.Callback(4)
	wantResult(t, typed, 4)

	dynamic := deferred.Fail[any](errBoom).AddErrback(func(error) (any, error) { return deferred.Succeed("text"), nil })
	wantResult[any](t, dynamic, "text")
}

func TestD48D49_OrderAroundTheHandOver(t *testing.T) {
	tr, inner := newTrace(t), deferred.New[any]()
	inner.AddCallback(cb[any](tr, "before", "b"))
	outer := returning(inner).AddBoth(both[any](tr, "outer"))
	further := returning(outer)
	inner.AddBoth(both[any](tr, "after"))
	further.AddBoth(both[any](tr, "further"))
	inner.Callback("a")
	tr.want("before=a", "outer=b", "further=b", "after=<nil>")
}

func TestD50_WaitsInARow(t *testing.T) {
	tr := newTrace(t)
	c := deferred.New[any]()
	b := returning(c).AddCallback(cb[any](tr, "b", "from b"))
	a := returning(b).AddBoth(both[any](tr, "a"))
	c.Callback("from c")
	tr.want("b=from c", "a=from b")
	wantResult[any](t, a, "from b")
}

func TestD51D52_InnerThatWaitsItself(t *testing.T) {
	tr, third := newTrace(t), deferred.New[any]()
	inner := deferred.Succeed[any]("x")
	inner.AddCallback(func(any) (any, error) { return third, nil })
	inner.AddCallback(cb[any](tr, "inner 1", "i1")).AddCallback(cb[any](tr, "inner 2", "i2"))
	outer := returning(inner).AddBoth(both[any](tr, "outer"))
	tr.want()
	third.Callback("3")
	tr.want("inner 1=3", "inner 2=i1", "outer=i2")
	wantResult[any](t, outer, "i2")
}

func TestD53_LateCallbackOfTheMiddleOne(t *testing.T) {
	tr, third := newTrace(t), deferred.New[any]()
	second := returning(third)
	first := returning(second)
	third.Callback("v")
	second.AddBoth(both[any](tr, "second"))
	tr.want("second=<nil>")
	wantResult[any](t, first, "v")
}

func TestD54D55_PausedInner(t *testing.T) {
	fired, unfired := deferred.Succeed[any]("v"), deferred.New[any]()
	fired.Pause()
	unfired.Pause()
	a, b := returning(fired), returning(unfired)
	unfired.Callback("w")
	if !a.Waiting() || !b.Waiting() {
		t.Errorf("%v, %v", a, b)
	}
	fired.Unpause()
	unfired.Unpause()
	wantResult[any](t, a, "v")
	wantResult[any](t, b, "w")
}

func TestD56toD58_PausedOuter(t *testing.T) {
	tr, inner := newTrace(t), deferred.New[any]()
	outer := returning(inner).AddBoth(both[any](tr, "outer"))
	inner.AddBoth(both[any](tr, "queued"))
	outer.Pause()
	inner.Callback("v")
	tr.want("queued=<nil>") // D58
	wantResult[any](t, outer, "v")
	inner.AddBoth(both[any](tr, "added"))
	tr.want("added=<nil>") // D57
	outer.Unpause()
	tr.want("outer=v")
}

func TestD59_TwoWaiters(t *testing.T) {
	inner := deferred.New[any]()
	first, second := returning(inner), returning(inner)
	inner.Callback("v")
	wantResult[any](t, first, "v")
	wantResult[any](t, second, nil)
}

// line makes n Deferreds each of which waits on the next, and returns the first
// and the last.
func line(n int) (first, last deferred.Deferred[any]) {
	last = deferred.New[any]()
	first = last
	for range n {
		first = returning(first)
	}
	return first, last
}

func TestD60D61_LongLineUsesConstantStack(t *testing.T) {
	depth := func(n int) (frames int) {
		first, last := line(n)
		first.AddCallback(func(v any) (any, error) {
			frames = runtime.Callers(0, make([]uintptr, 1000))
			return v, nil
		})
		last.Callback("v")
		wantResult[any](t, first, "v")
		return frames
	}
	one, many := depth(1), depth(100_000)
	if one == 0 || one != many {
		t.Errorf("%d frames for one link, %d for many", one, many)
	}
}

// The same line built from the other end: each fires, and its callback returns
// the next, which has not fired yet.
func TestD60_LongLineBuiltForwards(t *testing.T) {
	last := deferred.New[any]()
	all := []deferred.Deferred[any]{last}
	for range 100_000 {
		next := last
		last = deferred.New[any]().AddCallback(func(any) (any, error) { return next, nil })
		all = append(all, last)
	}
	slices.Reverse(all)
	for _, d := range all {
		d.Callback("v")
	}
	wantResult[any](t, all[0], "v")
}

func TestD62toD64_CircularChains(t *testing.T) {
	t.Run("D62 itself", func(t *testing.T) {
		d := deferred.New[any]()
		d.AddCallback(func(any) (any, error) { return d, nil })
		d.Callback(1)
		wantFailure(t, d, deferred.ErrCircular)
	})
	for _, n := range []int{1, 2, 10} {
		t.Run(fmt.Sprintf("D64 a line of %d", n), func(t *testing.T) {
			first, last := circle(n)
			last.Callback(1)
			wantResult[any](t, last, nil) // the failure has moved to those that waited
			wantFailure(t, first, deferred.ErrCircular)
		})
	}
	t.Run("D63 cancel of what waits in a circle ends", func(t *testing.T) {
		first, last := circle(1)
		hold := deferred.New[any]()
		last.AddBoth(func(any, error) (any, error) { return hold, nil })
		last.Callback(1)
		first.Cancel()
		last.Cancel()
		wantResult[any](t, hold, nil)
		wantFailure(t, last, deferred.ErrCancelled)
		wantFailure(t, first, deferred.ErrCircular)
	})
}

// circle makes a line of n Deferreds that wait, in the end for last, whose
// callback returns the first of them.
func circle(n int) (first, last deferred.Deferred[any]) {
	last = deferred.New[any]()
	last.AddCallback(func(any) (any, error) { return first, nil })
	first = last
	for range n {
		first = returning(first)
	}
	return first, last
}

func TestD65_WaitRecordIsCleared(t *testing.T) {
	inner := deferred.New[any]()
	outer := returning(inner)
	if !outer.Waiting() {
		t.Error("not waiting")
	}
	inner.Callback(1)
	if outer.Waiting() {
		t.Error("still waiting")
	}
}

func TestD66_CancelOfALongLine(t *testing.T) {
	first, last := line(100_000)
	first.Cancel()
	wantResult[any](t, last, nil)
	wantFailure(t, first, deferred.ErrCancelled)
}

// A Deferred of a narrower interface type may hold a nil value, also when a
// Deferred[any] takes it over.
func TestD42_NilInterfaceValueMovesToAny(t *testing.T) {
	inner := deferred.New[fmt.Stringer]()
	outer := returning(inner)
	inner.Callback(nil)
	wantResult[any](t, outer, nil)
	wantResult[any](t, returning(deferred.Succeed[error](nil)), nil)
}

// What embeds a Deferred is waited for as a Deferred is.
func TestD179_EmbeddedDeferred(t *testing.T) {
	type request struct {
		deferred.Deferred[int]
		id int
	}
	r := request{deferred.New[int](), 1}
	outer := returning(r)
	r.Callback(3)
	wantResult[any](t, outer, 3)
	wantResult[any](t, returning(&request{Deferred: deferred.Succeed(4)}), 4)
}

func TestMisuse_ZeroDeferred(t *testing.T) {
	var zero deferred.Deferred[int]
	wantPanic(t, deferred.ErrZero, func() { zero.AddCallback(func(v int) (int, error) { return v, nil }) })
	wantPanic(t, deferred.ErrZero, func() { zero.Cancel() })
	wantFailure(t, returning(zero), deferred.ErrZero)
}

func TestMisuse_StaleViewReturned(t *testing.T) {
	stale := deferred.New[int]()
	deferred.Then(stale, func(int) (string, error) { return "", nil })
	outer := returning(stale)
	_, err, _ := outer.Result()
	if v, ok := errors.AsType[*deferred.ViewError](err); !ok || v.View != "int" || v.Want != "string" {
		t.Errorf("got %v", err)
	}
	outer.AddErrback(handled[any])
}
