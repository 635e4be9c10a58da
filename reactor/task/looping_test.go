package task_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

// loop is a LoopingCall on a fake clock that notes when it is called.
type loop struct {
	times
	*task.LoopingCall
	do func() error // what the function does; may be nil
}

func newLoop() *loop {
	l := &loop{times: times{clock: reactortest.NewClock()}}
	l.LoopingCall = task.NewLoopingCall(l.clock, func() error {
		l.note()
		if l.do != nil {
			return l.do()
		}
		return nil
	})
	return l
}

func TestR136_R137_R142_R152_StartAndStop(t *testing.T) {
	l := newLoop()
	d := l.Start(second, true)
	l.want(t, "0s")
	l.clock.Pump(second, second/2, second/2)
	l.want(t, "0s", "1s", "2s")
	deferredtest.AssertNoResult(t, d)
	l.Stop()
	if v := deferredtest.SuccessResultOf(t, d); v != l.LoopingCall || l.Running() {
		t.Errorf("fired with %v, running %v", v, l.Running())
	}
	wantNoCalls(t, l.clock) // R142

	later := newLoop()
	later.Start(second, false)
	later.want(t)
	later.clock.Advance(second)
	later.want(t, "1s")
}

func TestR138_R139_Refusals(t *testing.T) {
	l := newLoop()
	wantPanic(t, task.ErrNegativeInterval, func() { l.Start(-1, true) })
	wantPanic(t, task.ErrLoopNotRunning, l.Stop)
	wantPanic(t, task.ErrLoopNotRunning, l.Reset)
	l.Start(second, true)
	wantPanic(t, task.ErrLoopRunning, func() { l.Start(second, true) })
}

func TestR140_R141_Failures(t *testing.T) {
	l := newLoop()
	for name, do := range map[string]func() error{
		"error":          func() error { return errTest },
		"panic":          func() error { panic(errTest) },
		"stop and error": func() error { l.Stop(); return errTest },
	} {
		t.Run(name, func(t *testing.T) {
			l.do = nil
			d := l.Start(second, true)
			l.do = do
			l.clock.Advance(second)
			deferredtest.FailureResultOf(t, d, errTest)
			wantNoCalls(t, l.clock)
			if l.Running() {
				t.Error("still running")
			}
		})
	}
}

func TestR143_StopInsideTheCall(t *testing.T) {
	l := newLoop()
	var d deferred.Deferred[*task.LoopingCall]
	l.do = func() error {
		if len(l.at) == 2 {
			l.Stop()
			deferredtest.AssertNoResult(t, d)
			if l.Running() {
				t.Error("still running")
			}
		}
		return nil
	}
	d = l.Start(second, true)
	l.clock.Pump(second, second, second)
	deferredtest.SuccessResultOf(t, d)
	l.want(t, "0s", "1s")
	wantNoCalls(t, l.clock)
}

func TestR144_R143_WaitingForADeferred(t *testing.T) {
	n := times{clock: reactortest.NewClock()}
	var pending deferred.Deferred[none]
	l := task.NewLoopingCallDeferred(n.clock, func() deferred.Deferred[none] {
		n.note()
		pending = deferred.New[none]()
		return pending
	})
	d := l.Start(second, true)
	n.clock.Advance(2500 * time.Millisecond)
	n.want(t, "0s")
	wantNoCalls(t, n.clock)
	pending.Callback(none{})
	n.clock.Advance(second / 2)
	n.want(t, "0s", "3s")
	l.Stop()
	if l.Running() {
		t.Error("R143: running while the call that was stopped is waited for")
	}
	deferredtest.AssertNoResult(t, d)
	pending.Callback(none{})
	deferredtest.SuccessResultOf(t, d)
	wantNoCalls(t, n.clock)

	d = l.Start(second, true)
	pending.Errback(errTest)
	deferredtest.FailureResultOf(t, d, errTest)
	if l.Running() {
		t.Error("still running")
	}
}

func TestR145_StopRightAfterStart(t *testing.T) {
	for _, interval := range []time.Duration{0, second} {
		l := newLoop()
		d := l.Start(interval, false)
		l.Stop()
		wantNoCalls(t, l.clock)
		deferredtest.SuccessResultOf(t, d)
		l.clock.Advance(10 * second)
		l.want(t)
	}
}

func TestR146_R147_TheGrid(t *testing.T) {
	l := newLoop()
	l.Start(second, false)
	l.clock.Pump(1300*time.Millisecond, 700*time.Millisecond, 2500*time.Millisecond, 500*time.Millisecond, second)
	l.want(t, "1.3s", "2s", "4.5s", "5s", "6s")

	slow := newLoop()
	slow.do = func() error {
		if len(slow.at) == 1 {
			slow.clock.Advance(3 * second) // it takes so long
		}
		return nil
	}
	slow.Start(second, true)
	slow.clock.Advance(second / 2)
	slow.want(t, "0s") // the time that has just come is skipped
	slow.clock.Advance(second / 2)
	slow.want(t, "0s", "4s")
}

func TestR148_R149_IntervalZero(t *testing.T) {
	l := newLoop()
	l.do = func() error {
		if len(l.at) == 5 {
			l.Stop()
		}
		return nil
	}
	l.Start(0, true)
	l.want(t, "0s")
	l.clock.Advance(0)
	l.want(t, "0s", "0s", "0s", "0s", "0s")
}

func TestR148_OncePerTurn(t *testing.T) {
	reactortest.Run(t, func(r *reactor.Reactor) {
		calls := 0
		l := task.NewLoopingCall(r, func() error { calls++; return nil })
		l.Start(0, true)
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
		r.CallLater(0, func() { // due after the second call, which is due now
			if calls != 2 {
				t.Errorf("%d calls after a turn", calls)
			}
			l.Stop()
			_ = r.Stop()
		})
	})
}

func TestR150_Reset(t *testing.T) {
	l := newLoop()
	l.Start(second, true)
	l.clock.Advance(second / 2)
	l.Reset()
	l.clock.Pump(second/2, second/2, second)
	l.want(t, "0s", "1.5s", "2.5s")
}

func TestR151_ResetDuringACallHasNoEffect(t *testing.T) {
	l := newLoop()
	l.do = func() error { l.Reset(); return nil }
	l.Start(second, false)
	l.clock.Pump(1300*time.Millisecond, 700*time.Millisecond) // the first call is late
	l.want(t, "1.3s", "2s")

	clock, w := reactortest.NewClock(), new(waiter)
	waiting := task.WithCountDeferred(clock, w.call)
	waiting.Start(second, true)
	clock.Advance(second / 2)
	waiting.Reset()
	wantNoCalls(t, clock)
	w.pending.Callback(none{})
	clock.Advance(second / 2)
	w.want(t, 1, 1)
}

// counts runs a LoopingCall with counts and returns them as text.
func counts(interval time.Duration, now bool, steps ...time.Duration) string {
	clock := reactortest.NewClock()
	var got []string
	task.WithCount(clock, func(count int) error {
		got = append(got, fmt.Sprint(count))
		return nil
	}).Start(interval, now)
	clock.Pump(steps...)
	return strings.Join(got, " ")
}

func TestR153_R154_R155_WithCount(t *testing.T) {
	ms := time.Millisecond
	for _, row := range []struct {
		name  string
		now   bool
		steps []time.Duration
		want  string
	}{
		{"R153 on time", true, []time.Duration{second, second, second}, "1 1 1 1"},
		{"R153 not now", false, []time.Duration{second, second}, "1 1"},
		{"R153 missed", true, []time.Duration{3 * second, second}, "1 3 1"},
		{"R155 late", true, []time.Duration{1300 * ms, 700 * ms, second}, "1 1 1 1"},
		{"R154 late and missed", true, []time.Duration{2700 * ms, 300 * ms}, "1 2 1"},
	} {
		if got := counts(second, row.now, row.steps...); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
	third := second / 3 // not exact: three make less than a second
	steps := make([]time.Duration, 1000)
	for i := range steps {
		steps[i] = third
	}
	if got := counts(third, false, steps...); got != strings.TrimSpace(strings.Repeat("1 ", 1000)) {
		t.Errorf("R154: %s", got)
	}
}

func TestR154_CountsAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		clock := reactortest.NewClock()
		interval := time.Duration(1 + random.IntN(1000))
		sum := 0
		task.WithCount(clock, func(count int) error {
			if sum += count; count < 1 {
				t.Errorf("count %d", count)
			}
			return nil
		}).Start(interval, false)
		for range 100 {
			clock.Advance(time.Duration(random.IntN(3000)))
		}
		next := clock.GetDelayedCalls()[0].Time().Sub(time.Unix(0, 0)) // later intervals are not counted yet
		if want := int(next/interval) - 1; sum != want {
			t.Errorf("interval %v: the counts add up to %d, want %d", interval, sum, want)
		}
	}
}

// Intervals near the largest Duration do not overflow.
func TestR154_TheLargestInterval(t *testing.T) {
	clock := reactortest.NewClock()
	var got []int
	task.WithCount(clock, func(count int) error { got = append(got, count); return nil }).Start(1<<63-1, true)
	if fmt.Sprint(got) != "[1]" {
		t.Errorf("got %v", got)
	}
}

// waiter is a function for WithCountDeferred that notes its counts. Its
// Deferreds are fired by the test.
type waiter struct {
	counts  []int
	pending deferred.Deferred[none]
}

func (w *waiter) call(count int) deferred.Deferred[none] {
	w.counts = append(w.counts, count)
	w.pending = deferred.New[none]()
	return w.pending
}

func (w *waiter) want(t *testing.T, counts ...int) {
	t.Helper()
	if !slices.Equal(w.counts, counts) {
		t.Errorf("counts %v, want %v", w.counts, counts)
	}
}

func TestR156_F50_IntervalsMissedWhileADeferredWasPending(t *testing.T) {
	clock, w := reactortest.NewClock(), new(waiter)
	l := task.WithCountDeferred(clock, w.call)
	started := l.Start(second, true)
	w.want(t, 1)
	clock.Advance(3500 * time.Millisecond) // 1 s, 2 s and 3 s are missed
	w.want(t, 1)
	wantNoCalls(t, clock)
	w.pending.Callback(none{})
	clock.Advance(second / 2)
	w.want(t, 1, 4)
	w.pending.Callback(none{}) // none is missed
	clock.Advance(second)
	w.want(t, 1, 4, 1)
	clock.Advance(second) // 6 s is missed, and counts although the Deferred fires just then
	w.pending.Callback(none{})
	w.want(t, 1, 4, 1)
	clock.Advance(second)
	w.want(t, 1, 4, 1, 2)

	l.Stop()
	deferredtest.AssertNoResult(t, started)
	w.pending.Errback(errTest)
	deferredtest.FailureResultOf(t, started, errTest)
}

func TestR157_IntervalZeroCountsOne(t *testing.T) {
	clock, w := reactortest.NewClock(), new(waiter)
	task.WithCountDeferred(clock, w.call).Start(0, true)
	clock.Advance(5 * second)
	w.want(t, 1)
	w.pending.Callback(none{})
	clock.Advance(0)
	w.want(t, 1, 1)
	w.pending.Callback(none{})
	clock.Advance(second)
	w.want(t, 1, 1, 1)

	calls := 0
	var l *task.LoopingCall
	l = task.WithCount(clock, func(count int) error {
		if calls++; calls == 5 {
			l.Stop()
		}
		if count != 1 {
			t.Errorf("count %d", count)
		}
		return nil
	})
	l.Start(0, false)
	clock.Advance(second)
	if calls != 5 {
		t.Errorf("%d calls", calls)
	}
}

func TestR159_StartingAgainStartsAfresh(t *testing.T) {
	clock := reactortest.NewClock()
	var got []int
	l := task.WithCount(clock, func(count int) error { got = append(got, count); return nil })
	l.Start(second, true)
	clock.Advance(second)
	l.Stop()
	clock.Advance(10500 * time.Millisecond)
	l.Start(second, true)
	if fmt.Sprint(got) != "[1 1 1]" {
		t.Errorf("at once: %v", got)
	}
	clock.Advance(second)
	l.Stop()
	clock.Advance(10 * second)
	l.Start(second, false)
	clock.Advance(second)
	if fmt.Sprint(got) != "[1 1 1 1 1]" {
		t.Errorf("after an interval: %v", got)
	}
}

func TestR161_StartingAgainInACallback(t *testing.T) {
	l := newLoop()
	l.Start(second, true).AddCallback(func(again *task.LoopingCall) (*task.LoopingCall, error) {
		again.Start(2*second, false)
		return again, nil
	})
	l.clock.Advance(second)
	l.Stop()
	if !l.Running() {
		t.Error("not started again")
	}
	l.clock.Advance(2 * second)
	l.want(t, "0s", "1s", "3s")
}

func TestR160_CancelOfTheStartDeferred(t *testing.T) {
	l := newLoop()
	d := l.Start(second, true)
	d.Cancel()
	deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
	l.clock.Advance(second)
	l.want(t, "0s", "1s")
	l.Stop()
}

func namedFunction() error { return nil }

func TestR163_String(t *testing.T) {
	l := task.NewLoopingCall(reactortest.NewClock(), namedFunction)
	l.Start(second, false)
	if s := l.String(); !strings.Contains(s, "1s") || !strings.Contains(s, "namedFunction") {
		t.Error(s)
	}
}
