package reactor_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// offLoopError runs f and returns the *OffLoopError it panics with, or nil.
func offLoopError(f func()) (found *reactor.OffLoopError) {
	defer func() {
		err, _ := recover().(error)
		found, _ = errors.AsType[*reactor.OffLoopError](err)
	}()
	f()
	return nil
}

// loopMethods are methods that belong to the loop, by the name in an
// OffLoopError.
func loopMethods(r *reactor.Reactor) map[string]func() {
	pool := r.ThreadPool()
	call := r.CallLater(time.Hour, func() {})
	trigger := r.AddSystemEventTrigger(reactor.After, "own", func() {})
	value := func() (int, error) { return 1, nil }
	fired := func() deferred.Deferred[int] { return deferred.Succeed(1) }
	return map[string]func(){
		"CallLater":             func() { _ = r.CallLater(time.Hour, func() {}).Cancel() },
		"GetDelayedCalls":       func() { r.GetDelayedCalls() },
		"DelayedCall.Delay":     func() { _ = call.Delay(1) },
		"DelayedCall.Reset":     func() { _ = call.Reset(time.Hour) },
		"DelayedCall.Active":    func() { call.Active() },
		"DelayedCall.Time":      func() { call.Time() },
		"DelayedCall.Cancel":    func() { _ = call.Cancel() },
		"AddSystemEventTrigger": func() { r.AddSystemEventTrigger(reactor.After, "own", func() {}) },
		"AddSystemEventTriggerDeferred": func() {
			r.AddSystemEventTriggerDeferred(reactor.After, "own", func() (d deferred.Deferred[none]) { return d })
		},
		"RemoveSystemEventTrigger": func() { _ = r.RemoveSystemEventTrigger(trigger) },
		"FireSystemEvent":          func() { r.FireSystemEvent("own") },
		"CallWhenRunning":          func() { r.CallWhenRunning(func() {}) },
		"DeferToThread":            func() { reactor.DeferToThread(r, value) },
		"DeferToThreadPool":        func() { reactor.DeferToThreadPool(r, pool, value) },
		"DeferToReactor":           func() { reactor.DeferToReactor(r, r, fired) },
	}
}

func TestDebugFindsCallsOffTheLoop(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true, Debug: true, Logger: reactortest.NewLog(t).Logger()})
	methods := loopMethods(r)
	for op, f := range loopMethods(r) {
		if err := offLoopError(f); err != nil {
			t.Errorf("before Run, %s: %v", op, err)
		}
	}
	ended, started, gate := make(chan error, 1), make(chan none), make(chan none)
	r.CallFromThread(func() { close(started); <-gate })
	go func() { ended <- r.Run() }() // ends with Stop
	within(t, started)
	wantPanics := func() {
		for op, f := range methods {
			if err := offLoopError(f); err == nil || err.Op != op {
				t.Errorf("%s off the loop: %v", op, err)
			}
		}
	}
	wantPanics() // while the loop runs a callback
	close(gate)
	onTheLoop := make(chan none)
	r.CallFromThread(func() {
		for name, place := range places {
			for op, f := range loopMethods(r) {
				place(func() {
					if err := offLoopError(f); err != nil {
						t.Errorf("%s, on the loop %s: %v", op, name, err)
					}
				})
			}
		}
		close(onTheLoop)
	})
	within(t, onTheLoop)
	wantPanics() // perhaps while it sleeps
	mustStop(t, r)
	wantErr(t, within(t, ended), nil)
}

// Without Options.Debug nothing is checked: that would cost a stack trace.
func TestWithoutDebugNothingIsChecked(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	gate, waits := make(chan none), make(chan none)
	r.CallFromThread(func() { close(waits); <-gate })
	within(t, waits)
	if err := offLoopError(func() { r.GetDelayedCalls() }); err != nil { // the loop waits, so nothing races
		t.Error(err)
	}
	close(gate)
}
