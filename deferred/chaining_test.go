package deferred_test

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestD67toD69_HandsOver(t *testing.T) {
	tr := newTrace(t)
	d1, d2 := deferred.New[int](), deferred.New[int]().AddBoth(both[int](tr, "d2"))
	if d1.ChainDeferred(d2) != d1 {
		t.Error("another Deferred")
	}
	d1.AddBoth(both[int](tr, "d1"))
	d1.Callback(5)
	tr.want("d2=5", "d1=0")

	reports := deferredtest.Watch(t)
	func() {
		failing, handles := deferred.New[int](), deferred.New[int]()
		handles.AddErrback(eb(tr, "d2", 1))
		failing.ChainDeferred(handles)
		failing.Errback(errBoom)
	}()
	tr.want("d2!boom")
	if left := reports.All(); len(left) != 0 {
		t.Errorf("unhandled: %v", left)
	}
}

func TestD70_Independent(t *testing.T) {
	d1, d2 := deferred.New[int](), deferred.New[int]()
	d1.ChainDeferred(d2)
	d2.Cancel()
	if d1.Called() {
		t.Error("cancelling the second fired the first")
	}
	wantFailure(t, d2, deferred.ErrCancelled)

	d1, d2 = deferred.New[int](), deferred.New[int]()
	d1.ChainDeferred(d2)
	d1.Cancel()
	wantFailure(t, d2, deferred.ErrCancelled)
	wantResult(t, d1, 0)
}

func TestD71D72_SecondAlreadyFired(t *testing.T) {
	d1, d2 := deferred.New[int](), deferred.Succeed(1)
	d1.ChainDeferred(d2)
	d1.Callback(2)
	wantFailure(t, d1, deferred.ErrAlreadyCalled)
	wantResult(t, d2, 1)

	d1, d2 = deferred.New[int](), deferred.New[int]()
	d1.ChainDeferred(d2)
	d2.Cancel()
	d1.Callback(2)
	wantResult(t, d1, 0)
	wantFailure(t, d2, deferred.ErrCancelled)
}

func TestD73_Record(t *testing.T) {
	d1, d2 := deferred.New[int](), deferred.New[int]()
	d1.ChainDeferred(d2)
	if want := d2.String(); want != textWaiting(d2, d1) {
		t.Errorf("got %s", want)
	}
	d1.Callback(3)
	if d2.Waiting() {
		t.Error("still waiting")
	}
	wantResult(t, d2, 3)
}

func textWaiting(d, on deferred.Deferred[int]) string {
	return deferred.New[int]().String()[:len("Deferred[int](")] + d.String()[len("Deferred[int]("):len(on.String())] + " waiting on " + on.String()
}

func TestD74_LongExplicitChain(t *testing.T) {
	const n = 100_000
	first := deferred.New[int]()
	last := first
	for range n {
		next := deferred.New[int]()
		last.AddCallback(func(v int) (int, error) { return v + 1, nil }).ChainDeferred(next)
		last = next
	}
	first.Callback(0)
	wantResult(t, last, n)
}

func TestMisuse_Chaining(t *testing.T) {
	d := deferred.New[int]()
	wantPanic(t, deferred.ErrCircular, func() { d.ChainDeferred(d) })
	later := deferred.Then(deferred.New[string](), func(string) (int, error) { return 0, nil })
	err, _ := panicOf(func() { d.ChainDeferred(later) }).(error)
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("got %v", err)
	}
	d.Callback(1)
	wantResult(t, d, 1)
}

func TestAny(t *testing.T) {
	d := deferred.New[int]()
	dynamic := deferred.Any(d)
	dynamic.AddCallback(func(v any) (any, error) { return deferred.Succeed("text"), nil })
	d.Callback(1)
	wantResult[any](t, dynamic, "text")
	wantResult[any](t, deferred.Any(deferred.Succeed(7)), 7)
	failed := deferred.Any(deferred.Fail[[]int](errBoom))
	failed.AddErrback(handled[any])
	wantResult[any](t, failed, nil)
}
