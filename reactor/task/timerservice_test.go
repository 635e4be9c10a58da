package task_test

import (
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestR426_TimerService(t *testing.T) {
	n := times{clock: reactortest.NewClock()}
	var pending deferred.Deferred[none]
	s := task.NewTimerService(second, task.NewLoopingCallDeferred(n.clock, func() deferred.Deferred[none] {
		n.note()
		return pending
	}))
	deferredtest.SuccessResultOf(t, s.StopService())
	log := reactortest.NewLog(t)
	s.Logger = log.Logger()
	s.StartService()
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
	s.StartService()
	if len(log.Take("timer service has failed")) != 1 {
		t.Errorf("logged %v", log.Records())
	}
	deferredtest.SuccessResultOf(t, s.StopService())
}
