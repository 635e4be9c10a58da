package task_test

import (
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestR164_R165_DeferLater(t *testing.T) {
	c := reactortest.NewClock()
	value := watch(task.DeferLater(c, second, func() (int, error) { return 7, nil }))
	failure := watch(task.DeferLater(c, second, func() (int, error) { return 0, errTest }))
	nothing := watch(task.DeferLater[int](c, second, nil))
	inner := deferred.New[int]()
	waiting := watch(task.DeferLaterDeferred(c, second, func() deferred.Deferred[int] { return inner }))
	value.wantPending(t)
	c.Advance(second)
	if value.wantOK(t); value.v != 7 {
		t.Errorf("got %d", value.v)
	}
	failure.wantErr(t, errTest)
	nothing.wantOK(t)
	waiting.wantPending(t)
	inner.Callback(8)
	if waiting.wantOK(t); waiting.v != 8 {
		t.Errorf("got %d", waiting.v)
	}
}

func TestR166_CancelOfDeferLater(t *testing.T) {
	c := reactortest.NewClock()
	d := task.DeferLater(c, second, func() (int, error) { t.Error("called"); return 0, nil })
	o := watch(d)
	d.Cancel()
	o.wantErr(t, deferred.ErrCancelled)
	wantNoCalls(t, c)

	cancelled := false
	inner := deferred.New(func(deferred.Deferred[int]) { cancelled = true })
	d = task.DeferLaterDeferred(c, second, func() deferred.Deferred[int] { return inner })
	o = watch(d)
	c.Advance(second)
	d.Cancel()
	o.wantErr(t, deferred.ErrCancelled)
	if !cancelled {
		t.Error("the cancellation did not reach the inner Deferred")
	}
}
