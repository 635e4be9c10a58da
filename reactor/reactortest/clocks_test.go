package reactortest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// onEachClock runs f with a Clock and with a Reactor in a bubble. later runs a
// function when the clock has moved by d; the test ends with the last one.
func onEachClock(t *testing.T, f func(t *testing.T, c reactor.Clock, later func(d time.Duration, f func()))) {
	t.Run("Clock", func(t *testing.T) {
		c := reactortest.NewClock()
		type step struct {
			at time.Duration
			f  func()
		}
		var steps []step
		f(t, c, func(d time.Duration, f func()) { steps = append(steps, step{d, f}) })
		for _, s := range steps {
			c.Advance(s.at - c.Elapsed())
			s.f()
		}
	})
	t.Run("Reactor", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reactortest.Run(t, func(r *reactor.Reactor) {
				end := time.Duration(0)
				f(t, r, func(d time.Duration, f func()) {
					end = max(end, d)
					r.CallLater(d, f)
				})
				r.CallLater(end, func() { _ = r.Stop() })
			})
		})
	})
}

// All methods of reactor.Clock do the same on a Clock and on a Reactor, so a
// test with the one tells about the other.
func TestR123_ClockIsLikeAReactor(t *testing.T) {
	onEachClock(t, func(t *testing.T, c reactor.Clock, later func(time.Duration, func())) {
		var ran []string
		note := func(name string) func() { return func() { ran = append(ran, name) } }
		start := c.Now()
		soon, late := c.CallLater(2*time.Second, note("soon")), c.CallLater(3*time.Second, note("late"))
		_ = c.CallLater(2*time.Second, note("cancelled")).Cancel()
		moved := c.CallLater(9*time.Second, note("moved"))
		stopNever, stopRan := c.AfterFunc(time.Second, note("never")), c.AfterFunc(time.Second, note("after"))
		if !stopNever() || stopNever() {
			t.Error("stop of a pending call: want true, then false")
		}
		if err := moved.Reset(4 * time.Second); err != nil {
			t.Error(err)
		}
		if err := late.Delay(3 * time.Second); err != nil || late.Time().Sub(start) != 6*time.Second {
			t.Errorf("%v, due at %v", err, late.Time().Sub(start))
		}
		later(5*time.Second, func() {
			if d := c.Now().Sub(start); d != 5*time.Second {
				t.Errorf("the clock has moved by %v", d)
			}
			if want := []string{"after", "soon", "moved"}; !slices.Equal(ran, want) {
				t.Errorf("ran %v, want %v", ran, want)
			}
			if stopRan() {
				t.Error("stop of a call that ran: want false")
			}
			if soon.Active() || !late.Active() {
				t.Errorf("active: %v, %v", soon.Active(), late.Active())
			}
			for _, err := range []error{soon.Cancel(), soon.Reset(1), soon.Delay(1)} {
				if err != reactor.ErrAlreadyCalled {
					t.Errorf("got %v", err)
				}
			}
			if err := late.Cancel(); err != nil {
				t.Error(err)
			}
			for _, err := range []error{late.Cancel(), late.Reset(1), late.Delay(1)} {
				if err != reactor.ErrAlreadyCancelled {
					t.Errorf("got %v", err)
				}
			}
			for name, call := range map[string]func(){
				"CallLater": func() { c.CallLater(1, nil) },
				"AfterFunc": func() { c.AfterFunc(1, nil) },
			} {
				wantPanic(t, name+" of nil", call)
			}
		})
	})
}

// A timeout of package deferred works on both clocks.
func TestR123_TimeoutsOfDeferreds(t *testing.T) {
	onEachClock(t, func(t *testing.T, c reactor.Clock, later func(time.Duration, func())) {
		late, inTime := deferred.New[int](), deferred.New[int]()
		late.AddTimeout(c, 2*time.Second)
		inTime.AddTimeout(c, 2*time.Second)
		later(time.Second, func() {
			deferredtest.AssertNoResult(t, late)
			inTime.Callback(1)
		})
		later(3*time.Second, func() {
			if _, ok := deferredtest.FailureResultOf(t, late).(*deferred.TimeoutError); !ok {
				t.Error("not a TimeoutError")
			}
			deferredtest.SuccessResultOf(t, inTime)
		})
	})
}
