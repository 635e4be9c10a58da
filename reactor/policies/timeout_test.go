package policies_test

import (
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR464_Timeout(t *testing.T) {
	clock := reactortest.NewClock()
	f := policies.NewTimeoutFactory(clock, new(factory), 10*time.Second)
	for name, active := range map[string]func(l *link, p *recorder){
		"nothing":       func(*link, *recorder) {},
		"received":      func(l *link, _ *recorder) { l.w.DataReceived([]byte("x")) },
		"Write":         func(_ *link, p *recorder) { p.Transport().Write([]byte("x")) },
		"WriteSequence": func(_ *link, p *recorder) { p.Transport().WriteSequence([][]byte{[]byte("x")}) },
	} {
		l := connect(t, f, nil)
		p := l.inner().(*recorder)
		clock.Advance(9 * time.Second)
		active(l, p)
		clock.Advance(9 * time.Second)
		if ended := l.Disconnecting(); ended != (name == "nothing") {
			t.Errorf("%s: closed %v", name, ended)
		}
		clock.Advance(time.Second)
		if !l.Disconnecting() || p.reason != reactor.ErrConnectionDone {
			t.Errorf("%s: not closed: %v", name, p.reason)
		}
		if calls := clock.GetDelayedCalls(); len(calls) > 0 {
			t.Errorf("%s: %d timers are left", name, len(calls))
		}
	}
}

func TestR464_Default(t *testing.T) {
	clock := reactortest.NewClock()
	l := connect(t, policies.NewTimeoutFactory(clock, new(factory), 0), nil)
	clock.Advance(30*time.Minute - 1)
	if l.Disconnecting() {
		t.Error("closed too early")
	}
	clock.Advance(1)
	if !l.Disconnecting() {
		t.Error("not closed")
	}
	l = connect(t, policies.NewTimeoutFactory(clock, new(factory), -1), nil)
	if calls := clock.GetDelayedCalls(); len(calls) > 0 || l.Disconnecting() {
		t.Error("a timeout without a period")
	}
}

func TestR464_ChangeAndCancel(t *testing.T) {
	clock := reactortest.NewClock()
	l := connect(t, policies.NewTimeoutFactory(clock, new(factory), 10*time.Second), nil)
	w := l.inner().(*recorder).Transport().(*policies.TimeoutProtocol)
	w.SetTimeout(time.Minute)
	clock.Advance(59 * time.Second)
	w.SetTimeout(20 * time.Second)
	clock.Advance(19 * time.Second)
	w.CancelTimeout()
	w.CancelTimeout()
	w.ResetTimeout()
	clock.Advance(time.Hour)
	w.SetTimeout(5 * time.Second)
	for _, c := range clock.GetDelayedCalls() { // others may cancel it
		_ = c.Cancel()
	}
	w.ResetTimeout()
	w.CancelTimeout()
	w.SetTimeout(5 * time.Second)
	if l.Disconnecting() {
		t.Error("closed too early")
	}
	clock.Advance(5 * time.Second)
	if !l.Disconnecting() {
		t.Error("not closed")
	}
	w.CancelTimeout()
	w.ResetTimeout()
	w.SetTimeout(0)
	if calls := clock.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("%d timers are left", len(calls))
	}
}

// A connection whose peer does not take the data that is left is aborted.
func TestR464_AbortAfterAnotherPeriod(t *testing.T) {
	clock := reactortest.NewClock()
	l := connect(t, policies.NewTimeoutFactory(clock, new(factory), 10*time.Second), nil)
	p := l.inner().(*recorder)
	l.OnLose = nil // the connection waits
	clock.Advance(10 * time.Second)
	if !l.Disconnecting() || l.Disconnected() {
		t.Errorf("disconnecting %v, disconnected %v", l.Disconnecting(), l.Disconnected())
	}
	l.OnLose = func(reason error) { reactor.EndConnection(l.w, reason) }
	clock.Advance(10 * time.Second)
	if !l.Disconnected() || len(clock.GetDelayedCalls()) > 0 {
		t.Error("not aborted")
	}
	p.events.want(t, "made", "lost")
}

// patient is a wrapper of a program with another TimeoutFunc.
type patient struct {
	policies.TimeoutProtocol
	calls int
}

func (p *patient) TimeoutFunc() {
	if p.calls++; p.calls < 3 {
		p.SetTimeout(time.Second)
	}
}

func TestR464_TimeoutFunc(t *testing.T) {
	clock := reactortest.NewClock()
	f := policies.NewWrappingFactory(new(factory), func() policies.Wrapper {
		return &patient{TimeoutProtocol: policies.TimeoutProtocol{Clock: clock, Period: 5 * time.Second}}
	})
	l := connect(t, f, nil)
	clock.Advance(5 * time.Second)
	clock.Pump(time.Second, time.Second, time.Hour)
	if p := l.w.(*patient); p.calls != 3 || l.Disconnecting() {
		t.Errorf("%d calls", p.calls)
	}
}
