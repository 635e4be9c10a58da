package task_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

type none = struct{}

var errTest = errors.New("failed as it should")

// outcome notes what a Deferred fires with.
type outcome[T any] struct {
	fired bool
	v     T
	err   error
}

func watch[T any](d deferred.Deferred[T]) *outcome[T] {
	o := new(outcome[T])
	d.AddBoth(func(v T, err error) (none T, _ error) {
		*o = outcome[T]{true, v, err}
		return none, nil
	})
	return o
}

func (o *outcome[T]) wantErr(t *testing.T, err error) {
	t.Helper()
	if !o.fired || !errors.Is(o.err, err) {
		t.Errorf("fired %v with error %v, want %v", o.fired, o.err, err)
	}
}

func (o *outcome[T]) wantOK(t *testing.T) {
	t.Helper()
	if !o.fired || o.err != nil {
		t.Errorf("fired %v with error %v", o.fired, o.err)
	}
}

func (o *outcome[T]) wantPending(t *testing.T) {
	t.Helper()
	if o.fired {
		t.Errorf("fired with %v, %v", o.v, o.err)
	}
}

func wantPanic(t *testing.T, want error, f func()) {
	t.Helper()
	defer func() {
		if v := recover(); v != want {
			t.Errorf("panic with %v, want %v", v, want)
		}
	}()
	f()
}

func wantNoCalls(t *testing.T, c *reactortest.Clock) {
	t.Helper()
	if calls := c.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
}

// times notes when something happened.
type times struct {
	clock *reactortest.Clock
	at    []string
}

func (n *times) note() { n.at = append(n.at, fmt.Sprint(n.clock.Elapsed())) }

func (n *times) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(n.at, want) {
		t.Errorf("at %v, want %v", n.at, want)
	}
}

const second = time.Second
