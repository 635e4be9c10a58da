package deferred_test

import (
	"runtime"
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

func TestF62D19_PutOfADeferredChangesNothing(t *testing.T) {
	q := deferred.NewQueue[any](deferred.Unlimited, deferred.Unlimited)
	put := func() { _ = q.Put(deferred.New[int]()) }
	wantPanic(t, deferred.ErrDeferredValue, put)
	if q.Len() != 0 {
		t.Errorf("%d stored", q.Len())
	}
	d := q.Get()
	wantPanic(t, deferred.ErrDeferredValue, put)
	_ = q.Put(1)
	wantResult[any](t, d, 1)
}

func TestF62D313_FiringAWaiterElsewhereChangesNothing(t *testing.T) {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	defer deferred.BindOwner().Release()
	q, s := deferred.NewQueue[int](0, 1), deferred.NewSemaphore(1)
	s.Acquire()
	got, acquired := q.Get(), s.Acquire()
	for name, f := range map[string]func(){"Put": func() { _ = q.Put(1) }, "Release": s.Release} {
		if _, ok := elsewhere(f).(*deferred.GoroutineError); !ok {
			t.Errorf("%s: no GoroutineError", name)
		}
	}
	_ = q.Put(2)
	wantResult(t, got, 2)
	s.Release()
	wantResult(t, acquired, s)
}

func TestF62_ADrainedQueueKeepsNoMemory(t *testing.T) {
	const n, size = 1000, 1 << 14
	q := deferred.NewQueue[[size]byte](n, 0)
	before := heap()
	for range n {
		_ = q.Put([size]byte{})
	}
	for range n {
		q.Get()
	}
	if grown := int64(heap()) - int64(before); grown > n*size/10 {
		t.Errorf("%d bytes are left", grown)
	}
	runtime.KeepAlive(q)
}

// heap returns the number of live bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // empties the pools
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
