package deferred_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// loop is a Loop that the test turns by hand.
type loop struct {
	mu     sync.Mutex
	posted []func()
	wake   chan struct{}
	ended  bool
}

func newLoop() *loop { return &loop{wake: make(chan struct{}, 1)} }

func (l *loop) CallFromThread(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.posted = append(l.posted, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

// turn runs what was posted, waiting for something if need be.
func (l *loop) turn(t testing.TB) {
	select {
	case <-l.wake:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was posted")
	}
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

func TestD250D256_ScopeIsCancelledWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lp, tr := newLoop(), newTrace(t)
	s := deferred.NewScope(ctx, lp)
	d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		_, err := deferred.Await(co, deferred.New[int]())
		tr.add("first %v", err)
		_, err = deferred.Await(co, deferred.New[int]()) // cancelled at once
		tr.add("second %v", err)
		return 1, nil
	})
	if s.Len() != 1 {
		t.Errorf("%d coroutines", s.Len())
	}
	cancel()
	tr.want()
	lp.turn(t)
	tr.want("first deferred: cancelled", "second deferred: cancelled")
	wantResult(t, d, 1)
	if s.Len() != 0 {
		t.Errorf("%d coroutines", s.Len())
	}
}

func TestD256_EndOfAScope(t *testing.T) {
	before := runtime.NumGoroutine()
	tr := newTrace(t)
	s := deferred.NewScope(context.Background(), newLoop())
	awaited := deferred.New[int]()
	body := func(name string, d deferred.Deferred[int]) func(*deferred.Coro) (int, error) {
		return func(co *deferred.Coro) (int, error) {
			defer tr.add("%s ends", name)
			return deferred.Await(co, d)
		}
	}
	first := deferred.InlineIn(s, body("first", awaited)).AddBoth(both[int](tr, "first"))
	second := deferred.InlineIn(s, body("second", first))
	other := deferred.Inline(body("other", awaited))
	s.End()
	tr.want("first ends", "first!deferred: the coroutine was ended before its body returned", "second ends")
	wantFailure(t, second, deferred.ErrEnded)
	if other.Called() || s.Len() != 0 {
		t.Errorf("%v fired, %d coroutines", other.Called(), s.Len())
	}
	awaited.Callback(3) // passes the ended coroutine and reaches the other
	wantResult(t, other, 3)
	tr.want("other ends")
	wantFailure(t, deferred.InlineIn(s, body("late", awaited)), deferred.ErrEnded)
	tr.want()
	wantGoroutines(t, before)
}

// A deferred call of a body that is being ended cannot wait; what it recovers
// is not lost.
func TestD256_EndedBodyCannotWait(t *testing.T) {
	tr := newTrace(t)
	s := deferred.NewScope(context.Background(), newLoop())
	d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		defer tr.add("outer deferred call")
		defer func() {
			_, _ = deferred.Await(co, deferred.Succeed(1))
			tr.add("waited")
		}()
		return deferred.Await(co, deferred.New[int]())
	})
	s.End()
	tr.want("outer deferred call")
	wantFailure(t, d, deferred.ErrEnded)

	s = deferred.NewScope(context.Background(), newLoop())
	recovers := deferred.InlineIn(s, func(co *deferred.Coro) (v int, err error) {
		defer func() { v = 4; _ = recover() }()
		return deferred.Await(co, deferred.New[int]())
	})
	s.End()
	wantResult(t, recovers, 4)
}

func TestD256_EndFromInside(t *testing.T) {
	s := deferred.NewScope(context.Background(), newLoop())
	gate := deferred.New[int]()
	d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		_, _ = deferred.Await(co, gate)
		s.End()
		return deferred.Await(co, deferred.Succeed(1))
	})
	gate.Callback(0)
	wantFailure(t, d, deferred.ErrEnded)
}

func TestD256_PanicWhileEnding(t *testing.T) {
	s := deferred.NewScope(context.Background(), newLoop())
	d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		defer func() { panic(errBoom) }()
		return deferred.Await(co, deferred.New[int]())
	})
	s.End()
	wantFailure(t, d, errBoom)
}

func TestD256_AbandonedInAScopeIsEndedOnItsLoop(t *testing.T) {
	before := runtime.NumGoroutine()
	lp := newLoop()
	s := deferred.NewScope(t.Context(), lp)
	ended := false
	func() {
		deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
			defer func() { ended = true }()
			return deferred.Await(co, deferred.New[int]())
		})
	}()
	waitCollected(t, lp.wake)
	lp.wake <- struct{}{}
	lp.turn(t)
	if !ended || s.Len() != 0 {
		t.Errorf("ended %v, %d coroutines", ended, s.Len())
	}
	wantGoroutines(t, before)
}

func TestD317_AddContext(t *testing.T) {
	cause := errors.New("cause")
	for _, row := range []struct {
		name string
		run  func(d deferred.Deferred[int], cancel context.CancelCauseFunc, lp *loop)
		want string
	}{
		{"done first", func(d deferred.Deferred[int], cancel context.CancelCauseFunc, lp *loop) {
			cancel(cause)
			lp.turn(t)
		}, "x!deferred: cancelled: cause"},
		{"fired first", func(d deferred.Deferred[int], cancel context.CancelCauseFunc, lp *loop) {
			d.Callback(1)
			cancel(cause)
		}, "x=1"},
		{"fired between the end of the context and the turn", func(d deferred.Deferred[int], cancel context.CancelCauseFunc, lp *loop) {
			cancel(cause)
			<-lp.wake
			lp.wake <- struct{}{}
			d.Callback(1)
			lp.turn(t)
		}, "x=1"},
		{"cancelled otherwise", func(d deferred.Deferred[int], cancel context.CancelCauseFunc, lp *loop) {
			d.Cancel()
		}, "x!deferred: cancelled"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			tr, lp := newTrace(t), newLoop()
			d := deferred.New[int]().AddContext(ctx, lp)
			d.AddBoth(both[int](tr, "x"))
			d.AddErrback(func(err error) (int, error) {
				if !errors.Is(err, deferred.ErrCancelled) {
					t.Errorf("%v does not match ErrCancelled", err)
				}
				return 0, nil
			})
			row.run(d, cancel, lp)
			tr.want(row.want)
		})
	}
}

// The tie does not cover what callbacks added after it wait for.
func TestD317_TieEndsWithTheResult(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lp := newLoop()
	inner := deferred.New[int]()
	d := deferred.Succeed(1)
	d.AddContext(ctx, lp)
	waiting := deferred.ThenDeferred(d, func(int) deferred.Deferred[int] { return inner })
	cancel()
	lp.end()
	if inner.Called() || !waiting.Waiting() {
		t.Errorf("%v", waiting)
	}
}
