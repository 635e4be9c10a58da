package deferred_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

var (
	errBoom  = errors.New("boom")
	errOther = errors.New("other")
)

// trace records what happened, in order.
type trace struct {
	t      *testing.T
	events []string
}

func newTrace(t *testing.T) *trace { return &trace{t: t} }

func (tr *trace) add(format string, args ...any) {
	tr.events = append(tr.events, fmt.Sprintf(format, args...))
}

// want fails the test unless exactly these events were recorded since the last
// call.
func (tr *trace) want(events ...string) {
	tr.t.Helper()
	if !slices.Equal(tr.events, events) {
		tr.t.Errorf("got  %q\nwant %q", tr.events, events)
	}
	tr.events = nil
}

// both returns a function for AddBoth that records what it gets under a name
// and lets it pass.
func both[T any](tr *trace, name string) func(T, error) (T, error) {
	return func(v T, err error) (T, error) {
		if err != nil {
			tr.add("%s!%v", name, err)
		} else {
			tr.add("%s=%v", name, v)
		}
		return v, err
	}
}

// cb returns a callback that records what it gets under a name and answers with
// next.
func cb[T any](tr *trace, name string, next T) func(T) (T, error) {
	return func(v T) (T, error) {
		tr.add("%s=%v", name, v)
		return next, nil
	}
}

// eb returns an errback that records what it gets under a name and answers with
// next.
func eb[T any](tr *trace, name string, next T) func(error) (T, error) {
	return func(err error) (T, error) {
		tr.add("%s!%v", name, err)
		return next, nil
	}
}

// handled is an errback that handles every failure.
func handled[T any](error) (none T, _ error) { return none, nil }

// panicOf returns what f panics with, nil if it does not.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// wantPanic fails the test unless f panics with an error that matches target.
func wantPanic(t *testing.T, target error, f func()) {
	t.Helper()
	err, _ := panicOf(f).(error)
	if !errors.Is(err, target) {
		t.Errorf("got panic %v, want %v", err, target)
	}
}

func wantResult[T comparable](t *testing.T, d deferred.Deferred[T], want T) {
	t.Helper()
	if v, err, ok := d.Result(); !ok || err != nil || v != want {
		t.Errorf("got result %v, %v, %v; want %v", v, err, ok, want)
	}
}

// wantFailure fails the test unless d rests on a failure that matches target;
// it takes the failure away.
func wantFailure[T any](t *testing.T, d deferred.Deferred[T], target error) {
	t.Helper()
	v, err, ok := d.Result()
	if !ok || !errors.Is(err, target) {
		t.Errorf("got result %v, %v, %v; want failure %v", v, err, ok, target)
	}
	d.AddErrback(handled[T])
}
