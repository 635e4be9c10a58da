package service

import (
	"errors"
	"log/slog"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/internal/arg"
	"github.com/hawser-go/hawser/reactor/task"
)

// TimerService is a service that runs a LoopingCall while it is started.
type TimerService struct {
	BaseService
	every time.Duration
	loop  *task.LoopingCall

	// Logger logs the error that ends the loop; nil means slog.Default().
	Logger *slog.Logger

	run *ending // the run of the loop; nil before the first
}

// NewTimerService returns a service that is not started. The loop must not be
// started by others while the service uses it.
func NewTimerService(every time.Duration, loop *task.LoopingCall) *TimerService {
	arg.NotNil("service: NewTimerService", "loop", loop)
	return &TimerService{every: every, loop: loop}
}

// StartService starts the loop. The first call is made before StartService
// returns. An error of a call is logged and ends the loop, but not the service;
// deferred.ErrCancelled is not logged while the service is stopping.
// StartService returns task.ErrLoopRunning if the loop is running.
func (s *TimerService) StartService() error {
	if s.loop.Running() {
		return task.ErrLoopRunning
	}
	err := s.BaseService.StartService()
	s.run = &ending{patient: true} // a call in progress cannot be ended
	s.run.begin(s.loopUntilStopped, func(error) error { return nil })
	return err
}

// loopUntilStopped runs the loop. The Deferred fires when the loop has ended.
func (s *TimerService) loopUntilStopped() deferred.Deferred[struct{}] {
	return deferred.ThenBoth(s.loop.Start(s.every, true), func(_ *task.LoopingCall, err error) (none struct{}, _ error) {
		stopped := !s.Running() && errors.Is(err, deferred.ErrCancelled) // what the call waited for was stopped, too
		if err != nil && !stopped {
			s.logger().Error("service: the loop of a timer service has failed", "err", err)
		}
		return none, nil
	})
}

// StopService stops the loop. It returns a Deferred that fires when no call is
// in progress; each call of StopService makes a new one.
func (s *TimerService) StopService() deferred.Deferred[struct{}] {
	s.BaseService.StopService()
	if s.loop.Running() {
		s.loop.Stop()
	}
	return s.run.wait()
}

func (s *TimerService) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}
