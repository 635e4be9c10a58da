package deferred_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD82_CancelWithoutCanceller(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddErrback(func(err error) (int, error) {
		tr.add("%v", err == deferred.ErrCancelled)
		return 0, nil
	})
	d.Cancel()
	tr.want("true")
}

func TestD83_OneFiringIsIgnored(t *testing.T) {
	for name, first := range map[string]func(deferred.Deferred[int]) error{
		"callback": func(d deferred.Deferred[int]) error { return d.TryCallback(1) },
		"errback":  func(d deferred.Deferred[int]) error { return d.TryErrback(errBoom) },
	} {
		t.Run(name, func(t *testing.T) {
			tr, d := newTrace(t), deferred.New[int]()
			d.AddErrback(eb(tr, "eb", 0))
			d.Cancel()
			if err := first(d); err != nil {
				t.Errorf("the first firing after the cancel returned %v", err)
			}
			tr.want("eb!deferred: cancelled")
			wantResult(t, d, 0)
			wantPanic(t, deferred.ErrAlreadyCalled, func() { d.Callback(1) })
			wantPanic(t, deferred.ErrAlreadyCalled, func() { d.Errback(errBoom) })
		})
	}
}

func TestD84_CancelTwice(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddErrback(eb(tr, "eb", 0))
	d.Cancel()
	d.Cancel()
	d.Callback(1)
	d.Cancel()
	tr.want("eb!deferred: cancelled")
	wantPanic(t, deferred.ErrAlreadyCalled, func() { d.Callback(2) })
}

func TestD85toD87D90_Canceller(t *testing.T) {
	tr := newTrace(t)
	d := deferred.New(func(d deferred.Deferred[int]) {
		tr.add("canceller, called %v", d.Called())
		d.Cancel() // a canceller that cancels is not called again
	})
	d.AddErrback(eb(tr, "eb", 0))
	d.Cancel()
	tr.want("canceller, called false", "eb!deferred: cancelled")
	d.Cancel()
	tr.want()
	wantPanic(t, deferred.ErrAlreadyCalled, func() { d.Callback(1) })
	wantPanic(t, deferred.ErrAlreadyCalled, func() { d.Errback(errBoom) })
}

func TestD85_CancellerGetsTheDeferred(t *testing.T) {
	var got deferred.Deferred[int]
	d := deferred.New(func(c deferred.Deferred[int]) { got = c })
	d.Cancel()
	if got != d {
		t.Error("another Deferred")
	}
	wantFailure(t, d, deferred.ErrCancelled)
}

func TestD88D89_CancellerFires(t *testing.T) {
	value := deferred.New(func(d deferred.Deferred[int]) { d.Callback(3) })
	value.Cancel()
	wantResult(t, value, 3)
	failure := deferred.New(func(d deferred.Deferred[int]) { d.Errback(errBoom) })
	failure.Cancel()
	wantFailure(t, failure, errBoom)
}

func TestD91D92_CancelAfterFiring(t *testing.T) {
	never := func(deferred.Deferred[int]) { t.Error("the canceller ran") }
	value := deferred.New(never)
	value.Callback(1)
	value.Cancel()
	wantResult(t, value, 1)
	failure := deferred.New(never)
	failure.Errback(errBoom)
	failure.Cancel()
	wantFailure(t, failure, errBoom)
}

func TestD93D94_CancelReachesTheInner(t *testing.T) {
	for _, row := range []struct {
		name      string
		canceller func(deferred.Deferred[int])
		want      string
	}{
		{"cancelled", func(deferred.Deferred[int]) {}, "outer!deferred: cancelled"},
		{"value", func(d deferred.Deferred[int]) { d.Callback(5) }, "outer=5"},
		{"failure", func(d deferred.Deferred[int]) { d.Errback(errBoom) }, "outer!boom"},
	} {
		t.Run(row.name, func(t *testing.T) {
			tr, inner := newTrace(t), deferred.New(row.canceller)
			outer := deferred.New(func(deferred.Deferred[int]) { t.Error("the outer canceller ran") })
			waiting := deferred.ThenDeferred(outer, func(int) deferred.Deferred[int] { return inner })
			waiting.AddBoth(both[int](tr, "outer")).AddErrback(handled[int])
			outer.Callback(1)
			waiting.Cancel()
			tr.want(row.want)
			wantResult(t, inner, 0)
		})
	}
}

func TestD94_InnerCallbacksChangeTheOutcome(t *testing.T) {
	inner := deferred.New[int]().AddErrback(func(error) (int, error) { return 8, nil })
	outer := deferred.ThenDeferred(deferred.Succeed(1), func(int) deferred.Deferred[int] { return inner })
	outer.Cancel()
	wantResult(t, outer, 8)
}

func TestD95_CancelWhilePaused(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddErrback(eb(tr, "eb", 0))
	d.Pause()
	d.Cancel()
	tr.want()
	if !d.Called() {
		t.Error("not fired")
	}
	d.Unpause()
	tr.want("eb!deferred: cancelled")
}

func TestD96_CancelFiredAndPaused(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddBoth(both[int](tr, "x"))
	d.Pause()
	d.Callback(1)
	d.Cancel()
	d.Unpause()
	tr.want("x=1")
}

func TestD97_CallbackCancelsItsOwnDeferred(t *testing.T) {
	d := deferred.New[int]()
	d.AddCallback(func(v int) (int, error) { d.Cancel(); return v + 1, nil })
	d.Callback(1)
	wantResult(t, d, 2)
}

func TestD98_PanickingCanceller(t *testing.T) {
	calls := 0
	d := deferred.New(func(deferred.Deferred[int]) {
		if calls++; calls == 1 {
			panic(errBoom)
		}
	})
	wantPanic(t, errBoom, d.Cancel)
	if d.Called() {
		t.Error("it fired")
	}
	d.Cancel()
	if calls != 2 {
		t.Errorf("the canceller ran %d times", calls)
	}
	wantFailure(t, d, deferred.ErrCancelled)
}

func TestD99_ErrCancelled(t *testing.T) {
	if !errors.Is(deferred.ErrCancelled, context.Canceled) {
		t.Error("ErrCancelled does not match context.Canceled")
	}
	if errors.Is(context.Canceled, deferred.ErrCancelled) {
		t.Error("context.Canceled matches ErrCancelled")
	}
}
