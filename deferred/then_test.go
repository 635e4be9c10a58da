package deferred_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD315_ThenKeepsTheChain(t *testing.T) {
	tr, cancels := newTrace(t), 0
	d := deferred.New(func(deferred.Deferred[int]) { cancels++ })
	s := deferred.Then(d, func(v int) (string, error) { tr.add("then %d", v); return strconv.Itoa(v), nil })
	s.AddCallback(cb(tr, "s", "x"))
	d.Pause()
	if s.Paused() != 1 {
		t.Error("the views do not share the pause count")
	}
	d.Callback(12)
	tr.want()
	s.Unpause()
	tr.want("then 12", "s=12")
	wantResult(t, s, "x")

	d = deferred.New(func(deferred.Deferred[int]) { cancels++ })
	s = deferred.Then(d, strconvItoa)
	s.Cancel()
	if cancels != 1 || !d.Called() {
		t.Errorf("cancelled %d times", cancels)
	}
	wantFailure(t, s, deferred.ErrCancelled)
}

func strconvItoa(v int) (string, error) { return strconv.Itoa(v), nil }

func TestD315_StaleViewIsRefused(t *testing.T) {
	d := deferred.New[int]()
	s := deferred.Then(d, strconvItoa)
	err, _ := panicOf(func() { d.AddCallback(func(v int) (int, error) { return v, nil }) }).(error)
	if v, ok := errors.AsType[*deferred.ViewError](err); !ok || v.View != "int" || v.Want != "string" {
		t.Errorf("got %v", err)
	}
	if _, _, ok := d.Result(); ok {
		t.Error("a result before firing")
	}
	d.Callback(1) // firing goes through the view that New returned
	wantResult(t, s, "1")
	if _, _, ok := d.Result(); ok {
		t.Error("the stale view shows a result")
	}
	if err := deferred.New[int]().TryCallback(1); err != nil {
		t.Error(err)
	}
}

func TestD315_FiringThroughALaterView(t *testing.T) {
	d := deferred.New[int]()
	s := deferred.Then(d, strconvItoa)
	if _, ok := errors.AsType[*deferred.ViewError](s.TryCallback("1")); !ok || d.Called() {
		t.Error("a string was accepted where the chain begins with an int")
	}
	s.Errback(errBoom) // a failure has no type
	wantFailure(t, s, errBoom)
	if err := s.TryCallback("1"); !errors.Is(err, deferred.ErrAlreadyCalled) {
		t.Errorf("got %v", err)
	}
}

func TestD315_AllFormsOfThen(t *testing.T) {
	toText := func(v int, err error) (string, error) {
		if err != nil {
			return "failed: " + err.Error(), nil
		}
		return strconv.Itoa(v), nil
	}
	wantResult(t, deferred.ThenBoth(deferred.Succeed(1), toText), "1")
	wantResult(t, deferred.ThenBoth(deferred.Fail[int](errBoom), toText), "failed: boom")
	later := func(v int, err error) deferred.Deferred[string] { s, err := toText(v, err); return made(s, err) }
	wantResult(t, deferred.ThenBothDeferred(deferred.Succeed(1), later), "1")
	wantResult(t, deferred.ThenBothDeferred(deferred.Fail[int](errBoom), later), "failed: boom")
	eb := func(err error) (string, error) { return err.Error(), nil }
	wantResult(t, deferred.ThenCallbacks(deferred.Succeed(1), strconvItoa, eb), "1")
	wantResult(t, deferred.ThenCallbacks(deferred.Fail[int](errBoom), strconvItoa, eb), "boom")
	wantFailure(t, deferred.ThenCallbacks(deferred.Fail[int](errBoom), strconvItoa, nil), errBoom)
	wantResult(t, deferred.ThenDeferred(deferred.Succeed(1), func(v int) deferred.Deferred[string] { return later(v, nil) }), "1")
	wantFailure(t, deferred.ThenDeferred(deferred.Fail[int](errBoom), func(int) deferred.Deferred[string] { panic("ran") }), errBoom)
}

func made[T any](v T, err error) deferred.Deferred[T] {
	if err != nil {
		return deferred.Fail[T](err)
	}
	return deferred.Succeed(v)
}

// A failure that skips a change of type and is handled behind it leaves the
// zero value of the new type to later callbacks.
func TestD315_FailureSkipsAChangeOfType(t *testing.T) {
	d := deferred.Then(deferred.Fail[int](errBoom), strconvItoa)
	d.AddErrback(func(error) (string, error) { return "recovered", nil })
	wantResult(t, d, "recovered")

	n := deferred.Then(deferred.Then(deferred.Succeed(1), func(int) (string, error) { return "s", errBoom }), func(string) (int, error) { return 5, nil })
	n.AddErrback(func(error) (int, error) { return 0, nil })
	wantResult(t, n, 0)
}

func TestD315_TypedChainsWait(t *testing.T) {
	inner := deferred.New[string]()
	d := deferred.New[int]()
	outer := deferred.ThenDeferred(d, func(int) deferred.Deferred[string] { return inner })
	n := deferred.Then(outer, func(s string) (int, error) { return len(s), nil })
	d.Callback(1)
	if !n.Waiting() {
		t.Error("not waiting")
	}
	inner.Callback("four")
	wantResult(t, n, 4)
	wantResult(t, inner, "")
}
