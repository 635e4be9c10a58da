package deferred_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// The release is a callback of the Deferred that the function returns: pausing
// the Deferred of the Run does not keep the lock.
func TestF60_D277_RunReleasesInTheChainOfTheFunction(t *testing.T) {
	for name, l := range limiters() {
		t.Run(name, func(t *testing.T) {
			tr := newTrace(t)
			inner := deferred.New[int]()
			inner.OnValue(func(int) { tr.add("own callback") })
			first := deferred.Run(l, func() deferred.Deferred[int] { return inner })
			second := deferred.Run(l, func() deferred.Deferred[int] {
				tr.add("second begins")
				return deferred.Succeed(2)
			})
			first.OnValue(func(int) { tr.add("first is over") })
			first.Pause()
			inner.Callback(1)
			tr.want("own callback", "second begins")
			wantResult(t, second, 2)
			first.Unpause()
			tr.want("first is over")
			wantResult(t, first, 1)
			wantResult(t, inner, 0)
		})
	}
}

// Two runs may return the same Deferred: the second takes its result while the
// first releases, as in Twisted.
func TestF60_D277_RunsShareADeferred(t *testing.T) {
	for _, fails := range []error{nil, errBoom} {
		for name, l := range limiters() {
			for _, fired := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, fired before %v, failure %v", name, fired, fails), func(t *testing.T) {
					shared, gate := deferred.New[int](), deferred.New[int]()
					fire := func() { shared.Callback(7) }
					if fails != nil {
						fire = func() { shared.Errback(fails) }
					}
					deferred.Run(l, func() deferred.Deferred[int] { return gate })
					var runs []deferred.Deferred[int]
					for range 2 {
						runs = append(runs, deferred.Run(l, func() deferred.Deferred[int] { return shared }))
					}
					if fired {
						fire()
					}
					gate.Callback(0)
					if !fired {
						fire()
					}
					for _, d := range runs {
						if fails != nil {
							wantFailure(t, d, fails)
						} else {
							wantResult(t, d, 7)
						}
					}
					wantResult(t, shared, 0)
				})
			}
		}
	}
}

func TestF60_D284_QueuedRunsNeedNoStack(t *testing.T) {
	const n = 10_000
	for kind, f := range map[string]func() deferred.Deferred[int]{
		"fired":  func() deferred.Deferred[int] { return deferred.Succeed(1) },
		"failed": func() deferred.Deferred[int] { return deferred.Fail[int](errBoom) },
		"panic":  func() deferred.Deferred[int] { panic(errBoom) },
		"coroutine": func() deferred.Deferred[int] {
			return deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, deferred.Succeed(1)) })
		},
	} {
		for name, l := range limiters() {
			t.Run(kind+" "+name, func(t *testing.T) {
				gate := deferred.New[int]()
				deferred.Run(l, func() deferred.Deferred[int] { return gate })
				second, last, ran := 0, 0, 0
				for range n {
					deferred.Run(l, func() deferred.Deferred[int] {
						if last = runtime.Callers(0, make([]uintptr, 1000)); ran == 1 {
							second = last
						}
						ran++
						return f()
					}).OnError(func(error) {})
				}
				gate.Callback(0)
				if ran != n || second != last || l.held() {
					t.Errorf("%d ran, %d frames in the second, %d in the last, held %v", ran, second, last, l.held())
				}
			})
		}
	}
}

// All runs but the first find a Deferred that has fired already.
func TestF60_D284_QueuedRunsOfDeferredsThatFireBefore(t *testing.T) {
	const n = 1_000
	var lock deferred.Lock
	inners := make([]deferred.Deferred[int], n)
	var runs []deferred.Deferred[int]
	for i := range inners {
		inners[i] = deferred.New[int]()
		runs = append(runs, deferred.Run(&lock, func() deferred.Deferred[int] { return inners[i] }))
	}
	for i := n - 1; i >= 0; i-- {
		inners[i].Callback(i)
	}
	for i, d := range runs {
		wantResult(t, d, i)
	}
	if lock.Locked() {
		t.Error("locked")
	}
}

func TestF62_RunReleasesAtAGoexit(t *testing.T) {
	for name, l := range limiters() {
		onGoroutine(func() {
			deferred.Run(l, func() deferred.Deferred[int] { runtime.Goexit(); panic("not reached") })
		})
		if l.held() {
			t.Errorf("%s is held", name)
		}
	}
}

func TestF60_RunOfAZeroOrStaleDeferred(t *testing.T) {
	for name, l := range limiters() {
		wantFailure(t, deferred.Run(l, func() (none deferred.Deferred[int]) { return none }), deferred.ErrZero)
		stale := deferred.New[int]()
		deferred.Then(stale, strconvItoa)
		var got error
		deferred.Run(l, func() deferred.Deferred[int] { return stale }).OnError(func(err error) { got = err })
		if _, ok := errors.AsType[*deferred.ViewError](got); !ok {
			t.Errorf("%s: %v", name, got)
		}
		if l.held() {
			t.Errorf("%s is held", name)
		}
	}
}

// A function may return a Deferred that waits for the Run itself. That fails,
// and the lock is free.
func TestF60_D64_RunInACircle(t *testing.T) {
	for name, l := range limiters() {
		gate := deferred.New[int]()
		deferred.Run(l, func() deferred.Deferred[int] { return gate })
		inner := deferred.New[int]()
		run := deferred.Run(l, func() deferred.Deferred[int] { return inner })
		waits := deferred.ThenDeferred(deferred.Succeed(0), func(int) deferred.Deferred[int] { return run })
		inner = waits
		gate.Callback(0)
		wantFailure(t, waits, deferred.ErrCircular)
		if l.held() {
			t.Errorf("%s is held", name)
		}
	}
}
