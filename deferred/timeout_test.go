package deferred_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD100D101D120_TimeoutError(t *testing.T) {
	clock := new(fakeClock)
	d := deferred.New[int]().AddTimeout(clock, seconds(3))
	clock.advance(2)
	if d.Called() {
		t.Fatal("fired too early")
	}
	clock.advance(1)
	_, err, _ := d.Result()
	e, ok := errors.AsType[*deferred.TimeoutError](err)
	if !ok || e.After != seconds(3) || e.What != "Deferred[int]" || !e.Timeout() {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, deferred.ErrCancelled) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v does not match what it should", err)
	}
	wantFailure(t, d, context.DeadlineExceeded)
}

// TestTimeouts runs each case with a timeout of two seconds and wants no timer
// to be left.
func TestTimeouts(t *testing.T) {
	boom := func(error) (int, error) { return 0, errBoom }
	for _, row := range []struct {
		name      string
		canceller func(deferred.Deferred[int])
		before    func(deferred.Deferred[int]) // adds callbacks before the timeout
		run       func(deferred.Deferred[int], *fakeClock)
		want      string
	}{
		{name: "D104 a value in time", run: func(d deferred.Deferred[int], c *fakeClock) { d.Callback(1); c.advance(5) }, want: "1"},
		{name: "D105 a failure in time", run: func(d deferred.Deferred[int], c *fakeClock) { d.Errback(errBoom); c.advance(5) }, want: "boom"},
		{name: "D107 an errback before passes the cancellation on",
			before: func(d deferred.Deferred[int]) { d.AddErrback(func(err error) (int, error) { return 0, err }) },
			run:    func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, want: "timeout"},
		{name: "D108 an errback before makes a value of it",
			before: func(d deferred.Deferred[int]) {
				d.AddErrback(func(err error) (int, error) {
					if err != deferred.ErrCancelled {
						return 0, err
					}
					return 8, nil
				})
			},
			run: func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, want: "8"},
		{name: "D109 D111 the canceller gives a value",
			canceller: func(d deferred.Deferred[int]) { d.Callback(4) },
			before:    func(d deferred.Deferred[int]) { d.AddCallback(func(v int) (int, error) { return v * 2, nil }) },
			run:       func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, want: "8"},
		{name: "D110 the canceller gives another error",
			canceller: func(d deferred.Deferred[int]) { d.Errback(errBoom) },
			run:       func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, want: "boom"},
		{name: "D110 an errback before gives another error",
			before: func(d deferred.Deferred[int]) { d.AddErrback(boom) },
			run:    func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, want: "boom"},
		{name: "D112 cancelled by hand", run: func(d deferred.Deferred[int], c *fakeClock) { d.Cancel(); c.advance(5) }, want: "cancelled"},
		{name: "D117 the late result is ignored", run: func(d deferred.Deferred[int], c *fakeClock) { c.advance(2); d.Callback(1) }, want: "timeout"},
		{name: "D118 zero is not at once",
			before: func(d deferred.Deferred[int]) { d.AddTimeout(new(fakeClock), 0) },
			run:    func(d deferred.Deferred[int], c *fakeClock) { d.Callback(1) }, want: "1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock := new(fakeClock)
			d := deferred.New[int]()
			if row.canceller != nil {
				d = deferred.New(row.canceller)
			}
			if row.before != nil {
				row.before(d)
			}
			if got := d.AddTimeout(clock, seconds(2)); got != d { // D102
				t.Error("another Deferred")
			}
			row.run(d, clock)
			wantOutcome(t, d, row.want)
			if len(clock.timers) != 0 {
				t.Errorf("%d timers left", len(clock.timers))
			}
		})
	}
}

// wantOutcome wants a value, or the name of a failure, which it takes away.
func wantOutcome(t *testing.T, d deferred.Deferred[int], want string) {
	t.Helper()
	names := map[string]error{"timeout": context.DeadlineExceeded, "cancelled": deferred.ErrCancelled, "boom": errBoom}
	if target, ok := names[want]; ok {
		wantFailure(t, d, target)
		return
	}
	v, err, ok := d.Result()
	if text, _ := strconvItoa(v); !ok || err != nil || text != want {
		t.Errorf("got %v, %v, %v; want %s", v, err, ok, want)
	}
}

func TestD103_WhatTheTimeoutCovers(t *testing.T) {
	clock, before, after := new(fakeClock), deferred.New[int](), deferred.New[int]()
	d := deferred.ThenDeferred(deferred.Succeed(1), func(int) deferred.Deferred[int] { return before })
	d.AddTimeout(clock, seconds(2))
	e := deferred.ThenDeferred(d, func(int) deferred.Deferred[int] { return after })
	before.Callback(1)
	clock.advance(5)
	if after.Called() || !e.Waiting() {
		t.Error("a wait behind the timeout was cancelled")
	}

	inner := deferred.New[int]()
	d = deferred.ThenDeferred(deferred.Succeed(1), func(int) deferred.Deferred[int] { return inner }).AddTimeout(clock, seconds(2))
	clock.advance(2)
	wantResult(t, inner, 0)
	wantFailure(t, d, context.DeadlineExceeded)
}

func TestD106_AlreadyFired(t *testing.T) {
	clock := new(fakeClock)
	wantResult(t, deferred.Succeed(1).AddTimeout(clock, seconds(1)), 1)
	if len(clock.timers) != 0 {
		t.Error("a timer is left")
	}
}

func TestD113toD116_OwnTranslation(t *testing.T) {
	for _, row := range []struct {
		name      string
		canceller func(deferred.Deferred[int])
		translate func(int, error) (int, error)
		run       func(deferred.Deferred[int], *fakeClock)
		seen      []string
		want      string
	}{
		{"D113 timed out", nil, func(int, error) (int, error) { return 7, nil },
			func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, []string{"0 deferred: cancelled 2s"}, "7"},
		{"D114 finished", nil, nil, func(d deferred.Deferred[int], c *fakeClock) { d.Callback(3); c.advance(2) }, nil, "3"},
		{"D114 failed", nil, nil, func(d deferred.Deferred[int], c *fakeClock) { d.Errback(errBoom) }, nil, "boom"},
		{"D114 cancelled", nil, nil, func(d deferred.Deferred[int], c *fakeClock) { d.Cancel() }, nil, "cancelled"},
		{"D115 the canceller gave a value", func(d deferred.Deferred[int]) { d.Callback(5) }, func(v int, err error) (int, error) { return v + 1, err },
			func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, []string{"5 <nil> 2s"}, "6"},
		{"D116 fails", nil, func(int, error) (int, error) { panic(errBoom) },
			func(d deferred.Deferred[int], c *fakeClock) { c.advance(2) }, []string{"0 deferred: cancelled 2s"}, "boom"},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock, tr := new(fakeClock), newTrace(t)
			d := deferred.New[int]()
			if row.canceller != nil {
				d = deferred.New(row.canceller)
			}
			d.AddTimeoutFunc(clock, seconds(2), func(v int, err error, after duration) (int, error) {
				tr.add("%v %v %v", v, err, after)
				return row.translate(v, err)
			})
			row.run(d, clock)
			tr.want(row.seen...)
			wantOutcome(t, d, row.want)
			if len(clock.timers) != 0 {
				t.Error("a timer is left")
			}
		})
	}
}

func TestD119_TwoTimeouts(t *testing.T) {
	for _, order := range [][]int{{1, 2}, {2, 1}} {
		clock, d := new(fakeClock), deferred.New[int]()
		for _, n := range order {
			d.AddTimeout(clock, seconds(n))
		}
		clock.advance(1)
		wantFailure(t, d, context.DeadlineExceeded)
		if len(clock.timers) != 0 {
			t.Errorf("%v: %d timers left", order, len(clock.timers))
		}
	}
}

// A timeout of a Gather cancels the members; the cancellation of a member is
// not the timeout of the whole (D110, D206).
func TestD110_TimeoutOfAGather(t *testing.T) {
	clock := new(fakeClock)
	members := []deferred.Deferred[int]{deferred.New[int](), deferred.New[int]()}
	d := deferred.Gather(members, deferred.ConsumeErrors).AddTimeout(clock, seconds(1))
	clock.advance(1)
	_, err, _ := d.Result()
	if _, ok := errors.AsType[*deferred.FirstError](err); !ok || !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	d.AddErrback(handled[[]int])
}

func TestD110_WordsAroundTheCancellation(t *testing.T) {
	clock := new(fakeClock)
	d := deferred.New[int]().AddErrback(func(err error) (int, error) { return 0, &wrapped{err} }).AddTimeout(clock, seconds(1))
	clock.advance(1)
	wantFailure(t, d, context.DeadlineExceeded)
}

type wrapped struct{ err error }

func (w *wrapped) Error() string { return "wrapped: " + w.err.Error() }
func (w *wrapped) Unwrap() error { return w.err }

// wantErrorPanic fails the test unless f panics with an error that says text.
func wantErrorPanic(t *testing.T, text string, f func()) {
	t.Helper()
	if err, ok := panicOf(f).(error); !ok || !strings.Contains(err.Error(), text) {
		t.Errorf("got panic %v, want %s", err, text)
	}
}

func TestF62_NilClock(t *testing.T) {
	d := deferred.New[int]()
	l := deferred.NewFilesystemLock(filepath.Join(t.TempDir(), "lock"), nil)
	for name, f := range map[string]func(){
		"AddTimeout": func() { d.AddTimeout(nil, 1) },
		"AddTimeoutFunc": func() {
			d.AddTimeoutFunc(nil, 1, func(v int, err error, _ duration) (int, error) { return v, err })
		},
		"DeferUntilLocked": func() { l.DeferUntilLocked(0) },
	} {
		t.Run(name, func(t *testing.T) { wantErrorPanic(t, "deferred: nil clock", f) })
	}
	d.Callback(1)
	wantResult(t, d, 1)
	if l.Locked() {
		t.Error("locked")
	}
}

// What refuses to add a callback starts no timer, and ties nothing to a
// context.
func TestF62D100D317_RefusedWithoutATimer(t *testing.T) {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	defer deferred.BindOwner().Release()
	clock, lp, d := new(fakeClock), newLoop(), deferred.New[int]()
	ctx, cancel := context.WithCancel(t.Context())
	for name, f := range map[string]func(){
		"timeout": func() { d.AddTimeout(clock, seconds(1)) },
		"context": func() { d.AddContext(ctx, lp) },
	} {
		err, _ := elsewhere(f).(error)
		if _, ok := errors.AsType[*deferred.GoroutineError](err); !ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stale := deferred.New[int]()
	deferred.Then(stale, func(int) (string, error) { return "", nil })
	for name, f := range map[string]func(){
		"timeout": func() { stale.AddTimeout(clock, seconds(1)) },
		"context": func() { stale.AddContext(ctx, lp) },
	} {
		if _, ok := panicOf(f).(*deferred.ViewError); !ok {
			t.Errorf("%s of a stale view: no ViewError", name)
		}
	}
	wantTimers(t, clock, 0)
	deferred.New[int]().AddErrback(handled[int]).AddContext(ctx, lp) // posts after the others would have
	cancel()
	lp.turn(t)
	if d.Called() || stale.Called() {
		t.Error("cancelled")
	}
}
