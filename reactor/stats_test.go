package reactor_test

import (
	"encoding/json"
	"expvar"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		r.CallFromThread(func() {
			r.CallLater(time.Second, func() { time.Sleep(time.Minute) }) // in the time of the bubble: it blocks the loop
			r.CallLater(31*time.Second, func() {})
			r.CallLater(2*time.Minute, func() { r.CallFromThread(func() {}) })
			r.CallLater(time.Hour, func() {})
		})
		check := func(after time.Duration, want func(s reactor.Stats) bool) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if s := r.Stats(); !want(s) {
				t.Errorf("%+v", s)
			}
		}
		check(0, func(s reactor.Stats) bool { return s.Iterations > 0 && s.Calls > 0 && s.Delayed == 4 })
		check(2*time.Second, func(s reactor.Stats) bool { return s.Timers == 0 }) // blocked
		r.CallFromThread(func() {})
		check(0, func(s reactor.Stats) bool { return s.Queued == 1 })
		check(time.Minute, func(s reactor.Stats) bool {
			return s.Queued == 0 && s.Timers == 2 && s.Lateness == 30*time.Second && s.MaxLateness == 30*time.Second && s.Delayed == 2
		})
		check(2*time.Minute, func(s reactor.Stats) bool {
			return s.Timers == 3 && s.Lateness == 0 && s.MaxLateness == 30*time.Second && s.Delayed == 1 && s.LongestCall == 0
		})
	})
}

func TestStatsOfALoopThatNeverHasAQueue(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	_ = onLoop(t, r, func() deferred.Deferred[none] { // hundreds of iterations, then a look from within a callback
		d := deferred.New[none]()
		n := 0
		var again func()
		again = func() {
			if n++; n < 300 {
				r.CallLater(time.Microsecond, again)
				return
			}
			if r.Stats().Iterations < 100 {
				t.Errorf("%+v after 300 iterations", r.Stats())
			}
			d.Callback(none{})
		}
		again()
		return d
	})
}

func TestStatsThroughExpvar(t *testing.T) {
	r, _ := newReactor(t)
	v := expvar.Func(func() any { return r.Stats() })
	r.CallFromThread(func() {})
	var got reactor.Stats
	if err := json.Unmarshal([]byte(v.String()), &got); err != nil || got.Queued != 1 {
		t.Errorf("%v: %s", err, v)
	}
}

func slowCallback() { time.Sleep(time.Second) } // in the time of the bubble

func TestWatchdogSeesASlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := reactortest.NewLog(t)
		r := reactor.New(reactor.Options{NoSignals: true, Logger: log.Logger(), Watchdog: 100 * time.Millisecond})
		r.CallWhenRunning(func() {
			r.CallFromThread(slowCallback)
			r.CallLater(time.Minute, func() { mustStop(t, r) })
		})
		mustRun(t, r)
		seen := log.Take("blocks the loop")
		if len(seen) != 1 || !strings.Contains(seen[0], "reactor_test.slowCallback for=") || !strings.Contains(seen[0], "goroutine ") {
			t.Errorf("logged %v", seen)
		}
		wantLogged(t, log, "has blocked the loop", 0) // not twice
		if s := r.Stats(); s.LongestCall != time.Second || !strings.HasSuffix(s.LongestCallName, "reactor_test.slowCallback") {
			t.Errorf("%+v", s)
		}
	})
}

func TestWatchdogLogsACallbackThatEndedBeforeItLooked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := reactortest.NewLog(t)
		r := reactor.New(reactor.Options{NoSignals: true, Logger: log.Logger(), Watchdog: 100 * time.Millisecond})
		r.CallWhenRunning(func() {
			r.CallLater(99*time.Millisecond, func() {
				defer mustStop(t, r)
				time.Sleep(110 * time.Millisecond) // from 99 to 209 ms; the goroutine looks at 100, 125, 150, 175 and 200
				panic("boom")
			})
		})
		mustRun(t, r)
		seen := append(log.Take("blocks the loop"), log.Take("has blocked the loop")...)
		if len(seen) != 1 {
			t.Errorf("logged %v", seen)
		}
		wantLogged(t, log, "boom", 1)
	})
}
