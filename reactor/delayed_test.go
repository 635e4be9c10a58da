package reactor_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

func TestR50_R66_CallLater(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		began := r.Now()
		var c *reactor.DelayedCall
		c = r.CallLater(time.Second, func() {
			if passed := r.Now().Sub(began); passed != time.Second {
				t.Errorf("called after %v", passed)
			}
			if c.Active() {
				t.Error("active while it runs")
			}
			mustStop(t, r)
		})
		if !c.Active() || !c.Time().Equal(began.Add(time.Second)) {
			t.Errorf("active %v, due %v", c.Active(), c.Time())
		}
	})
}

func TestR51_NegativeDelay(t *testing.T) {
	r, _ := newReactor(t)
	defer func() {
		if err, _ := recover().(error); err != reactor.ErrNegativeDelay {
			t.Errorf("panic with %v", err)
		}
	}()
	r.CallLater(-1, func() {})
}

func TestR52_R53_R76_WhatAnIterationAddsWaitsForTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		var n notes
		r.CallLater(0, func() {
			r.CallLater(0, func() { // the clock of the bubble stands still: it is due at once
				n.add("timed by timed")
				r.CallLater(0, func() { mustStop(t, r) })
			})
			r.CallFromThread(func() {
				r.CallFromThread(n.adder("posted by posted"))
				n.add("posted by timed")
			})
			n.add("timed")
		})
		r.CallFromThread(n.adder("posted"))
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
			n.want(t, "posted", "timed", "posted by timed", "timed by timed", "posted by posted")
		})
	})
}

func TestR54_R55_OrderOfCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		var n notes
		for _, d := range []int{3, 1, 2} {
			r.CallLater(time.Duration(d), n.adder(fmt.Sprint("at ", d)))
		}
		for i := range 8 {
			r.CallLater(4, n.adder(fmt.Sprint("equal ", i)))
		}
		r.CallLater(5, func() {
			n.want(t, "at 1", "at 2", "at 3", "equal 0", "equal 1", "equal 2", "equal 3", "equal 4", "equal 5", "equal 6", "equal 7")
			mustStop(t, r)
		})
	})
}

func TestR56_R62_R63_R64_TimesAndMoves(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		began := r.Now()
		c := r.CallLater(10*time.Second, func() { mustStop(t, r) })
		steps := []struct {
			what string
			do   func() error
			due  time.Duration
		}{
			{"R62 reset later", func() error { return c.Reset(20 * time.Second) }, 20 * time.Second},
			{"R62 reset earlier", func() error { return c.Reset(5 * time.Second) }, 5 * time.Second},
			{"R63 delay", func() error { return c.Delay(3 * time.Second) }, 8 * time.Second},
			{"R63 negative delay", func() error { return c.Delay(-2 * time.Second) }, 6 * time.Second},
			{"R64 reset to the past", func() error { return c.Reset(-time.Second) }, -time.Second},
		}
		for _, s := range steps {
			if err := s.do(); err != nil || c.Time().Sub(began) != s.due || !c.Active() {
				t.Errorf("%s: %v, due after %v", s.what, err, c.Time().Sub(began))
			}
			if calls := r.GetDelayedCalls(); !slices.Equal(calls, []*reactor.DelayedCall{c}) {
				t.Errorf("%s: %d calls", s.what, len(calls))
			}
		}
	})
}

func TestR57_R58_R59_R60_R61_InactiveCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		all := func(c *reactor.DelayedCall, want error) {
			t.Helper()
			wantErr(t, c.Cancel(), want)
			wantErr(t, c.Reset(1), want)
			wantErr(t, c.Delay(1), want)
		}
		cancelled := r.CallLater(1, func() { t.Error("a cancelled call ran") })
		if err := cancelled.Cancel(); err != nil || cancelled.Active() || len(r.GetDelayedCalls()) != 0 {
			t.Errorf("%v, active %v, %d calls", err, cancelled.Active(), len(r.GetDelayedCalls()))
		}
		all(cancelled, reactor.ErrAlreadyCancelled)
		var called *reactor.DelayedCall
		called = r.CallLater(1, func() { all(called, reactor.ErrAlreadyCalled) })
		r.CallLater(2, func() {
			all(called, reactor.ErrAlreadyCalled)
			mustStop(t, r)
		})
	})
}

func TestCallsChangedByACallThatIsDueWithThem(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		var n notes
		var cancelled, moved *reactor.DelayedCall
		r.CallLater(1, func() {
			wantErr(t, cancelled.Cancel(), nil)
			wantErr(t, moved.Delay(1), nil)
			if calls := r.GetDelayedCalls(); len(calls) != 2 || calls[0] != moved {
				t.Errorf("calls to come: %v", calls)
			}
		})
		cancelled = r.CallLater(1, n.adder("cancelled"))
		moved = r.CallLater(1, n.adder("moved"))
		r.CallLater(3, func() {
			n.want(t, "moved")
			mustStop(t, r)
		})
	})
}

func TestR65_R70_GetDelayedCalls(t *testing.T) {
	r, _ := newReactor(t)
	late := r.CallLater(2*time.Hour, func() {})
	soon := r.CallLater(time.Hour, func() {})
	same := r.CallLater(time.Hour, func() {})
	_ = same.Cancel()
	if calls := r.GetDelayedCalls(); !slices.Equal(calls, []*reactor.DelayedCall{soon, late}) {
		t.Errorf("got %v", calls)
	}
	if soon == same || soon == late {
		t.Error("two handles are equal")
	}
}

func TestR67_PanicInATimedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newReactor(t)
		r.CallLater(1, func() { panic("boom") })
		r.CallLater(1, func() { mustStop(t, r) }) // due in the same iteration
		mustRun(t, r)
		wantLogged(t, log, "a delayed call", 1)
	})
}

func TestR68_DistantTimes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		c := r.CallLater(math.MaxInt64, func() { t.Error("the end of time has come") })
		_ = c.Delay(math.MaxInt64)
		r.CallLater(time.Hour, func() { mustStop(t, r) })
	})
}

func TestR69_DebugTellsWhereACallWasMade(t *testing.T) {
	for _, debug := range []bool{true, false} {
		t.Run(fmt.Sprint(debug), func(t *testing.T) {
			_, log := newReactor(t)
			r := reactor.New(reactor.Options{NoSignals: true, Logger: log.Logger(), Debug: debug})
			r.CallLater(0, func() { panic("boom") })
			_ = r.CallLater(time.Hour, func() {}).Cancel()
			r.CallLater(time.Millisecond, func() { mustStop(t, r) })
			mustRun(t, r)
			made := log.Take("scheduled at")
			if (len(made) == 1 && strings.Contains(made[0], "TestR69")) != debug {
				t.Errorf("debug %v: %v", debug, made)
			}
		})
	}
}

func namedFunction() {}

func TestR71_StringOfACall(t *testing.T) {
	r, _ := newReactor(t)
	c := r.CallLater(0, namedFunction)
	if s := c.String(); !strings.Contains(s, "namedFunction") || !strings.Contains(s, "called=false cancelled=false") {
		t.Error(s)
	}
	_ = r.Iterate(time.Second)
	if s := c.String(); !strings.Contains(s, "called=true cancelled=false") {
		t.Error(s)
	}
	c = r.CallLater(1, namedFunction)
	_ = c.Cancel()
	if s := c.String(); !strings.Contains(s, "called=false cancelled=true") {
		t.Error(s)
	}
}

func TestR72_InactiveCallsKeepNothingAlive(t *testing.T) {
	r, _ := newReactor(t)
	freed := make(chan string, 2)
	schedule := func(name string, d time.Duration) *reactor.DelayedCall {
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(name string) { freed <- name }, name)
		return r.CallLater(d, func() { big[0] = 1 })
	}
	cancelled, called := schedule("cancelled", time.Hour), schedule("called", 0)
	_ = cancelled.Cancel()
	_ = r.Iterate(time.Minute)
	for range 2 {
		runtime.GC()
		within(t, freed)
	}
	runtime.KeepAlive(cancelled)
	runtime.KeepAlive(called)
}

func TestAfterFunc(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		stop := r.AfterFunc(1, func() { t.Error("a stopped call ran") })
		if !stop() || stop() {
			t.Error("stop does not tell whether it prevented the call")
		}
		var stopLate func() bool
		stopLate = r.AfterFunc(1, func() {
			if stopLate() {
				t.Error("stopped while it runs")
			}
			mustStop(t, r)
		})
	})
}

func TestWaitingForTimersUnderSteadyPosts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		// The alarm is set for the first of these, and must be set again for
		// those that are moved before it.
		began := r.Now()
		idle := r.CallLater(time.Hour, func() { t.Error("the idle timeout ran out") })
		soon := r.CallLater(time.Hour, func() {
			if d := r.Now().Sub(began); d != 20*time.Second {
				t.Errorf("ran after %v", d)
			}
			_ = idle.Cancel()
			mustStop(t, r)
		})
		var again func()
		n := 0
		again = func() {
			_ = idle.Reset(time.Hour)
			if n++; n == 10 {
				_ = soon.Reset(10 * time.Second)
				return
			}
			r.CallLater(time.Second, again)
		}
		r.CallLater(time.Second, again)
	})
}
