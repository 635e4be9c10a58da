package reactor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

var errTest = errors.New("failed as it should")

// onLoop runs f on the loop and waits for what it returns.
func onLoop[T any](t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[T]) result[T] {
	t.Helper()
	got := make(chan result[T], 1)
	r.CallFromThread(func() {
		f().AddBoth(func(v T, err error) (none T, _ error) {
			if !r.OnLoop() {
				t.Error("fired off the loop")
			}
			got <- result[T]{v, err}
			return none, nil
		})
	})
	return within(t, got)
}

func TestR102_R103_DeferToThread(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	in := func(f func() (int, error)) result[int] {
		return onLoop(t, r, func() deferred.Deferred[int] { return reactor.DeferToThread(r, f) })
	}
	if got := in(func() (int, error) { return 5, nil }); got.v != 5 || got.err != nil {
		t.Errorf("got %+v", got)
	}
	wantErr(t, in(func() (int, error) { return 0, errTest }).err, errTest)
	wantErr(t, in(func() (int, error) { panic(errTest) }).err, errTest)
}

func TestR104_DeferToThreadPool(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	p := reactor.NewThreadPool(reactor.PoolOptions{Max: 1})
	p.Start()
	got := onLoop(t, r, func() deferred.Deferred[reactor.PoolStats] {
		return reactor.DeferToThreadPool(r, p, func() (reactor.PoolStats, error) { return p.Stats(), nil })
	})
	if got.v.Busy != 1 {
		t.Errorf("got %+v", got)
	}
	wantErr(t, p.Stop(), nil)
}

func TestR105_CancelOfDeferToThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newReactor(t)
		gate := make(chan none)
		r.CallWhenRunning(func() {
			d := reactor.DeferToThread(r, func() (int, error) { <-gate; return 1, nil })
			var n notes
			d.AddErrback(func(err error) (int, error) {
				wantErr(t, err, deferred.ErrCancelled)
				n.add("cancelled")
				return 0, nil
			})
			d.Cancel()
			n.want(t, "cancelled")
			close(gate)
			mustStop(t, r)
		})
		mustRun(t, r)
		wantLogged(t, log, "", 0)
	})
}

func TestR106_DeferToAStoppedPool(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	p := reactor.NewThreadPool(reactor.PoolOptions{})
	_ = p.Stop()
	got := onLoop(t, r, func() deferred.Deferred[int] {
		return reactor.DeferToThreadPool(r, p, func() (int, error) { return 1, nil })
	})
	wantErr(t, got.err, reactor.ErrThreadPoolStopped)
}

func TestR108_R109_BlockingCallFromThread(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	call := func(f func() deferred.Deferred[int]) (int, error) { return reactor.BlockingCallFromThread(r, f) }
	v, err := call(func() deferred.Deferred[int] {
		d := deferred.New[int]()
		r.CallLater(0, func() { d.Callback(3) })
		return d
	})
	if v != 3 || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	_, err = call(func() deferred.Deferred[int] { return deferred.Fail[int](errTest) })
	wantErr(t, err, errTest)
	_, err = call(func() deferred.Deferred[int] { panic(errTest) })
	wantErr(t, err, errTest)
	_, err = call(func() (zero deferred.Deferred[int]) { return zero })
	wantErr(t, err, deferred.ErrZero)
}

func TestR110_BlockingCallOnTheLoop(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	answer := func() deferred.Deferred[int] { return deferred.Succeed(1) }
	got := onLoop(t, r, func() deferred.Deferred[none] {
		_, err := reactor.BlockingCallFromThread(r, answer)
		wantErr(t, err, reactor.ErrOnLoop)
		_, err = reactor.Await(t.Context(), r, answer)
		wantErr(t, err, reactor.ErrOnLoop)
		return deferred.Succeed(none{})
	})
	wantErr(t, got.err, nil)
}

func TestR111_TheLoopEndsFirst(t *testing.T) {
	never := func() deferred.Deferred[int] { return deferred.New[int]() }
	for name, end := range map[string]func(*reactor.Reactor) error{"stop": (*reactor.Reactor).Stop, "crash": (*reactor.Reactor).Crash} {
		t.Run(name, func(t *testing.T) {
			r, _ := newReactor(t)
			r.CallWhenRunning(func() {
				ended := make(chan error, 1)
				go func() { // ends with the loop
					_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] {
						_ = end(r)
						return never()
					})
					ended <- err
				}()
				t.Cleanup(func() { wantErr(t, within(t, ended), reactor.ErrReactorEnded) })
			})
			mustRun(t, r)
		})
	}
	r, _ := newReactor(t)
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	_, err := reactor.BlockingCallFromThread(r, never)
	wantErr(t, err, reactor.ErrReactorEnded)
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancelled := make(chan none)
	_, err := reactor.Await(ctx, r, func() deferred.Deferred[int] {
		cancel(errTest)
		return deferred.New(func(deferred.Deferred[int]) { close(cancelled) })
	})
	wantErr(t, err, errTest)
	within(t, cancelled)
	_, err = reactor.Await(ctx, r, func() deferred.Deferred[int] {
		t.Error("f ran with a context that was done")
		return deferred.Succeed(0)
	})
	wantErr(t, err, errTest)
}

func TestR15_DeferToReactor(t *testing.T) {
	reactortest.CheckGoroutines(t)
	a, b := reactortest.Start(t, reactor.Options{}), reactortest.Start(t, reactor.Options{})
	ask := func(f func() deferred.Deferred[int]) result[int] {
		return onLoop(t, a, func() deferred.Deferred[int] { return reactor.DeferToReactor(a, b, f) })
	}
	got := ask(func() deferred.Deferred[int] {
		if !b.OnLoop() {
			t.Error("f ran on another loop")
		}
		return deferred.Succeed(9)
	})
	if got.v != 9 || got.err != nil {
		t.Errorf("got %+v", got)
	}
	wantErr(t, ask(func() deferred.Deferred[int] { return deferred.Fail[int](errTest) }).err, errTest)

	cancelled := make(chan none)
	got = onLoop(t, a, func() deferred.Deferred[int] {
		d := reactor.DeferToReactor(a, b, func() deferred.Deferred[int] {
			return deferred.New(func(deferred.Deferred[int]) { close(cancelled) })
		})
		d.Cancel()
		return d
	})
	wantErr(t, got.err, deferred.ErrCancelled)
	within(t, cancelled)

	got = ask(func() deferred.Deferred[int] {
		_ = b.Stop()
		return deferred.New[int]()
	})
	wantErr(t, got.err, reactor.ErrReactorEnded)

	b = reactor.New(reactor.Options{NoSignals: true})
	b.CallWhenRunning(func() { mustStop(t, b) })
	mustRun(t, b)
	got = ask(func() deferred.Deferred[int] { return deferred.Succeed(1) })
	wantErr(t, got.err, reactor.ErrReactorEnded)
}

func TestR531_R535_PostsFromManyGoroutines(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	var wg sync.WaitGroup
	count := 0 // the loop's
	for range 20 {
		wg.Go(func() {
			for range 200 {
				r.CallFromThread(func() { count++ })
			}
		})
	}
	wg.Wait()
	total, err := reactor.Await(t.Context(), r, func() deferred.Deferred[int] { return deferred.Succeed(count) })
	if total != 4000 || err != nil {
		t.Errorf("%d, %v", total, err)
	}
}
