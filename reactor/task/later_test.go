package task_test

import (
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestR164_R165_DeferLater(t *testing.T) {
	c := reactortest.NewClock()
	value := task.DeferLater(c, second, func() (int, error) { return 7, nil })
	failure := task.DeferLater(c, second, func() (int, error) { return 0, errTest })
	nothing := task.DeferLater[int](c, second, nil)
	inner := deferred.New[int]()
	waiting := task.DeferLaterDeferred(c, second, func() deferred.Deferred[int] { return inner })
	deferredtest.AssertNoResult(t, value)
	c.Advance(second)
	if v := deferredtest.SuccessResultOf(t, value); v != 7 {
		t.Errorf("got %d", v)
	}
	deferredtest.FailureResultOf(t, failure, errTest)
	deferredtest.SuccessResultOf(t, nothing)
	deferredtest.AssertNoResult(t, waiting)
	inner.Callback(8)
	if v := deferredtest.SuccessResultOf(t, waiting); v != 8 {
		t.Errorf("got %d", v)
	}
}

func TestR166_CancelOfDeferLater(t *testing.T) {
	c := reactortest.NewClock()
	d := task.DeferLater(c, second, func() (int, error) { t.Error("called"); return 0, nil })
	d.Cancel()
	deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
	wantNoCalls(t, c)
	c.Advance(2 * second)

	cancelled := false
	inner := deferred.New(func(deferred.Deferred[int]) { cancelled = true })
	d = task.DeferLaterDeferred(c, second, func() deferred.Deferred[int] { return inner })
	c.Advance(second)
	d.Cancel()
	deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
	if !cancelled {
		t.Error("the cancellation did not reach the inner Deferred")
	}
}
