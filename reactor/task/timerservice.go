package task

import (
	"log/slog"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// TimerService is a service that runs a LoopingCall while it is started.
type TimerService struct {
	every time.Duration
	loop  *LoopingCall

	// Logger logs the error that ends the loop; nil means slog.Default().
	Logger *slog.Logger

	over deferred.Deferred[struct{}] // fires at the end of the run; zero before the first
}

// NewTimerService returns a service that is not started. The loop must not be
// started by others while the service uses it.
func NewTimerService(every time.Duration, loop *LoopingCall) *TimerService {
	arg.NotNil("task: NewTimerService", "loop", loop)
	return &TimerService{every: every, loop: loop}
}

// StartService starts the loop. The first call is made before StartService
// returns. An error of a call is logged and ends the loop. StartService panics
// with ErrLoopRunning if the loop is running.
func (s *TimerService) StartService() {
	over := deferred.New[struct{}]()
	loop := s.loop.Start(s.every, true)
	s.over = over
	loop.OnError(func(err error) {
		s.logger().Error("task: the loop of a timer service has failed", "err", err)
	})
	loop.Finally(func() { over.Callback(struct{}{}) })
}

// StopService stops the loop. It returns a Deferred that fires when no call is
// in progress; each call of StopService makes a new one.
func (s *TimerService) StopService() deferred.Deferred[struct{}] {
	if s.over == (deferred.Deferred[struct{}]{}) {
		return deferred.Succeed(struct{}{}) // never started
	}
	if s.loop.Running() {
		s.loop.Stop()
	}
	stopped := deferred.New[struct{}]()
	s.over.OnValue(func(v deferred.Void) {
		_ = stopped.TryCallback(v) // an error means that the caller has cancelled it
	})
	return stopped
}

func (s *TimerService) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}
