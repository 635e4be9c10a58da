package deferredtest

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// SuccessResultOf takes the value out of d and returns it. The test fails at once if d has no result or a failure.
func SuccessResultOf[T any](t testing.TB, d deferred.Deferred[T]) T {
	t.Helper()
	v, err, ok := take(d)
	switch {
	case !ok:
		t.Fatalf("deferredtest: %v has no result yet, wanted a value", d)
	case err != nil:
		t.Fatalf("deferredtest: %v failed, wanted a value: %v", d, err)
	}
	return v
}

// FailureResultOf takes the failure out of d, which counts as handling it, and returns it. The test fails at once if d has no result or
// a value, or, where errors are given, if the failure matches none of them by errors.Is.
func FailureResultOf[T any](t testing.TB, d deferred.Deferred[T], want ...error) error {
	t.Helper()
	v, err, ok := take(d)
	switch {
	case !ok:
		t.Fatalf("deferredtest: %v has no result yet, wanted a failure", d)
	case err == nil:
		t.Fatalf("deferredtest: %v has the value %v, wanted a failure", d, v)
	case len(want) > 0 && !isAny(err, want):
		t.Fatalf("deferredtest: %v failed with %v, wanted one of %v", d, err, want)
	}
	return err
}

// AssertNoResult fails the test if d has a result. It leaves d as it was: it adds nothing, and takes no failure away.
func AssertNoResult[T any](t testing.TB, d deferred.Deferred[T]) {
	t.Helper()
	if _, _, ok := d.Result(); ok && d.Paused() == 0 {
		t.Errorf("deferredtest: wanted no result yet: %v", d)
	}
}

// take removes the result from d, if there is one, and leaves the zero value behind.
func take[T any](d deferred.Deferred[T]) (v T, err error, ok bool) {
	if d.Paused() > 0 || !d.Called() {
		return v, nil, false
	}
	o := Observe(d)
	return o.Value, o.Err, o.Fired
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
