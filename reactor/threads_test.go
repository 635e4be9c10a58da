package reactor_test

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR82_R83_CallInThread(t *testing.T) {
	r, _ := newReactor(t)
	ran := make(chan bool, 1)
	if err := r.CallInThread(func() { ran <- r.Running() && !r.OnLoop(); mustStop(t, r) }); err != nil {
		t.Error(err)
	}
	select {
	case <-ran:
		t.Error("ran before Run")
	default:
	}
	mustRun(t, r)
	if !within(t, ran) {
		t.Error("on the loop, or before startup")
	}
}

func TestR84_R86_TheReactorsPool(t *testing.T) {
	r, _ := newReactor(t)
	pool := r.ThreadPool()
	finished := false
	r.CallWhenRunning(func() {
		_ = pool.CallInThread(func() { <-r.Context().Done(); finished = true }) // Run waits for it, which orders the accesses
		mustStop(t, r)
	})
	mustRun(t, r)
	if !finished {
		t.Error("Run returned before the pool was done")
	}
	wantErr(t, r.CallInThread(func() { t.Error("ran after the end") }), reactor.ErrThreadPoolStopped)

	unrun, _ := newReactor(t)
	_ = unrun.CallInThread(func() { t.Error("ran without Run") })
	unrun.FireSystemEvent(reactor.Shutdown)
	wantErr(t, unrun.CallInThread(func() {}), reactor.ErrThreadPoolStopped)
}

func TestR85_SizeOfTheReactorsPool(t *testing.T) {
	r, _ := newReactor(t)
	if max := r.ThreadPool().Stats().Max; max != 10 {
		t.Errorf("maximum %d", max)
	}
	r.SuggestThreadPoolSize(34)
	if max := r.ThreadPool().Stats().Max; max != 34 {
		t.Errorf("maximum %d", max)
	}
}

// poolTest runs f with a started pool of two threads in a bubble. Of any number
// of functions, those that can have begun to run when synctest.Wait returns.
func poolTest(t *testing.T, f func(t *testing.T, p *reactor.ThreadPool, log *reactortest.Log)) {
	synctest.Test(t, func(t *testing.T) {
		log := reactortest.NewLog(t)
		p := reactor.NewThreadPool(reactor.PoolOptions{Max: 2, MaxQueue: 3, Logger: log.Logger()})
		p.Start()
		f(t, p, log)
		_ = p.Stop()
	})
}

func wantStats(t *testing.T, p *reactor.ThreadPool, max, busy, queued int) {
	t.Helper()
	synctest.Wait()
	if got, want := p.Stats(), (reactor.PoolStats{Max: max, Busy: busy, Queued: queued}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestR87_SizesOfAPool(t *testing.T) {
	p := reactor.NewThreadPool(reactor.PoolOptions{})
	if got := p.Stats(); got != (reactor.PoolStats{Max: 10}) {
		t.Errorf("got %+v", got)
	}
	wantPanic(t, "a pool of no threads", func() { p.AdjustPoolSize(0) })
}

func TestR88_R91_BusyAndQueued(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		gate := make(chan none)
		for range 5 {
			wantErr(t, p.CallInThread(func() { <-gate }), nil)
			synctest.Wait()
		}
		wantStats(t, p, 2, 2, 3)
		wantErr(t, p.CallInThread(func() {}), reactor.ErrThreadPoolFull)
		gate <- none{}
		wantStats(t, p, 2, 2, 2)
		close(gate)
		wantStats(t, p, 2, 0, 0)
	})
}

func TestR89_WorkBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := reactor.NewThreadPool(reactor.PoolOptions{Max: 2})
		gate := make(chan none)
		for range 3 {
			_ = p.CallInThread(func() { <-gate })
		}
		wantStats(t, p, 2, 0, 3)
		p.Start()
		p.Start()
		wantStats(t, p, 2, 2, 1)
		close(gate)
		wantErr(t, p.Stop(), nil)
	})
}

// Resizing does not let more functions run than the new bound, also while those
// of the old one run.
func TestF49_R90_AdjustPoolSize(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		gate := make(chan none)
		for range 5 {
			_ = p.CallInThread(func() { <-gate })
			synctest.Wait()
		}
		wantStats(t, p, 2, 2, 3)
		p.AdjustPoolSize(3)
		wantStats(t, p, 3, 3, 2)
		p.AdjustPoolSize(1)
		wantStats(t, p, 1, 3, 2)
		gate <- none{} // the surplus workers end with their functions
		wantStats(t, p, 1, 2, 2)
		gate <- none{}
		wantStats(t, p, 1, 1, 2)
		p.AdjustPoolSize(2)
		wantStats(t, p, 2, 2, 1)
		close(gate)
		wantStats(t, p, 2, 0, 0)
	})
}

// The bound holds when a crashed reactor runs again while functions of its
// first run are still busy.
func TestF49_R11_PoolOfACrashedReactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactor.New(reactor.Options{NoSignals: true, MaxThreads: 2})
		gate := make(chan none)
		r.CallWhenRunning(func() {
			for range 5 {
				_ = r.CallInThread(func() { <-gate })
			}
			wantErr(t, r.Crash(), nil)
		})
		mustRun(t, r)
		wantStats(t, r.ThreadPool(), 2, 2, 3)
		gate <- none{} // the pool does not start another function until Run
		wantStats(t, r.ThreadPool(), 2, 1, 3)
		r.CallWhenRunning(func() {
			wantStats(t, r.ThreadPool(), 2, 2, 2)
			gate <- none{}
			wantStats(t, r.ThreadPool(), 2, 2, 1)
			close(gate)
			mustStop(t, r)
		})
		mustRun(t, r)
		wantStats(t, r.ThreadPool(), 2, 0, 0)
	})
}

// A pool of one thread survives a runtime.Goexit, with functions in its queue.
func TestR98_GoexitInAPool(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		p.AdjustPoolSize(1)
		ran := 0 // by one function at a time
		for range 3 {
			wantErr(t, p.CallInThread(func() { ran++; runtime.Goexit() }), nil)
		}
		wantStats(t, p, 1, 0, 0)
		if ran != 3 {
			t.Errorf("%d functions ran", ran)
		}
	})
}

func TestR92_R94_R96_Stop(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		gate, done := make(chan none), make(chan none, 5)
		for range 5 {
			_ = p.CallInThread(func() { <-gate; done <- none{} })
			synctest.Wait()
		}
		wantStats(t, p, 2, 2, 3)
		go close(gate)
		wantErr(t, p.Stop(), nil)
		if len(done) != 5 {
			t.Errorf("%d functions were finished", len(done))
		}
		wantErr(t, p.CallInThread(func() { t.Error("ran after Stop") }), reactor.ErrThreadPoolStopped)
		wantErr(t, p.Stop(), reactor.ErrThreadPoolStopped)
	})
}

func TestR93_StopOfAPoolThatWasNeverStarted(t *testing.T) {
	p := reactor.NewThreadPool(reactor.PoolOptions{})
	_ = p.CallInThread(func() { t.Error("ran") })
	wantErr(t, p.Stop(), nil)
	p.Start()
	if got := p.Stats(); got.Queued != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestR95_ATaskMayCallTheLoopDuringShutdown(t *testing.T) {
	r, _ := newReactor(t)
	answer := make(chan result[int], 1)
	r.CallWhenRunning(func() {
		_ = r.CallInThread(func() {
			<-r.Context().Done() // shutdown has begun
			v, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] { return deferred.Succeed(7) })
			answer <- result[int]{v, err}
		})
		mustStop(t, r)
	})
	mustRun(t, r)
	if got := within(t, answer); got.v != 7 || got.err != nil {
		t.Errorf("got %+v", got)
	}
}

func TestR97_CallInThreadWithCallback(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		failure := errors.New("failed")
		got := make(chan result[int], 3)
		done := func(v int, err error) { got <- result[int]{v, err} }
		_ = reactor.CallInThreadWithCallback(p, func() (int, error) { return 1, nil }, done)
		if r := <-got; r.v != 1 || r.err != nil {
			t.Errorf("got %+v", r)
		}
		_ = reactor.CallInThreadWithCallback(p, func() (int, error) { return 0, failure }, done)
		wantErr(t, (<-got).err, failure)
		_ = reactor.CallInThreadWithCallback(p, func() (int, error) { panic(failure) }, done)
		r := <-got
		wantErr(t, r.err, failure)
		if e, ok := errors.AsType[*deferred.PanicError](r.err); !ok || len(e.Stack) == 0 {
			t.Errorf("got %v", r.err)
		}
	})
}

func TestR98_PanicsInThePool(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, log *reactortest.Log) {
		_ = p.CallInThread(func() { panic("in f") })
		_ = reactor.CallInThreadWithCallback(p, func() (int, error) { return 0, nil }, func(int, error) { panic("in done") })
		done := make(chan none)
		_ = p.CallInThread(func() { close(done) })
		<-done
		wantStats(t, p, 2, 0, 0)
		wantLogged(t, log, "CallInThread: in f", 1)
		wantLogged(t, log, "CallInThread: in done", 1)
	})
}

func TestR100_ThePoolKeepsNothing(t *testing.T) {
	p := reactor.NewThreadPool(reactor.PoolOptions{})
	p.Start()
	freed, ran := make(chan none), make(chan none)
	give := func() {
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(none) { close(freed) }, none{})
		_ = p.CallInThread(func() { big[0] = 1; close(ran) })
	}
	give()
	within(t, ran)
	for collected := false; !collected; {
		runtime.GC()
		select {
		case <-freed:
			collected = true
		default:
		}
	}
	wantErr(t, p.Stop(), nil)
}

func TestR101_ATaskThatUnblocksOthers(t *testing.T) {
	poolTest(t, func(t *testing.T, p *reactor.ThreadPool, _ *reactortest.Log) {
		gate, done := make(chan none), make(chan none)
		_ = p.CallInThread(func() { <-gate; close(done) })
		_ = p.CallInThread(func() { close(gate) })
		<-done
	})
}

func TestR107_CallMultipleInThread(t *testing.T) {
	r, log := newReactor(t)
	var n notes // the thread's; Run waits for that
	step := func(name string, err error) func() error {
		return func() error { n.add(name); return err }
	}
	_ = r.CallMultipleInThread(step("a", nil), step("b", nil), step("c", errors.New("failed")), step("d", nil))
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	n.want(t, "a", "b", "c")
	wantLogged(t, log, "failed", 1)
}

func TestShutdownTimeoutEndsTheWaitForThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		gate := make(chan none)
		r.CallWhenRunning(func() {
			_ = r.CallInThread(func() { <-gate })
			mustStop(t, r)
		})
		wantErr(t, r.Run(), reactor.ErrShutdownTimeout)
		close(gate)
	})
}

// Who holds the reactor is waited for like its own goroutines, and may use the
// loop meanwhile.
func TestR95_Hold(t *testing.T) {
	r, _ := newReactor(t)
	release := r.Hold()
	var n notes
	r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, n.adder("after"))
	go func() { // ends when it has let the reactor end
		<-r.Context().Done()
		r.CallFromThread(func() {
			n.add("held")
			release()
			release()
		})
	}()
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	n.want(t, "after", "held")
}
