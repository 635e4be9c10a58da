package service_test

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/service"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestR426_TimerService(t *testing.T) {
	n := times{clock: reactortest.NewClock()}
	var pending deferred.Deferred[none]
	s := service.NewTimerService(second, task.NewLoopingCallDeferred(n.clock, func() deferred.Deferred[none] {
		n.note()
		return pending
	}))
	deferredtest.SuccessResultOf(t, s.StopService())
	log := reactortest.NewLog(t)
	s.Logger = log.Logger()
	mustStart(t, s)
	n.clock.Advance(second)
	n.want(t, "0s", "1s")
	pending = deferred.New[none]()
	n.clock.Advance(second)
	stopped := s.StopService()
	deferredtest.AssertNoResult(t, stopped)
	pending.Callback(none{})
	deferredtest.SuccessResultOf(t, stopped)
	wantNoCalls(t, n.clock)

	pending = deferred.Fail[none](errTest)
	mustStart(t, s)
	if len(log.Take("timer service has failed")) != 1 {
		t.Errorf("logged %v", log.Records())
	}
	deferredtest.SuccessResultOf(t, s.StopService())
}

// What one caller of StopService does to its Deferred does not concern another.
func TestR426_EachCallerOfStopServiceHasItsOwnDeferred(t *testing.T) {
	n := times{clock: reactortest.NewClock()}
	pending := deferred.New[none]()
	s := service.NewTimerService(second, task.NewLoopingCallDeferred(n.clock, func() deferred.Deferred[none] { return pending }))
	mustStart(t, s)
	one, two, three := s.StopService(), s.StopService(), s.StopService()
	text := deferred.Then(one, func(none) (string, error) { return "", errTest })
	three.Cancel()
	deferredtest.FailureResultOf(t, three, deferred.ErrCancelled)
	deferredtest.AssertNoResult(t, two)
	pending.Callback(none{})
	deferredtest.FailureResultOf(t, text, errTest)
	deferredtest.SuccessResultOf(t, two)
	deferredtest.SuccessResultOf(t, s.StopService())
}

// A second start is refused and changes nothing.
func TestR426_StartTwice(t *testing.T) {
	clock := reactortest.NewClock()
	s := service.NewTimerService(second, task.NewLoopingCall(clock, func() error { return nil }))
	mustStart(t, s)
	if err := s.StartService(); !errors.Is(err, task.ErrLoopRunning) || !s.Running() {
		t.Errorf("%v, running %v", err, s.Running())
	}
	if !s.StopService().Called() || s.Running() {
		t.Error("the loop has stopped, and the Deferred has not fired")
	}
}

// A call that is cancelled because its program stops is nothing to report.
func TestR426_CancelledWhileStopping(t *testing.T) {
	clock := reactortest.NewClock()
	pending := deferred.New[none]()
	s := service.NewTimerService(second, task.NewLoopingCallDeferred(clock, func() deferred.Deferred[none] { return pending }))
	log := reactortest.NewLog(t)
	s.Logger = log.Logger()
	mustStart(t, s)
	stopped := s.StopService()
	pending.Cancel()
	deferredtest.SuccessResultOf(t, stopped)
	if records := log.Records(); len(records) > 0 {
		t.Errorf("logged %v", records)
	}
}
