package reactor_test

import (
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// A function that calls runtime.Goexit in a thread, as t.FailNow does, fails
// its Deferred and does not take its thread along.
func TestR103_GoexitInAThread(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{MaxThreads: 1})
	_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] {
		return reactor.DeferToThread(r, func() (int, error) { runtime.Goexit(); return 1, nil })
	})
	wantErr(t, err, reactor.ErrGoexit)
	v, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] {
		return reactor.DeferToThread(r, func() (int, error) { return 2, nil })
	})
	if v != 2 || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	if s := r.Stats(); s.ThreadsBusy != 0 {
		t.Errorf("%d threads busy", s.ThreadsBusy)
	}
}

// A callback that calls runtime.Goexit ends the goroutine of the loop. Nobody
// is left waiting for it.
func TestR111_GoexitOnTheLoop(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger(), Watchdog: 1 << 40})
	gone, started := make(chan none), make(chan none)
	go func() { // ends with the Goexit
		defer close(gone)
		r.CallWhenRunning(func() {
			_, err := r.ListenTCP(0, reactor.ForProtocol(func() reactor.Protocol { return nil }), reactor.ListenOptions{})
			wantErr(t, err, nil)
			close(started)
		})
		_ = r.Run()
	}()
	<-started
	waiting := make(chan error, 1)
	go func() { // ends with the reactor
		_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] { return deferred.New[int]() })
		waiting <- err
	}()
	r.CallFromThread(runtime.Goexit)
	<-gone
	wantErr(t, within(t, waiting), reactor.ErrReactorEnded)
	if r.Running() || r.CallFromThread(func() {}) {
		t.Error("still running")
	}
	wantErr(t, r.Run(), reactor.ErrReactorNotRestartable)
}
