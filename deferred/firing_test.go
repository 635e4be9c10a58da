package deferred_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD1_New(t *testing.T) {
	d := deferred.New[int]()
	_, _, ok := d.Result()
	if d.Called() || d.Waiting() || d.Paused() != 0 || ok {
		t.Errorf("a new Deferred has a state: %v", d)
	}
}

func TestD2D3_CallbackRunsInsideFiring(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(func(v int) (int, error) {
		tr.add("got %d, called %v", v, d.Called())
		return v, nil
	})
	tr.want()
	d.Callback(7)
	tr.want("got 7, called true")
}

func TestD3_CalledStaysTrueWhileWaiting(t *testing.T) {
	d := deferred.New[any]()
	inner := deferred.New[any]()
	d.AddCallback(func(any) (any, error) { return inner, nil })
	d.Callback(1)
	if !d.Called() || !d.Waiting() {
		t.Errorf("%v: called %v, waiting %v", d, d.Called(), d.Waiting())
	}
	inner.Callback(2)
	if !d.Called() || d.Waiting() {
		t.Errorf("%v: called %v, waiting %v", d, d.Called(), d.Waiting())
	}
}

func TestD4D5_ResultsPassAlongInOrder(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(cb(tr, "a", 2)).AddCallback(cb(tr, "b", 3)).AddCallback(cb(tr, "c", 4))
	d.Callback(1)
	tr.want("a=1", "b=2", "c=3")
	wantResult(t, d, 4)
	d.AddCallback(cb(tr, "d", 5))
	tr.want("d=4") // those that ran do not run again
}

// A callback that was taken is no longer held: what it captured can be
// collected.
func TestD5_CallbackIsDropped(t *testing.T) {
	d := deferred.New[int]()
	collected := make(chan struct{})
	func() {
		held := new([64]int)
		runtime.AddCleanup(held, func(c chan struct{}) { close(c) }, collected)
		d.AddCallback(func(v int) (int, error) { return v + held[0], nil })
	}()
	d.Callback(1)
	waitCollected(t, collected)
	wantResult(t, d, 1)
}

func TestD6_LateCallbackRunsAtOnce(t *testing.T) {
	tr, d := newTrace(t), deferred.Succeed(5)
	d.AddCallback(cb(tr, "late", 6))
	tr.want("late=5")
	wantResult(t, d, 6)
}

func TestD7_ResultIsKept(t *testing.T) {
	tr, d := newTrace(t), deferred.New[string]()
	d.Callback("v")
	wantResult(t, d, "v")
	d.AddBoth(both[string](tr, "x"))
	tr.want("x=v")
}

func TestD8_AddReturnsTheSame(t *testing.T) {
	d := deferred.New[int]()
	same := func(v int) (int, error) { return v, nil }
	pass := func(err error) (int, error) { return 0, err }
	for name, got := range map[string]deferred.Deferred[int]{
		"AddCallback":        d.AddCallback(same),
		"AddErrback":         d.AddErrback(pass),
		"AddCallbacks":       d.AddCallbacks(same, pass),
		"AddBoth":            d.AddBoth(func(v int, err error) (int, error) { return v, err }),
		"AddErrbackDeferred": d.AddErrbackDeferred(deferred.Fail[int]),
	} {
		if got != d {
			t.Errorf("%s returned another Deferred", name)
		}
	}
}

func TestD9D10D141_ErrorKeepsItsIdentity(t *testing.T) {
	d := deferred.New[int]()
	mine := &codeError{7}
	var seen []error
	keep := func(err error) (int, error) { seen = append(seen, err); return 0, err }
	d.AddErrback(keep).AddErrback(keep)
	d.Errback(mine)
	if len(seen) != 2 || seen[0] != error(mine) || seen[1] != error(mine) {
		t.Errorf("errbacks saw %v", seen)
	}
	wantFailure(t, d, mine)
}

type codeError struct{ code int }

func (e *codeError) Error() string { return "code" }

func TestD12_ErrbackNeedsAnError(t *testing.T) {
	d := deferred.New[int]()
	if panicOf(func() { d.Errback(nil) }) == nil || panicOf(func() { _ = d.TryErrback(nil) }) == nil {
		t.Error("a nil error was accepted")
	}
	if d.Called() {
		t.Error("it fired")
	}
}

func TestD14toD17_SecondFiring(t *testing.T) {
	callback := func(d deferred.Deferred[int]) { d.Callback(2) }
	errback := func(d deferred.Deferred[int]) { d.Errback(errOther) }
	for _, row := range []struct {
		number string
		first  deferred.Deferred[int]
		second func(deferred.Deferred[int])
	}{
		{"D14", deferred.Succeed(1), callback},
		{"D15", deferred.Succeed(1), errback},
		{"D16", deferred.Fail[int](errBoom), callback},
		{"D17", deferred.Fail[int](errBoom), errback},
	} {
		t.Run(row.number, func(t *testing.T) {
			wantPanic(t, deferred.ErrAlreadyCalled, func() { row.second(row.first) })
			if err := row.first.TryCallback(3); !errors.Is(err, deferred.ErrAlreadyCalled) {
				t.Errorf("TryCallback returned %v", err)
			}
			if err := row.first.TryErrback(errOther); !errors.Is(err, deferred.ErrAlreadyCalled) {
				t.Errorf("TryErrback returned %v", err)
			}
			if v, err, _ := row.first.Result(); v != 1 && err != errBoom {
				t.Errorf("the result became %v, %v", v, err)
			}
			row.first.AddErrback(handled[int])
		})
	}
}

func TestD18_NoStacksWithoutDebugging(t *testing.T) {
	err := deferred.Succeed(1).TryCallback(2)
	if err != deferred.ErrAlreadyCalled {
		t.Errorf("got %v", err)
	}
}

func TestD19_DeferredAsValueIsRefused(t *testing.T) {
	d := deferred.New[any]()
	wantPanic(t, deferred.ErrDeferredValue, func() { d.Callback(deferred.New[int]()) })
	if d.Called() {
		t.Error("it fired")
	}
	d.Callback(1)
	wantResult[any](t, d, 1)
}

func TestD21_CancellerIsDroppedWhenFired(t *testing.T) {
	for name, fire := range map[string]func(deferred.Deferred[any]){
		"callback": func(d deferred.Deferred[any]) { d.Callback(1) },
		"errback":  func(d deferred.Deferred[any]) { d.Errback(errBoom) },
	} {
		t.Run(name, func(t *testing.T) {
			collected := make(chan struct{})
			d := func() deferred.Deferred[any] {
				held := new([64]int)
				runtime.AddCleanup(held, func(c chan struct{}) { close(c) }, collected)
				return deferred.New(func(deferred.Deferred[any]) { held[0]++ })
			}()
			d.AddBoth(func(any, error) (any, error) { return deferred.New[any](), nil })
			fire(d)
			waitCollected(t, collected)
			if !d.Waiting() {
				t.Errorf("%v does not wait", d)
			}
		})
	}
}
