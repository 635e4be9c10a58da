package reactor_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

func TestR73_R74_R78_ManyCallsFromAThread(t *testing.T) {
	const total = 100_000
	r, _ := newReactor(t)
	got := make([]int, 0, total)
	r.CallWhenRunning(func() {
		_ = r.CallInThread(func() {
			for i := range total {
				r.CallFromThread(func() {
					if got = append(got, i); len(got) == total {
						mustStop(t, r)
					}
				})
			}
		})
	})
	mustRun(t, r)
	if !slices.IsSorted(got) {
		t.Error("out of order")
	}
}

func TestR75_CallFromThreadWakesTheLoop(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		began := time.Now()
		thread := func() {
			if passed := time.Since(began); passed != time.Minute {
				t.Errorf("ran after %v", passed)
			}
			r.CallLater(time.Second, func() {
				var n notes
				r.CallLater(0, func() { // in the next iteration, after the posted functions
					n.want(t, "in the next iteration")
					mustStop(t, r)
				})
				r.CallFromThread(n.adder("in the next iteration"))
			})
		}
		r.CallLater(time.Hour, func() {})
		_ = r.CallInThread(func() {
			time.Sleep(time.Minute) // in the time of the bubble
			r.CallFromThread(thread)
		})
	})
}

func TestR77_PanicInAThreadCall(t *testing.T) {
	r, log := newReactor(t)
	var n notes
	r.CallFromThread(n.adder("first"))
	r.CallFromThread(func() { panic("boom") })
	r.CallFromThread(func() { n.add("last"); mustStop(t, r) })
	mustRun(t, r)
	n.want(t, "first", "last")
	wantLogged(t, log, "boom", 1)
}

func TestR79_CallsQueuedBeforeRun(t *testing.T) {
	r, _ := newReactor(t)
	var n notes
	if !r.CallFromThread(n.adder("queued")) {
		t.Error("refused")
	}
	r.CallWhenRunning(n.adder("startup"))
	r.CallFromThread(func() { mustStop(t, r) })
	mustRun(t, r)
	n.want(t, "startup", "queued")
}

func TestR80_CallsAfterTheEnd(t *testing.T) {
	r, _ := newReactor(t)
	r.CallWhenRunning(func() { mustStop(t, r) })
	mustRun(t, r)
	if r.CallFromThread(func() { t.Error("ran") }) {
		t.Error("accepted after the end")
	}
}

func TestR81_NilFunctions(t *testing.T) {
	r, _ := newReactor(t)
	for name, call := range map[string]func(){
		"CallFromThread":                func() { r.CallFromThread(nil) },
		"CallLater":                     func() { r.CallLater(0, nil) },
		"CallInThread":                  func() { _ = r.CallInThread(nil) },
		"AddSystemEventTrigger":         func() { r.AddSystemEventTrigger(reactor.Before, reactor.Startup, nil) },
		"AddSystemEventTriggerDeferred": func() { r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Startup, nil) },
		"AdjustPoolSize":                func() { r.ThreadPool().AdjustPoolSize(0) },
	} {
		func() {
			defer func() {
				v := recover()
				if err, ok := v.(error); !ok || !strings.HasPrefix(err.Error(), "reactor: "+name+" with a ") {
					t.Errorf("F62: %s panics with %v", name, v)
				}
			}()
			call()
		}()
	}
}

// The alarm and a post may come at the same moment; neither may get lost.
func TestPostAndAlarmTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		posts, alarms := 0, 0
		r.CallWhenRunning(func() {
			for i := range 100 {
				at := time.Duration(i) * time.Millisecond
				r.CallLater(at, func() { alarms++ })
				go func() {
					time.Sleep(at) // in the time of the bubble
					r.CallFromThread(func() { posts++ })
				}()
			}
			r.CallLater(time.Second, func() { mustStop(t, r) })
		})
		mustRun(t, r)
		if posts != 100 || alarms != 100 {
			t.Errorf("%d posts, %d alarms", posts, alarms)
		}
	})
}
