package endpoints

import (
	"errors"
	"log/slog"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ServerService listens on an endpoint while it is started (R425).
type ServerService struct {
	endpoint StreamServerEndpoint
	f        reactor.Factory

	// Logger gets the failure of listening; nil means slog's default.
	Logger *slog.Logger

	waiting deferred.Deferred[reactor.ListeningPort] // the zero Deferred when not started
	port    reactor.ListeningPort
	report  func(err error) // gets a failure
	err     error           // what StartService is to return
}

// NewServerService returns a service that has not been started. Its protocols are made with f.
func NewServerService(e StreamServerEndpoint, f reactor.Factory) *ServerService {
	return &ServerService{endpoint: e, f: f}
}

// PrivilegedStartService begins to listen. A program that gives up privileges calls it before, and StartService after.
func (s *ServerService) PrivilegedStartService() {
	if s.waiting == (deferred.Deferred[reactor.ListeningPort]{}) {
		s.listen(s.log)
	}
}

// listen begins to listen; report gets a failure.
func (s *ServerService) listen(report func(err error)) {
	s.report, s.err = report, nil
	waiting := s.endpoint.Listen(s.f)
	s.waiting = waiting
	deferred.ThenBoth(waiting, func(port reactor.ListeningPort, err error) (none struct{}, _ error) {
		switch {
		case err == nil && s.waiting != waiting:
			port.StopListening() // the service was stopped
		case err == nil:
			s.port = port
		case !errors.Is(err, deferred.ErrCancelled):
			s.report(err)
		}
		return none, nil
	})
}

func (s *ServerService) log(err error) { s.logger().Error("endpoints: listening failed", "err", err) }

// StartService begins to listen, unless PrivilegedStartService has. It returns the failure if that is known at once; a later one is logged.
func (s *ServerService) StartService() error {
	if s.waiting == (deferred.Deferred[reactor.ListeningPort]{}) {
		s.listen(func(err error) { s.err = err })
	}
	s.report = s.log
	return s.err
}

// StopService stops listening, or cancels a Listen that has not been answered; the Deferred fires when that is over.
func (s *ServerService) StopService() deferred.Deferred[struct{}] {
	waiting, port := s.waiting, s.port
	s.waiting, s.port = deferred.Deferred[reactor.ListeningPort]{}, nil
	if waiting != (deferred.Deferred[reactor.ListeningPort]{}) {
		waiting.Cancel() // nothing happens if it has been answered
	}
	if port == nil {
		return deferred.Succeed(struct{}{})
	}
	return port.StopListening()
}

func (s *ServerService) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}
