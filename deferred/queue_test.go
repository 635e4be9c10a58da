package deferred_test

import (
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestD293D294D297_Queue(t *testing.T) {
	tr, q := newTrace(t), deferred.NewQueue[int](deferred.Unlimited, deferred.Unlimited)
	for i := range 100 {
		if err := q.Put(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if got := deferredtest.SuccessResultOf(t, q.Get()); got != i {
			t.Errorf("got %d, want %d", got, i)
		}
	}
	q.Get().AddBoth(both[int](tr, "first"))
	q.Get().AddBoth(both[int](tr, "second"))
	tr.want()
	_ = q.Put(1)
	tr.want("first=1")
	_ = q.Put(2)
	tr.want("second=2")
	if q.Len() != 0 {
		t.Errorf("%d stored", q.Len())
	}
}

func TestD295_Overflow(t *testing.T) {
	q := deferred.NewQueue[int](1, deferred.Unlimited)
	_ = q.Put(1)
	if err := q.Put(2); err != deferred.ErrQueueOverflow {
		t.Errorf("got %v", err)
	}
	if got := deferredtest.SuccessResultOf(t, q.Get()); got != 1 {
		t.Errorf("got %d", got)
	}
	none := deferred.NewQueue[int](0, deferred.Unlimited)
	if err := none.Put(1); err != deferred.ErrQueueOverflow {
		t.Errorf("got %v", err)
	}
	d := none.Get()
	if err := none.Put(2); err != nil {
		t.Errorf("got %v", err)
	}
	wantResult(t, d, 2)
}

func TestD296_Underflow(t *testing.T) {
	q := deferred.NewQueue[int](deferred.Unlimited, 1)
	d := q.Get()
	deferredtest.FailureResultOf(t, q.Get(), deferred.ErrQueueUnderflow)
	_ = q.Put(1)
	wantResult(t, d, 1)
	deferredtest.FailureResultOf(t, deferred.NewQueue[int](0, 0).Get(), deferred.ErrQueueUnderflow)
}

func TestD298D299_CancelAGet(t *testing.T) {
	q := deferred.NewQueue[int](deferred.Unlimited, deferred.Unlimited)
	a, b := q.Get(), q.Get()
	a.Cancel()
	wantFailure(t, a, deferred.ErrCancelled)
	_ = q.Put(1)
	wantResult(t, b, 1)
	b.Cancel()
	wantResult(t, b, 1)
}
