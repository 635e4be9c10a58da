package reactor_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const ping = "ping" // an event of the tests

func TestR18_PhasesInOrder(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.After, ping, n.adder("after"))
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("during 1"))
	r.AddSystemEventTrigger(reactor.Before, ping, n.adder("before"))
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("during 2"))
	r.FireSystemEvent(ping)
	n.want(t, "before", "during 1", "during 2", "after")
}

func TestR19_R20_RefusedTriggers(t *testing.T) {
	r, _ := newReactor(t)
	wantPanic(t, "an unknown phase", func() { r.AddSystemEventTrigger(7, ping, func() {}) })
	wantPanic(t, "a nil trigger", func() { r.AddSystemEventTrigger(reactor.Before, ping, nil) })
	wantPanic(t, "a nil trigger", func() { r.AddSystemEventTriggerDeferred(reactor.Before, ping, nil) })
}

// waiting registers a "before" trigger that answers with a Deferred, and
// returns that.
func waiting(r *reactor.Reactor, event string, n *notes, name string) deferred.Deferred[none] {
	d := deferred.New[none]()
	r.AddSystemEventTriggerDeferred(reactor.Before, event, func() deferred.Deferred[none] {
		n.add(name)
		return d
	})
	return d
}

func TestR21_R22_R23_DuringWaitsForAllDeferreds(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	first := waiting(r, ping, &n, "first")
	second := waiting(r, ping, &n, "second")
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("during"))
	r.FireSystemEvent(ping)
	n.want(t, "first", "second")
	failure := errors.New("failed")
	first.Errback(failure)
	n.want(t, "first", "second")
	second.Callback(none{})
	n.want(t, "first", "second", "during")
	first.AddErrback(func(err error) (none, error) {
		wantErr(t, err, failure) // it stays with its owner
		return none{}, nil
	})
	if first.Paused() != 0 {
		t.Error("paused")
	}
}

func TestR22_ALaterTriggerFiresTheDeferred(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	d := waiting(r, ping, &n, "first")
	r.AddSystemEventTrigger(reactor.Before, ping, func() { n.add("fires"); d.Callback(none{}) })
	r.AddSystemEventTrigger(reactor.Before, ping, n.adder("last"))
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("during"))
	r.FireSystemEvent(ping)
	n.want(t, "first", "fires", "last", "during")
}

func TestR24_PanicsDoNotStopTheOthers(t *testing.T) {
	r, log := newReactor(t)
	var n notes
	for _, phase := range []reactor.Phase{reactor.Before, reactor.During, reactor.After} {
		r.AddSystemEventTrigger(phase, ping, func() { panic("boom") })
		r.AddSystemEventTrigger(phase, ping, n.adder("next"))
	}
	r.FireSystemEvent(ping)
	n.want(t, "next", "next", "next")
	wantLogged(t, log, "boom", 3)
}

func TestR25_NothingWaitsForDuringAndAfter(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	for _, phase := range []reactor.Phase{reactor.During, reactor.After} {
		r.AddSystemEventTriggerDeferred(phase, ping, func() deferred.Deferred[none] { return deferred.New[none]() })
	}
	r.AddSystemEventTrigger(reactor.After, ping, n.adder("last"))
	r.FireSystemEvent(ping)
	n.want(t, "last")
}

func TestR26_R33_OneFiringOnly(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("once"))
	r.FireSystemEvent(ping)
	r.FireSystemEvent(ping)
	r.FireSystemEvent("an event nobody knows")
	n.want(t, "once")
	r.AddSystemEventTrigger(reactor.During, ping, n.adder("again"))
	r.FireSystemEvent(ping)
	n.want(t, "once", "again")
}

func TestR27_Removing(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	remove := func(tr *reactor.Trigger) { wantErr(t, r.RemoveSystemEventTrigger(tr), nil) }
	remove(r.AddSystemEventTrigger(reactor.Before, ping, n.adder("never fired")))
	during := r.AddSystemEventTrigger(reactor.During, ping, n.adder("removed while waiting"))
	var same *reactor.Trigger
	r.AddSystemEventTrigger(reactor.Before, ping, func() { remove(same) })
	same = r.AddSystemEventTrigger(reactor.Before, ping, n.adder("removed in its phase"))
	d := waiting(r, ping, &n, "waits")
	r.FireSystemEvent(ping)
	remove(during)
	d.Callback(none{})
	n.want(t, "waits")
}

func TestR28_RemovingWhatIsGone(t *testing.T) {
	r, _ := newReactor(t)
	fired := r.AddSystemEventTrigger(reactor.Before, ping, func() {})
	removed := r.AddSystemEventTrigger(reactor.During, ping, func() {})
	_ = r.RemoveSystemEventTrigger(removed)
	r.FireSystemEvent(ping)
	for _, tr := range []*reactor.Trigger{nil, new(reactor.Trigger), fired, removed} {
		wantErr(t, r.RemoveSystemEventTrigger(tr), reactor.ErrTriggerGone)
	}
}

func TestR29_RemovingAnEarlierOneWhileFiringWarns(t *testing.T) {
	r, log := newReactor(t)
	var n notes
	first := r.AddSystemEventTrigger(reactor.Before, ping, n.adder("first"))
	r.AddSystemEventTrigger(reactor.Before, ping, func() { wantErr(t, r.RemoveSystemEventTrigger(first), nil) })
	r.FireSystemEvent(ping)
	wantLogged(t, log, "WARN", 1)
}

func TestR30_TriggersAddedWhileFiring(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	r.AddSystemEventTrigger(reactor.During, ping, func() {
		r.AddSystemEventTrigger(reactor.Before, ping, n.adder("earlier phase"))
		r.AddSystemEventTrigger(reactor.During, ping, n.adder("same phase"))
		r.AddSystemEventTrigger(reactor.After, ping, n.adder("later phase"))
	})
	r.FireSystemEvent(ping)
	n.want(t, "same phase", "later phase")
	r.FireSystemEvent(ping)
	n.want(t, "same phase", "later phase", "earlier phase")
}

func TestR31_TwoHandlesForOneFunction(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	f := n.adder("f")
	first := r.AddSystemEventTrigger(reactor.Before, ping, f)
	r.AddSystemEventTrigger(reactor.Before, ping, f)
	_ = r.RemoveSystemEventTrigger(first)
	r.FireSystemEvent(ping)
	n.want(t, "f")
}

func TestR32_EventsDoNotWaitForEachOther(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	d := waiting(r, ping, &n, "ping waits")
	r.FireSystemEvent(ping)
	r.AddSystemEventTrigger(reactor.During, "pong", n.adder("pong"))
	r.FireSystemEvent("pong")
	r.FireSystemEvent(ping) // in progress: nothing happens
	n.want(t, "ping waits", "pong")
	d.Callback(none{})
}

func TestR35_R37_ShutdownWaitsWhileTheLoopRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		var n notes
		d := waiting(r, reactor.Shutdown, &n, "before")
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("during"))
		r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, n.adder("after"))
		r.CallWhenRunning(func() { mustStop(t, r) })
		r.CallLater(time.Second, func() {
			n.add("timer")
			r.CallFromThread(func() {
				n.add("thread call")
				if !r.Running() {
					t.Error("not running")
				}
				d.Callback(none{})
			})
		})
		mustRun(t, r)
		n.want(t, "before", "timer", "thread call", "during", "after")
	})
}

func TestShutdownTimeoutEndsTheWaitForDeferreds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newReactor(t)
		var n notes
		d := waiting(r, reactor.Shutdown, &n, "before")
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, n.adder("during"))
		r.CallWhenRunning(func() { mustStop(t, r) })
		began := time.Now()
		mustRun(t, r)
		n.want(t, "before", "during")
		if took := time.Since(began); took != reactor.DefaultShutdownTimeout {
			t.Errorf("took %v", took)
		}
		wantLogged(t, log, "shutdown timeout", 1)
		d.Callback(none{}) // no longer waited for
	})
}

func TestR40_R41_R42_R43_CallWhenRunning(t *testing.T) {
	r, log := newReactor(t)
	var n notes
	if r.CallWhenRunning(n.adder("first")) == nil {
		t.Error("no trigger for a queued function")
	}
	r.CallWhenRunning(func() { panic("boom") })
	removed := r.CallWhenRunning(n.adder("removed"))
	wantErr(t, r.RemoveSystemEventTrigger(removed), nil)
	r.CallWhenRunning(func() {
		if r.CallWhenRunning(n.adder("at once")) != nil {
			t.Error("a trigger for a function that was called at once")
		}
		n.add("second")
		wantPanic(t, "CallWhenRunning while running", func() { r.CallWhenRunning(func() { panic("to the caller") }) })
		mustStop(t, r)
	})
	mustRun(t, r)
	n.want(t, "first", "at once", "second")
	wantLogged(t, log, "boom", 1)
}
