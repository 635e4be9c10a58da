package task

import (
	"log/slog"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// TimerService runs a LoopingCall while it is started (R426).
type TimerService struct {
	every time.Duration
	loop  *LoopingCall

	// Logger gets the failure that ends the loop; nil means slog's default.
	Logger *slog.Logger

	stop deferred.Deferred[struct{}] // what StopService has returned
}

// NewTimerService returns a service that has not been started.
func NewTimerService(every time.Duration, loop *LoopingCall) *TimerService {
	return &TimerService{every: every, loop: loop}
}

// StartService starts the loop; the first call is made at once. A failing call is logged, and ends the loop. It panics with ErrLoopRunning if the
// loop runs.
func (s *TimerService) StartService() {
	stop := deferred.New[struct{}]()
	loop := s.loop.Start(s.every, true)
	s.stop = stop
	loop.AddBoth(func(l *LoopingCall, err error) (*LoopingCall, error) {
		if err != nil {
			s.logger().Error("task: the loop of a timer service has failed", "err", err)
		}
		stop.Callback(struct{}{})
		return l, nil
	})
}

// StopService stops the loop. The Deferred fires when the present call is over.
func (s *TimerService) StopService() deferred.Deferred[struct{}] {
	if s.stop == (deferred.Deferred[struct{}]{}) {
		return deferred.Succeed(struct{}{}) // never started
	}
	if s.loop.Running() {
		s.loop.Stop()
	}
	return s.stop
}

func (s *TimerService) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}
