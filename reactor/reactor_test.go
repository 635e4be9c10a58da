package reactor_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR1_RunFiresStartupAndReturnsWhenStopped(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.During, reactor.Startup, n.adder("startup"))
	r.CallLater(0, func() {
		n.add("call")
		mustStop(t, r)
	})
	mustRun(t, r)
	n.add("returned")
	n.want(t, "startup", "call", "returned")
}

func TestR2_R34_R36_RunningFlagByPhase(t *testing.T) {
	r, _ := newReactor(t)
	got := map[string]bool{"new": r.Running()}
	phases := map[string]reactor.Phase{"before": reactor.Before, "during": reactor.During, "after": reactor.After}
	for _, event := range []string{reactor.Startup, reactor.Shutdown} {
		for name, phase := range phases {
			r.AddSystemEventTrigger(phase, event, func() { got[name+" "+event] = r.Running() })
		}
	}
	r.CallWhenRunning(func() { mustStop(t, r); got["stop"] = r.Running() })
	mustRun(t, r)
	got["returned"] = r.Running()
	want := map[string]bool{
		"new": false, "before startup": false, "during startup": true, "after startup": true, "stop": true,
		"before shutdown": true, "during shutdown": false, "after shutdown": false, "returned": false,
	}
	for when, running := range want {
		if got[when] != running {
			t.Errorf("%s: running is %v", when, got[when])
		}
	}
}

func TestR3_RunWhileRunning(t *testing.T) {
	r, _ := newReactor(t)
	r.CallWhenRunning(func() {
		wantErr(t, r.Run(), reactor.ErrReactorAlreadyRunning)
		wantErr(t, r.Iterate(0), reactor.ErrReactorAlreadyRunning)
		r.CallLater(0, func() { mustStop(t, r) })
	})
	mustRun(t, r)
}

func TestR4_NotRestartable(t *testing.T) {
	r, _ := newReactor(t)
	r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() { wantErr(t, r.Run(), reactor.ErrReactorNotRestartable) })
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	wantErr(t, r.Run(), reactor.ErrReactorNotRestartable)
}

func TestR5_StopWhenNotRunning(t *testing.T) {
	r, _ := newReactor(t)
	wantErr(t, r.Stop(), reactor.ErrReactorNotRunning)
	r.CallWhenRunning(func() {
		mustStop(t, r)
		wantErr(t, r.Stop(), reactor.ErrReactorNotRunning)
	})
	mustRun(t, r)
	wantErr(t, r.Stop(), reactor.ErrReactorNotRunning)
	wantErr(t, r.Crash(), reactor.ErrReactorNotRunning)
}

func TestR6_R7_StopOnlyRequests(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, n.adder("before shutdown"))
	r.CallWhenRunning(func() {
		due := r.Now()
		r.CallLater(0, func() { mustStop(t, r); n.add("stopped") })
		r.CallLater(0, n.adder("also due"))
		for !r.Now().After(due) { // both are due in the next iteration
			runtime.Gosched()
		}
	})
	mustRun(t, r)
	n.want(t, "stopped", "also due", "before shutdown")
}

func TestR8_StopFromEverywhere(t *testing.T) {
	stops := map[string]func(r *reactor.Reactor, stop func()){
		"delayed call":    func(r *reactor.Reactor, stop func()) { r.CallLater(time.Millisecond, stop) },
		"thread call":     func(r *reactor.Reactor, stop func()) { r.CallFromThread(stop) },
		"CallWhenRunning": func(r *reactor.Reactor, stop func()) { r.CallWhenRunning(stop) },
		"another goroutine": func(r *reactor.Reactor, stop func()) {
			r.CallWhenRunning(func() { _ = r.CallInThread(stop) })
		},
	}
	for name, arrange := range stops {
		t.Run(name, func(t *testing.T) {
			r, _ := newReactor(t)
			arrange(r, func() { mustStop(t, r) })
			mustRun(t, r)
		})
	}
}

func TestR9_StopBeforeStartup(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.Before, reactor.Startup, func() { mustStop(t, r) })
	r.CallWhenRunning(n.adder("when running"))
	r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("shutdown"))
	mustRun(t, r)
	n.want(t, "when running", "shutdown")
}

func TestR10_R11_CrashAndRunAgain(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("shutdown"))
	r.CallWhenRunning(func() {
		n.add("first run")
		if err := r.Crash(); err != nil || r.Running() {
			t.Errorf("Crash: %v, running %v", err, r.Running())
		}
	})
	mustRun(t, r)
	n.want(t, "first run")
	r.CallWhenRunning(func() {
		n.add("second run")
		_ = r.CallInThread(func() { r.CallFromThread(func() { mustStop(t, r) }) })
	})
	mustRun(t, r)
	n.want(t, "first run", "second run", "shutdown")
}

func TestR12_Iterate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		var n notes
		r.CallLater(time.Hour, n.adder("distant"))
		r.CallLater(time.Second, n.adder("timer"))
		r.CallFromThread(n.adder("thread call"))
		began := time.Now()
		if err := r.Iterate(0); err != nil {
			t.Fatal(err)
		}
		n.want(t, "thread call")
		_ = r.Iterate(0)
		_ = r.Iterate(500 * time.Millisecond)
		n.want(t, "thread call")
		_ = r.Iterate(time.Minute)
		n.want(t, "thread call", "timer")
		if took := time.Since(began); took != time.Second {
			t.Errorf("the iterations took %v", took)
		}
	})
}

func TestR13_R14_StartupWaitsForDeferreds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		var n notes
		ready := deferred.New[none]()
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Startup, func() deferred.Deferred[none] { return ready })
		r.CallWhenRunning(func() {
			n.add("running")
			mustStop(t, r)
		})
		r.CallLater(time.Second, func() {
			if r.Running() {
				t.Error("running before startup is complete")
			}
			if n := r.Stats().Iterations; n > 3 {
				t.Errorf("%d iterations without anything to do", n)
			}
			n.add("timer")
			ready.Callback(none{})
		})
		mustRun(t, r)
		n.want(t, "timer", "running")
	})
}

func TestR15_SeveralReactors(t *testing.T) {
	reactortest.CheckGoroutines(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			reactortest.Run(t, func(r *reactor.Reactor) {
				r.CallLater(time.Millisecond, func() { mustStop(t, r) })
			})
		})
	}
	wg.Wait()
}

func TestR16_OnLoop(t *testing.T) {
	r, _ := newReactor(t)
	if r.OnLoop() {
		t.Error("on the loop before Run")
	}
	var inThread, inCoroutine bool
	r.CallWhenRunning(func() {
		if !r.OnLoop() {
			t.Error("not on the loop in a callback")
		}
		inCoroutine = nextOf(func() bool { return nextOf(r.OnLoop) })
		d := reactor.DeferToThread(r, func() (bool, error) { return r.OnLoop() || nextOf(r.OnLoop), nil })
		deferred.Then(d, func(on bool) (none, error) {
			inThread = on
			return none{}, r.Stop()
		})
	})
	mustRun(t, r)
	if inThread || !inCoroutine {
		t.Errorf("in a thread %v, in a coroutine %v", inThread, inCoroutine)
	}
}

func TestR17_R533_PanicsAreLoggedAndTheLoopGoesOn(t *testing.T) {
	r, log := newReactor(t)
	var n notes
	boom := func() { panic("boom") }
	r.CallWhenRunning(boom)
	r.CallFromThread(boom)
	r.CallLater(0, boom)
	r.CallFromThread(n.adder("thread call"))
	r.CallLater(0, n.adder("timer"))
	r.CallLater(time.Millisecond, func() { mustStop(t, r) })
	mustRun(t, r)
	n.want(t, "thread call", "timer")
	for _, record := range log.Take(": boom") {
		if !strings.Contains(record, "reactor_test.TestR17") {
			t.Errorf("no stack in %s", record)
		}
		n.add("logged")
	}
	n.want(t, "thread call", "timer", "logged", "logged", "logged")
}

func TestR536_RunContext(t *testing.T) {
	r, _ := newReactor(t)
	ctx, cancel := context.WithCancel(t.Context())
	var n notes
	r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("shutdown"))
	r.CallWhenRunning(func() { _ = r.CallInThread(cancel) })
	if err := r.RunContext(ctx); err != nil {
		t.Error(err)
	}
	n.want(t, "shutdown")

	second, _ := newReactor(t)
	if err := second.RunContext(ctx); err != nil { // done beforehand
		t.Error(err)
	}
	third, _ := newReactor(t)
	third.CallWhenRunning(func() { mustStop(t, third) })
	if err := third.RunContext(t.Context()); err != nil { // stopped otherwise
		t.Error(err)
	}
}

func TestDefaultIsOneReactor(t *testing.T) {
	first, second := reactor.Default(), reactor.Default()
	if first != second || first == nil {
		t.Error("two default reactors")
	}
}

// nextOf runs f in a coroutine.
func nextOf(f func() bool) (v bool) {
	for v = range pulled(func(yield func(bool) bool) { yield(f()) }) {
		return v
	}
	return v
}

func TestShutdownContextEnds(t *testing.T) {
	r, _ := newReactor(t)
	ctx := r.Context()
	r.CallWhenRunning(func() {
		wantErr(t, ctx.Err(), nil)
		_ = r.CallInThread(func() { <-ctx.Done() }) // what a shutdown waits for
		mustStop(t, r)
	})
	mustRun(t, r)
	if cause := context.Cause(ctx); !errors.Is(cause, reactor.ErrReactorEnded) {
		t.Errorf("cause %v", cause)
	}
}
