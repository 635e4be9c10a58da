package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// script is a body that awaits each of ds, records what it gets, and returns
// the last value or the first error.
func script(tr *trace, name string, ds ...deferred.Deferred[int]) func(*deferred.Coro) (int, error) {
	return func(co *deferred.Coro) (v int, err error) {
		for _, d := range ds {
			if v, err = deferred.Await(co, d); err != nil {
				tr.add("%s!%v", name, err)
				return 0, err
			}
			tr.add("%s=%v", name, v)
		}
		return v, nil
	}
}

func TestD217D218D221_RunsUpToTheFirstWait(t *testing.T) {
	tr, a, b := newTrace(t), deferred.New[int](), deferred.New[int]()
	d := deferred.Inline(script(tr, "x", deferred.Succeed(1), a, b))
	tr.want("x=1")
	if d.Called() || !d.Waiting() {
		t.Errorf("%v: called %v, waiting %v", d, d.Called(), d.Waiting())
	}
	a.Callback(2)
	tr.want("x=2")
	b.Callback(3)
	tr.want("x=3")
	wantResult(t, d, 3)
}

func TestD219D220_BodyWithoutWait(t *testing.T) {
	wantResult(t, deferred.Inline(func(*deferred.Coro) (int, error) { return 4, nil }), 4)
	wantFailure(t, deferred.Inline(func(*deferred.Coro) (int, error) { return 0, errBoom }), errBoom)
}

func TestD222D130_FailureAtTheWait(t *testing.T) {
	later := deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (string, error) {
		_, now := deferred.Await(co, deferred.Fail[int](errBoom))
		_, then := deferred.Await(co, later)
		return fmt.Sprint(now, " ", then), nil
	})
	later.Errback(errOther)
	wantResult(t, d, "boom other")
	wantResult(t, later, 0)
}

func TestD226_WaitsUntilThereReallyIsAResult(t *testing.T) {
	inner := deferred.New[any]()
	fired := returning(inner)
	paused := deferred.Succeed(2)
	paused.Pause()
	tr := newTrace(t)
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		v, err := deferred.Await(co, fired)
		tr.add("%v %v", v, err)
		return deferred.Await(co, paused)
	})
	tr.want()
	inner.Callback("v")
	tr.want("v <nil>")
	paused.Unpause()
	wantResult(t, d, 2)
}

func TestD227_ManyReadyResults(t *testing.T) {
	const n = 100_000
	var first, last int
	d := deferred.Inline(func(co *deferred.Coro) (sum int, err error) {
		for i := range n {
			v, err := deferred.Await(co, deferred.Succeed(1))
			if err != nil {
				return 0, err
			}
			sum += v
			if i == 0 {
				first = runtime.Callers(0, make([]uintptr, 1000))
			}
		}
		last = runtime.Callers(0, make([]uintptr, 1000))
		return sum, nil
	})
	wantResult(t, d, n)
	if first != last {
		t.Errorf("%d frames at the first, %d after the last", first, last)
	}
}

func TestD225D228_Nested(t *testing.T) {
	tr, a := newTrace(t), deferred.New[int]()
	inner := deferred.Inline(script(tr, "inner", a))
	inner.AddCallback(func(v int) (int, error) { return v * 10, nil })
	outer := deferred.Inline(script(tr, "outer", inner))
	outer.AddBoth(both[int](tr, "result"))
	tr.want()
	a.Callback(2)
	tr.want("inner=2", "outer=20", "result=20")
}

const deepVariable = "DEFERRED_TEST_DEEP"

// nest makes n coroutines each of which awaits the next; the last awaits d.
func nest(n int, d deferred.Deferred[int]) deferred.Deferred[int] {
	for range n {
		inner := d
		d = deferred.Inline(func(co *deferred.Coro) (int, error) {
			v, err := deferred.Await(co, inner)
			return v + 1, err
		})
	}
	return d
}

// The hundred thousand run in a process of their own: a process never forgets
// how many goroutines it had, and collects more slowly after.
func TestD229_DeepNesting(t *testing.T) {
	n := 1_000
	if os.Getenv(deepVariable) != "" {
		n = 100_000
	} else {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), deepVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
	}
	depth := func(n int) (frames int) {
		last := deferred.New[int]()
		first := nest(n, last)
		first.AddCallback(func(v int) (int, error) {
			frames = runtime.Callers(0, make([]uintptr, 1000))
			return v, nil
		})
		last.Callback(0)
		wantResult(t, first, n)
		return frames
	}
	if one, many := depth(1), depth(n); one != many {
		t.Errorf("%d frames for one, %d for many", one, many)
	}
}

func TestD229_DeepNestingCancelled(t *testing.T) {
	last := deferred.New[int]()
	first := nest(1_000, last)
	first.Cancel()
	wantFailure(t, first, deferred.ErrCancelled)
	wantResult(t, last, 0)
}

// A body that starts the next coroutine and awaits it, and so on: each on a
// stack of its own.
func TestD229_DeepNestingFromInside(t *testing.T) {
	last := deferred.New[int]()
	var level func(n int) deferred.Deferred[int]
	level = func(n int) deferred.Deferred[int] {
		if n == 0 {
			return last
		}
		return deferred.Inline(func(co *deferred.Coro) (int, error) {
			v, err := deferred.Await(co, level(n-1))
			return v + 1, err
		})
	}
	d := level(1_000)
	last.Callback(0)
	wantResult(t, d, 1_000)
}

func TestD230D231_AwaitTakesTheResult(t *testing.T) {
	tr, a := newTrace(t), deferred.New[int]()
	deferred.Inline(script(tr, "x", a, a))
	deferred.Inline(script(tr, "y", a))
	a.Callback(5)
	tr.want("x=5", "y=0", "x=0")
	ready := deferred.Succeed(6)
	deferred.Inline(script(tr, "z", ready, ready))
	tr.want("z=6", "z=0")
}

func TestD233_BodyOfTypeAnyReturnsADeferred(t *testing.T) {
	inner := deferred.New[int]()
	d := deferred.Inline(func(*deferred.Coro) (any, error) { return inner, nil })
	if !d.Waiting() {
		t.Error("not waiting")
	}
	inner.Callback(3)
	wantResult[any](t, d, 3)
}

// goroutines returns how many there are once those that are ending have ended.
func wantGoroutines(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > want && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if got := runtime.NumGoroutine(); got > want {
		t.Errorf("%d goroutines, want %d", got, want)
	}
}

func TestD240_NothingIsLeftAfterTheBody(t *testing.T) {
	before := runtime.NumGoroutine()
	collected := make(chan struct{})
	a := deferred.New[int]()
	d := func() deferred.Deferred[int] {
		held := new([64]int)
		runtime.AddCleanup(held, func(c chan struct{}) { close(c) }, collected)
		return deferred.Inline(func(co *deferred.Coro) (int, error) {
			v, err := deferred.Await(co, a)
			return v + held[0], err
		})
	}()
	a.Callback(1)
	wantGoroutines(t, before)
	waitCollected(t, collected)
	wantResult(t, d, 1)
}

func TestD241D242_CancelReachesTheAwaited(t *testing.T) {
	tr := newTrace(t)
	canceller := func(name string) func(deferred.Deferred[int]) {
		return func(deferred.Deferred[int]) { tr.add("cancel %s", name) }
	}
	first, second := deferred.New(canceller("first")), deferred.New(canceller("second"))
	d := deferred.Inline(script(tr, "x", first, second))
	first.Callback(1)
	d.Cancel()
	tr.want("x=1", "cancel second", "x!deferred: cancelled")
	wantFailure(t, d, deferred.ErrCancelled)
}

func TestD243D246_BodyTurnsTheCancellation(t *testing.T) {
	for _, row := range []struct {
		number string
		value  string
		err    error
	}{{"D243 into an error", "", errBoom}, {"D246 into a value", "v", nil}} {
		t.Run(row.number, func(t *testing.T) {
			d := deferred.Inline(func(co *deferred.Coro) (string, error) {
				if _, err := deferred.Await(co, deferred.New[int]()); !errors.Is(err, deferred.ErrCancelled) {
					t.Errorf("got %v", err)
				}
				return row.value, row.err
			})
			d.Cancel()
			if row.err != nil {
				wantFailure(t, d, row.err)
			} else {
				wantResult(t, d, row.value)
			}
		})
	}
}

func TestD244_CancellationThatTakesTime(t *testing.T) {
	tr, late := newTrace(t), deferred.New[int]()
	a := deferred.New[int]().AddErrbackDeferred(func(error) deferred.Deferred[int] { return late })
	d := deferred.Inline(script(tr, "x", a)).AddBoth(both[int](tr, "result"))
	d.Cancel()
	tr.want()
	late.Callback(7)
	tr.want("x=7", "result=7")
}

func TestD245_CancelAgainCancelsTheNewWait(t *testing.T) {
	tr := newTrace(t)
	a, b := deferred.New[int](), deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		_, err := deferred.Await(co, a)
		tr.add("a %v", err)
		_, err = deferred.Await(co, b)
		tr.add("b %v", err)
		return 1, nil
	})
	d.Cancel()
	tr.want("a deferred: cancelled")
	if d.Called() {
		t.Error("fired")
	}
	d.Cancel()
	tr.want("b deferred: cancelled")
	wantResult(t, d, 1)
	d.Cancel() // D248
	wantResult(t, d, 1)
}

func TestD247_CancelThroughNestedCoroutines(t *testing.T) {
	tr := newTrace(t)
	a := deferred.New(func(deferred.Deferred[int]) { tr.add("cancelled") })
	first := deferred.Succeed(0)
	d := nest(3, deferred.Inline(script(tr, "in", first, a)))
	d.Cancel()
	tr.want("in=0", "cancelled", "in!deferred: cancelled")
	wantFailure(t, d, deferred.ErrCancelled)
}

// Cancel from inside the body, when nothing is awaited, has nothing to cancel.
func TestD241_CancelWhileTheBodyRuns(t *testing.T) {
	a, gate := deferred.New[int](), deferred.New[int]()
	var d deferred.Deferred[int]
	d = deferred.Inline(func(co *deferred.Coro) (int, error) {
		if _, err := deferred.Await(co, gate); err != nil {
			return 0, err
		}
		d.Cancel()
		return deferred.Await(co, a)
	})
	gate.Callback(0)
	if a.Called() || d.Called() {
		t.Errorf("%v, %v", a, d)
	}
	a.Callback(3)
	wantResult(t, d, 3)
}

// A coroutine whose cancellation is under way is not cancelled again by what
// that sets off.
func TestD245_CancelDuringTheCancellation(t *testing.T) {
	var d deferred.Deferred[int]
	a, b := deferred.New[int](), deferred.New[int]()
	d = deferred.Inline(func(co *deferred.Coro) (int, error) {
		_, _ = deferred.Await(co, a)
		d.Cancel()
		return deferred.Await(co, b)
	})
	a.AddErrback(func(err error) (int, error) { d.Cancel(); return 0, err })
	d.Cancel()
	if b.Called() || d.Called() {
		t.Errorf("%v, %v", b, d)
	}
	d.Cancel()
	wantFailure(t, d, deferred.ErrCancelled)
}

func TestD250_ContextOfTheScope(t *testing.T) {
	ctx := context.WithValue(t.Context(), contextKey{}, "v")
	s := deferred.NewScope(ctx, newLoop())
	a := deferred.New[int]()
	d := deferred.InlineIn(s, func(co *deferred.Coro) (any, error) {
		_, err := deferred.Await(co, a)
		return co.Context().Value(contextKey{}), err
	})
	a.Callback(1)
	wantResult[any](t, d, "v")
	plain := deferred.Inline(func(co *deferred.Coro) (bool, error) { return co.Context() == context.Background(), nil })
	wantResult(t, plain, true)
}

type contextKey struct{}

func TestD255_ValuesPassWithoutLocks(t *testing.T) {
	shared, a := 0, deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		shared++
		_, err := deferred.Await(co, a)
		shared++
		return shared, err
	})
	shared++
	a.Callback(0)
	wantResult(t, d, 3)
}

// The body may be resumed on another goroutine than the one it began on, as
// long as they take turns.
func TestD255_ResumedElsewhere(t *testing.T) {
	a := deferred.New[int]()
	d := deferred.Inline(script(newTrace(t), "x", a))
	done := make(chan struct{})
	go func() { // ends when it has fired a
		defer close(done)
		a.Callback(3)
	}()
	<-done
	wantResult(t, d, 3)
}

func TestD256_AbandonedBodyIsEnded(t *testing.T) {
	for name, abandon := range map[string]func(body func(*deferred.Coro) (int, error)){
		"plain": func(body func(*deferred.Coro) (int, error)) { deferred.Inline(body) },
		"nested": func(body func(*deferred.Coro) (int, error)) {
			nest(3, deferred.Inline(body))
		},
		"its Deferred was kept for a while": func(body func(*deferred.Coro) (int, error)) {
			d := deferred.Inline(body)
			runtime.GC()
			runtime.KeepAlive(d)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			var ended bool
			abandon(func(co *deferred.Coro) (int, error) {
				defer func() { ended = true }()
				if _, err := deferred.Await(co, deferred.Succeed(1)); err != nil {
					return 0, err
				}
				v, err := deferred.Await(co, deferred.New[int]())
				t.Error("Await returned")
				return v, err
			})
			// The count may fall for another reason, so both are waited for.
			deadline := time.Now().Add(10 * time.Second)
			for (!ended || runtime.NumGoroutine() > before) && time.Now().Before(deadline) {
				runtime.GC()
				deferred.EndAbandoned()
				runtime.Gosched()
			}
			if !ended {
				t.Error("the deferred call did not run")
			}
			wantGoroutines(t, before)
		})
	}
}

// Inline itself ends what was abandoned before.
func TestD256_InlineEndsTheAbandoned(t *testing.T) {
	ended := false
	func() {
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			defer func() { ended = true }()
			return deferred.Await(co, deferred.New[int]())
		})
	}()
	for deadline := time.Now().Add(10 * time.Second); !ended && time.Now().Before(deadline); {
		runtime.GC()
		deferred.Inline(func(*deferred.Coro) (int, error) { return 0, nil })
		runtime.Gosched()
	}
	if !ended {
		t.Error("the deferred call did not run")
	}
}

// While somebody can fire the awaited Deferred, or cancel the coroutine's, the
// body is not abandoned.
func TestD256_NotAbandonedWhileReachable(t *testing.T) {
	tr, a := newTrace(t), deferred.New[int]()
	func() { deferred.Inline(script(tr, "x", a)) }() // its Deferred is dropped
	kept := deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, deferred.New[int]()) })
	reports := deferredtest.Watch(t)
	reports.All() // collects
	if n := deferred.EndAbandoned(); n != 0 {
		t.Errorf("%d were ended", n)
	}
	a.Callback(1)
	tr.want("x=1")
	kept.Cancel()
	wantFailure(t, kept, deferred.ErrCancelled)
}

func TestD257_PanicInTheBody(t *testing.T) {
	a := deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		_, _ = deferred.Await(co, a)
		panic(errBoom)
	})
	a.Callback(1)
	_, err, _ := d.Result()
	p, ok := errors.AsType[*deferred.PanicError](err)
	if !ok || !strings.Contains(string(p.Stack), "TestD257_PanicInTheBody") {
		t.Errorf("got %v", err)
	}
	wantFailure(t, d, errBoom)
}

func TestD257_RecoverAndDeferInTheBody(t *testing.T) {
	tr, a := newTrace(t), deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (v int, err error) {
		defer func() {
			tr.add("recovered %v", recover())
			v, err = deferred.Await(co, a) // a deferred call may wait
		}()
		panic("p")
	})
	tr.want("recovered p")
	a.Callback(5)
	wantResult(t, d, 5)
}

func TestD257_GoexitInTheBody(t *testing.T) {
	a := deferred.New[int]()
	tr := newTrace(t)
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		defer tr.add("deferred call")
		_, _ = deferred.Await(co, a)
		runtime.Goexit()
		return 0, nil
	})
	d.AddErrback(func(err error) (int, error) { tr.add("%v", err == deferred.ErrGoexit); return 0, nil })
	done, survived := make(chan struct{}), false
	go func() { // ends with the Goexit, as if a callback had called it
		defer close(done)
		a.Callback(1)
		survived = true
	}()
	<-done
	tr.want("deferred call", "true")
	if survived {
		t.Error("the Goexit was lost")
	}
	a.AddCallback(cb(tr, "a", 0)) // a is usable, and has kept its result
	tr.want("a=1")
}

func TestAwaitOutside(t *testing.T) {
	var kept *deferred.Coro
	gate := deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		kept = co
		return deferred.Await(co, gate)
	})
	await := func() { _, _ = deferred.Await(kept, deferred.Succeed(1)) }
	t.Run("while the body is suspended", func(t *testing.T) { wantPanic(t, deferred.ErrAwaitOutside, await) })
	gate.Callback(1)
	t.Run("after the body has returned", func(t *testing.T) { wantPanic(t, deferred.ErrAwaitOutside, await) })
	wantResult(t, d, 1)
	t.Run("on another goroutine while the body runs", func(t *testing.T) {
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			done := make(chan struct{})
			go func() { // ends with the panic
				defer close(done)
				wantPanic(t, deferred.ErrAwaitOutside, func() { _, _ = deferred.Await(co, deferred.New[int]()) })
			}()
			<-done
			return 0, nil
		})
	})
	t.Run("deep in the body is inside", func(t *testing.T) {
		var deep func(co *deferred.Coro, n int) (int, error)
		deep = func(co *deferred.Coro, n int) (int, error) {
			var room [100]int
			if n == 0 {
				return deferred.Await(co, deferred.Succeed(len(room)))
			}
			return deep(co, n-1)
		}
		wantResult(t, deferred.Inline(func(co *deferred.Coro) (int, error) {
			for n := range 200 {
				if v, err := deep(co, n); v != 100 || err != nil {
					return 0, err
				}
			}
			return 1, nil
		}), 1)
	})
}

func TestAwaitOfItself(t *testing.T) {
	gate := deferred.New[int]()
	var d deferred.Deferred[int]
	d = deferred.Inline(func(co *deferred.Coro) (int, error) {
		_, _ = deferred.Await(co, gate)
		return deferred.Await(co, d)
	})
	gate.Callback(0)
	wantFailure(t, d, deferred.ErrCircular)
	for _, n := range []int{1, 5} {
		gate := deferred.New[int]()
		var first deferred.Deferred[int]
		last := deferred.Inline(func(co *deferred.Coro) (int, error) {
			_, _ = deferred.Await(co, gate)
			return deferred.Await(co, first)
		})
		first = nest(n, last)
		gate.Callback(0)
		wantFailure(t, first, deferred.ErrCircular)
	}
}

func TestMisuse_FiringACoroutine(t *testing.T) {
	a := deferred.New[int]()
	d := deferred.Inline(script(newTrace(t), "x", a))
	wantPanic(t, deferred.ErrCoroutine, func() { d.Callback(1) })
	if err := d.TryErrback(errBoom); !errors.Is(err, deferred.ErrCoroutine) {
		t.Errorf("got %v", err)
	}
	a.Callback(2)
	wantResult(t, d, 2)
}

func TestMisuse_AwaitOfAStaleView(t *testing.T) {
	stale := deferred.New[int]()
	deferred.Then(stale, strconvItoa)
	d := deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, stale) })
	_, err, _ := d.Result()
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("got %v", err)
	}
	d.AddErrback(handled[int])
}
