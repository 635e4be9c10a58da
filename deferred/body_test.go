package deferred_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// stubborn is a body that recovers from whatever ends it, and awaits again.
func stubborn(tr *trace) func(co *deferred.Coro) (int, error) {
	return func(co *deferred.Coro) (int, error) {
		defer tr.add("deferred call")
		for {
			func() {
				defer func() { _ = recover() }()
				_, _ = deferred.Await(co, deferred.New[int]())
			}()
		}
	}
}

func TestF61_D256_BodyThatRecoversIsEnded(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, tr *trace){
		"by its scope": func(t *testing.T, tr *trace) {
			s := deferred.NewScope(t.Context(), newLoop())
			d := deferred.InlineIn(s, stubborn(tr))
			s.End()
			wantFailure(t, d, deferred.ErrEnded)
		},
		"as the inner one of two": func(t *testing.T, tr *trace) {
			s := deferred.NewScope(t.Context(), newLoop())
			d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
				return deferred.Await(co, deferred.InlineIn(s, stubborn(tr)))
			})
			s.End()
			wantFailure(t, d, deferred.ErrEnded)
		},
		"by another body": func(t *testing.T, tr *trace) {
			s := deferred.NewScope(t.Context(), newLoop())
			d := deferred.InlineIn(s, stubborn(tr))
			wantResult(t, deferred.Inline(func(co *deferred.Coro) (int, error) {
				s.End()
				return deferred.Await(co, deferred.Succeed(7))
			}), 7)
			wantFailure(t, d, deferred.ErrEnded)
		},
		"from inside": func(t *testing.T, tr *trace) {
			s := deferred.NewScope(t.Context(), newLoop())
			gate := deferred.New[int]()
			body := stubborn(tr)
			d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
				_, _ = deferred.Await(co, gate)
				s.End()
				return body(co)
			})
			d.AddBoth(both[int](tr, "x"))
			gate.Callback(1)
			wantFailure(t, d, deferred.ErrEnded)
			wantResult(t, gate, 0)
			tr.want("deferred call", "x!deferred: the coroutine was ended before its body returned")
			tr.add("deferred call")
		},
		"when it is abandoned": func(t *testing.T, tr *trace) {
			func() { deferred.Inline(stubborn(tr)) }()
			for len(tr.events) == 0 {
				runtime.GC()
				deferred.EndAbandoned()
				runtime.Gosched()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			tr := newTrace(t)
			end(t, tr)
			tr.want("deferred call")
			wantGoroutines(t, before)
			wantResult(t, deferred.Inline(func(*deferred.Coro) (int, error) { return 1, nil }), 1)
		})
	}
}

// A runtime.Goexit of the user's own, in a deferred call of a body that is
// being ended, goes on in the caller of End, and the other coroutines are ended
// too.
func TestF61_D256_GoexitWhileEnding(t *testing.T) {
	before := runtime.NumGoroutine()
	tr := newTrace(t)
	s := deferred.NewScope(t.Context(), newLoop())
	first := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		defer runtime.Goexit()
		return deferred.Await(co, deferred.New[int]())
	})
	second := deferred.InlineIn(s, stubborn(tr))
	survived := false
	onGoroutine(func() {
		s.End()
		survived = true
	})
	if survived {
		t.Error("the Goexit was lost")
	}
	tr.want("deferred call")
	wantFailure(t, first, deferred.ErrGoexit)
	wantFailure(t, second, deferred.ErrEnded)
	wantGoroutines(t, before)
}

// onGoroutine runs f on a goroutine of its own and waits for its end.
func onGoroutine(f func()) {
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		f()
	}()
	<-done
}

// Ending a scope leaves no failure to report in a Deferred that a body of the
// scope awaited, whichever was started first.
func TestF62_D256_EndReportsNothingThatWasAwaited(t *testing.T) {
	reports := deferredtest.Watch(t)
	s := deferred.NewScope(t.Context(), newLoop())
	inner := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		return deferred.Await(co, deferred.New[int]())
	})
	outer := []deferred.Deferred[int]{
		deferred.InlineIn(s, func(co *deferred.Coro) (int, error) { return deferred.Await(co, inner) }),
		deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
			return deferred.Await(co, deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
				return deferred.Await(co, deferred.New[int]())
			}))
		}),
	}
	s.End()
	for _, d := range outer {
		wantFailure(t, d, deferred.ErrEnded)
	}
	if left := reports.All(); len(left) != 0 {
		t.Errorf("reported %v", left)
	}
}

// A coroutine that nobody awaited, and that nobody looks at, is reported.
func TestF62_D256_EndReportsWhatNobodyHandled(t *testing.T) {
	reports := deferredtest.Watch(t)
	s := deferred.NewScope(t.Context(), newLoop())
	deferred.InlineIn(s, func(co *deferred.Coro) (int, error) { return deferred.Await(co, deferred.New[int]()) })
	kept := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) { return deferred.Await(co, deferred.New[int]()) })
	s.End()
	wantFailure(t, kept, deferred.ErrEnded)
	// The first one's Deferred may have been collected before End.
	if got := reports.Flush(deferred.ErrEnded); len(got) > 1 {
		t.Errorf("reported %v", got)
	}
}

func TestF62_AwaitOutsideItsBody(t *testing.T) {
	wantOutside := func(t *testing.T, co *deferred.Coro) {
		t.Helper()
		for _, d := range []deferred.Deferred[int]{deferred.Succeed(1), deferred.New[int]()} {
			wantPanic(t, deferred.ErrAwaitOutside, func() { _, _ = deferred.Await(co, d) })
		}
	}
	for name, body := range map[string]func(t *testing.T, co *deferred.Coro){
		"in a callback that the body fires": func(t *testing.T, co *deferred.Coro) {
			d := deferred.New[int]()
			d.OnValue(func(int) { wantOutside(t, co) })
			d.Callback(1)
		},
		"in a callback that runs when it is added": func(t *testing.T, co *deferred.Coro) {
			deferred.Succeed(1).OnValue(func(int) { wantOutside(t, co) })
		},
		"in a callback of a callback": func(t *testing.T, co *deferred.Coro) {
			deferred.Succeed(1).OnValue(func(int) { deferred.Fail[int](errBoom).OnError(func(error) { wantOutside(t, co) }) })
		},
		"in a callback of a line of Deferreds": func(t *testing.T, co *deferred.Coro) {
			inner := deferred.New[int]()
			deferred.ThenDeferred(deferred.Succeed(1), func(int) deferred.Deferred[int] { return inner }).
				OnValue(func(int) { wantOutside(t, co) })
			inner.Callback(2)
		},
		"in a canceller": func(t *testing.T, co *deferred.Coro) {
			d := deferred.New(func(deferred.Deferred[int]) { wantOutside(t, co) })
			d.Cancel()
			d.OnError(func(error) {})
		},
		"in a body that the body starts": func(t *testing.T, co *deferred.Coro) {
			deferred.Inline(func(*deferred.Coro) (int, error) { wantOutside(t, co); return 0, nil })
		},
		"in a body that the body resumes": func(t *testing.T, co *deferred.Coro) {
			gate := deferred.New[int]()
			deferred.Inline(func(inner *deferred.Coro) (int, error) {
				_, _ = deferred.Await(inner, gate)
				wantOutside(t, co)
				return 0, nil
			})
			gate.Callback(1)
		},
		"in a body that the body starts, where its stack was": func(t *testing.T, co *deferred.Coro) {
			deep(200) // moves the stack of the body; the next goroutine gets the old place
			deferred.Inline(func(*deferred.Coro) (int, error) { wantOutside(t, co); return 0, nil })
		},
		"on another goroutine": func(t *testing.T, co *deferred.Coro) {
			onGoroutine(func() { wantOutside(t, co) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			checked := false
			d := deferred.Inline(func(co *deferred.Coro) (int, error) {
				if _, err := deferred.Await(co, deferred.Succeed(1)); err != nil {
					return 0, err
				}
				body(t, co)
				checked = true
				return deferred.Await(co, deferred.Succeed(5)) // its own Await still works
			})
			wantResult(t, d, 5)
			if !checked {
				t.Error("not checked")
			}
		})
	}
}

func deep(n int) int {
	var room [512]byte
	if n == 0 {
		return len(room)
	}
	return deep(n-1) + int(room[n%len(room)])
}

// A function that Maybe calls at once may await with the Coro of the body that
// calls Maybe.
func TestD168_MaybeInABody(t *testing.T) {
	gate := deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		return deferred.Await(co, deferred.Maybe(func() (int, error) { return deferred.Await(co, gate) }))
	})
	gate.Callback(3)
	wantResult(t, d, 3)
}

// Debug mode may be switched on, and the owner may change, while bodies are
// suspended.
func TestF62_D313_DebugModeAndSuspendedBodies(t *testing.T) {
	defer deferred.SetDebugging(deferred.Debugging())
	deferred.SetDebugging(false)
	for name, around := range map[string]func(resume func()){
		"switched on": func(resume func()) {
			deferred.SetDebugging(true)
			resume()
		},
		"switched on, with an owner": func(resume func()) {
			defer deferred.BindOwner().Release()
			deferred.SetDebugging(true)
			resume()
		},
		"another owner on the same goroutine": func(resume func()) {
			deferred.SetDebugging(true)
			deferred.BindOwner().Release()
			defer deferred.BindOwner().Release()
			resume()
		},
		"another owner on another goroutine": func(resume func()) {
			deferred.SetDebugging(true)
			onGoroutine(func() {
				defer deferred.BindOwner().Release()
				resume()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			deferred.SetDebugging(false)
			gate := deferred.New[int]()
			made := deferred.New[int]()
			kept := make(chan deferred.Deferred[int], 1)
			d := nest(2, deferred.Inline(func(co *deferred.Coro) (int, error) {
				if _, err := deferred.Await(co, gate); err != nil {
					return 0, err
				}
				made.Callback(1)
				own := deferred.New[int]()
				kept <- own
				_, err := deferred.Await(co, own)
				return 4, err
			}))
			around(func() {
				gate.Callback(0)
				own := <-kept
				own.AddCallback(func(v int) (int, error) { return v, nil })
				own.Callback(1) // resumes the body
				wantResult(t, d, 6)
			})
		})
	}
}

func TestD313_OwnerHere(t *testing.T) {
	owner := deferred.BindOwner()
	gate := deferred.New[int]()
	here := func(want bool) {
		t.Helper()
		if owner.Here() != want {
			t.Errorf("Here() = %v", !want)
		}
	}
	here(true)
	onGoroutine(func() { here(false) })
	onGoroutine(func() { // a body that is first run elsewhere
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			here(false)
			_, err := deferred.Await(co, gate)
			here(true)
			deferred.Inline(func(*deferred.Coro) (int, error) { here(true); return 0, nil })
			onGoroutine(func() { here(false) })
			return 0, err
		})
	})
	gate.Callback(1)
	owner.Release()
	here(false)
}

// A view stays stale when the type of the result comes back.
func TestF62_StaleViewWhoseTypeComesBack(t *testing.T) {
	first := deferred.New[int]()
	text := deferred.Then(first, strconvItoa)
	again := deferred.Then(text, func(s string) (int, error) { return len(s), nil })
	for name, use := range map[string]func(){
		"adding": func() { first.AddCallback(func(v int) (int, error) { return v, nil }) },
		"awaiting": func() {
			_, err, _ := deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, first) }).
				AddErrback(func(err error) (int, error) { return 0, err }).Result()
			panic(err)
		},
		"a list": func() { deferred.Gather([]deferred.Deferred[int]{first}) },
	} {
		err, _ := panicOf(use).(error)
		if e, ok := errors.AsType[*deferred.ViewError](err); !ok || e.View != "int" {
			t.Errorf("%s: %v", name, err)
		}
	}
	returned := deferred.ThenDeferred(deferred.Succeed(1), func(int) deferred.Deferred[int] { return first })
	_, err, _ := returned.Result()
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("returning it: %v", err)
	}
	returned.OnError(func(error) {})
	again.AddCallback(func(v int) (int, error) { return v + 1, nil })
	first.Callback(123) // firing works through every view
	wantResult(t, again, 4)
}

// What can be refused is refused before anything is changed.
func TestF62_GroupsLookAtAllMembersFirst(t *testing.T) {
	for name, group := range map[string]func(ds []deferred.Deferred[int]){
		"List":   func(ds []deferred.Deferred[int]) { deferred.List(ds, deferred.ConsumeErrors) },
		"Gather": func(ds []deferred.Deferred[int]) { deferred.Gather(ds) },
		"Race":   func(ds []deferred.Deferred[int]) { deferred.Race(ds) },
	} {
		stale := deferred.New[int]()
		deferred.Then(stale, strconvItoa)
		for kind, bad := range map[string]deferred.Deferred[int]{"stale": stale, "zero": {}} {
			before, failed := deferred.Succeed(3), deferred.Fail[int](errBoom)
			if panicOf(func() { group([]deferred.Deferred[int]{before, failed, bad}) }) == nil {
				t.Errorf("%s of a %s member: no panic", name, kind)
			}
			wantResult(t, before, 3)
			wantFailure(t, failed, errBoom)
		}
	}
}

// Misuse panics with an error, never with a string.
func TestF62_PanicsAreErrors(t *testing.T) {
	nop := func(deferred.Deferred[int]) {}
	for name, f := range map[string]func(){
		"two cancellers":           func() { deferred.New(nop, nop) },
		"Errback(nil)":             func() { deferred.New[int]().Errback(nil) },
		"Fail(nil)":                func() { deferred.Fail[int](nil) },
		"ErrbackRecovered(nil)":    func() { deferred.New[int]().ErrbackRecovered(nil) },
		"OnValue(nil)":             func() { deferred.New[int]().OnValue(nil) },
		"OnError(nil)":             func() { deferred.New[int]().OnError(nil) },
		"OnResult(nil)":            func() { deferred.New[int]().OnResult(nil) },
		"Finally(nil)":             func() { deferred.New[int]().Finally(nil) },
		"Maybe(nil)":               func() { deferred.Maybe[int](nil) },
		"MaybeDeferred(nil)":       func() { deferred.MaybeDeferred[int](nil) },
		"Run(nil)":                 func() { deferred.Run[int](new(deferred.Lock), nil) },
		"NewSemaphore(0)":          func() { deferred.NewSemaphore(0) },
		"Release of a free lock":   func() { new(deferred.Lock).Release() },
		"a zero Deferred":          func() { deferred.Deferred[int]{}.Callback(1) },
		"InlineIn with a nil body": func() { deferred.InlineIn[int](deferred.NewScope(t.Context(), newLoop()), nil) },
	} {
		if v := panicOf(f); v == nil {
			t.Errorf("%s: no panic", name)
		} else if _, ok := v.(error); !ok {
			t.Errorf("%s: panics with %T %v", name, v, v)
		}
	}
}
