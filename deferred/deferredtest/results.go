package deferredtest

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// SuccessResultOf takes the value out of d and returns the value; d is left
// with the zero value. The test fails at once, with t.Fatalf, if d failed or
// has no result yet. A Deferred that is paused or waits on another one has no
// result yet.
func SuccessResultOf[T any](t testing.TB, d deferred.Deferred[T]) T {
	t.Helper()
	v, err, ok := take(d)
	switch {
	case !ok:
		t.Fatalf("deferredtest: %v has no result yet, wanted a value", d)
	case err != nil:
		t.Fatalf("deferredtest: the %T failed, wanted a value: %v", d, err)
	}
	return v
}

// FailureResultOf takes the failure out of d and returns the failure, which
// counts as handled. The test fails at once, with t.Fatalf, if d has a value or
// no result yet, or if want is not empty and the failure matches none of want
// by errors.Is.
func FailureResultOf[T any](t testing.TB, d deferred.Deferred[T], want ...error) error {
	t.Helper()
	v, err, ok := take(d)
	switch {
	case !ok:
		t.Fatalf("deferredtest: %v has no result yet, wanted a failure", d)
	case err == nil:
		t.Fatalf("deferredtest: the %T has the value %v, wanted a failure", d, v)
	case len(want) > 0 && !isAny(err, want):
		t.Fatalf("deferredtest: the %T failed with %v, wanted one of %v", d, err, want)
	}
	return err
}

// AssertNoResult fails the test, with t.Errorf, if d has a result. d is not
// changed: a failure stays, and does not count as handled.
func AssertNoResult[T any](t testing.TB, d deferred.Deferred[T]) {
	t.Helper()
	if hasResult(d) {
		t.Errorf("deferredtest: wanted no result yet: %v", d)
	}
}

// take removes the result from d, if there is one, and leaves the zero value.
func take[T any](d deferred.Deferred[T]) (v T, err error, ok bool) {
	if !hasResult(d) {
		return v, nil, false
	}
	o := Observe(d)
	return o.Value, o.Err, o.Fired
}

// hasResult reports whether d has a result, which a callback may be about to
// change. Unlike d.Result it also reports true through a stale view.
func hasResult[T any](d deferred.Deferred[T]) bool { return d.Called() && d.Paused() == 0 }

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
