package deferred_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// Nobody can have the result of a view that cannot be used; a goroutine that
// waits for it is told, instead of waiting for ever.
func TestD318_WaitOnAViewThatCannotBeUsed(t *testing.T) {
	l := newLoop()
	stale := deferred.New[int]()
	deferred.Then(stale, func(int) (string, error) { return "", nil })
	for _, row := range []struct {
		name string
		d    deferred.Deferred[int]
		want func(error) bool
	}{
		{"stale", stale, func(err error) bool { _, ok := errors.AsType[*deferred.ViewError](err); return ok }},
		{"zero", deferred.Deferred[int]{}, func(err error) bool { return errors.Is(err, deferred.ErrZero) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ended := make(chan error, 1)
			go func() { // ends with the answer
				_, err := deferred.Wait(t.Context(), l, row.d)
				ended <- err
			}()
			if p := panicOf(func() { l.turn(t) }); p != nil {
				t.Fatalf("panic on the loop: %v", p)
			}
			if err := <-ended; !row.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Cancelling a scope reaches what a coroutine awaits once, also if that
// coroutine is awaited by another one of the scope: what it awaits then, to
// clean up, is left alone.
func TestD256_ScopeCancelsEachWaitOnce(t *testing.T) {
	s := deferred.NewScope(context.Background(), newLoop())
	work, cleanUp := deferred.New[int](), deferred.New[int]()
	var inner deferred.Deferred[int]
	outer := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		inner = deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
			_, err := deferred.Await(co, work)
			if !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
			return deferred.Await(co, cleanUp)
		})
		return deferred.Await(co, inner)
	})
	s.Cancel()
	if cleanUp.Called() {
		t.Error("the clean-up was cancelled as well")
	}
	cleanUp.Callback(7)
	wantResult(t, outer, 7)
}

// A refused start leaves nothing behind in the scope.
func TestD314_NilBodyInAScope(t *testing.T) {
	s := deferred.NewScope(t.Context(), newLoop())
	wantPanic(t, deferred.ErrNilCallback, func() { deferred.InlineIn[int](s, nil) })
	if s.Len() != 0 {
		t.Errorf("%d coroutines in the scope", s.Len())
	}
	s.End()
}

// A function that returns the view that Then has replaced has failed, for
// whoever waits for what it returns.
func TestD172_MaybeDeferredOfAStaleView(t *testing.T) {
	d := deferred.MaybeDeferred(func() deferred.Deferred[int] {
		d := deferred.Succeed(1)
		deferred.Then(d, func(int) (string, error) { return "", nil })
		return d
	})
	_, err, _ := d.Result()
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("got %v", err)
	}
	d.AddErrback(handled[int])
}
