package endpoints

import (
	"errors"
	"log/slog"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/service"
)

// ServerService is a service that listens on an endpoint while it is started.
// All methods must be called on the loop.
type ServerService struct {
	service.BaseService
	endpoint StreamServerEndpoint
	f        reactor.Factory

	// Logger receives a failure to listen; nil means slog's default.
	Logger *slog.Logger

	waiting deferred.Deferred[reactor.ListeningPort] // zero unless started
	port    reactor.ListeningPort
	report  func(err error) // receives a failure of waiting
	err     error           // StartService returns it
}

// NewServerService returns a service that is not started yet. It makes its
// protocols with f.
func NewServerService(e StreamServerEndpoint, f reactor.Factory) *ServerService {
	return &ServerService{endpoint: e, f: f}
}

// listen begins to listen. A failure is passed to report and leaves the service
// stopped.
func (s *ServerService) listen(report func(err error)) {
	s.report, s.err = report, nil
	waiting := calling(func() deferred.Deferred[reactor.ListeningPort] { return s.endpoint.Listen(s.f) })
	s.waiting = waiting
	deferred.ThenBoth(waiting, func(port reactor.ListeningPort, err error) (none struct{}, _ error) {
		current := s.waiting == waiting
		switch {
		case err == nil && current:
			s.port = port
		case err == nil:
			port.StopListening() // StopService was called before
		case current:
			s.waiting = deferred.Deferred[reactor.ListeningPort]{}
			s.report(err)
		case !errors.Is(err, deferred.ErrCancelled): // StopService cancels
			s.log(err)
		}
		return none, nil
	})
}

func (s *ServerService) log(err error) { s.logger().Error("endpoints: listening failed", "err", err) }

// PrivilegedStartService begins to listen before the program gives up its
// privileges; StartService follows. It returns the errors of StartService.
func (s *ServerService) PrivilegedStartService() error {
	if s.waiting == (deferred.Deferred[reactor.ListeningPort]{}) {
		s.listen(func(err error) { s.err = err })
	}
	s.report = s.log
	return s.err
}

// StartService begins to listen, unless the service is started. It returns the
// error if listening fails at once, a *reactor.CannotListenError for the
// endpoints of this package. A later failure is logged. After a failure,
// StartService tries again.
func (s *ServerService) StartService() error {
	if err := s.PrivilegedStartService(); err != nil {
		return err
	}
	return s.BaseService.StartService()
}

// StopService closes the port, or cancels a Listen in progress. The Deferred
// is that of StopListening, or has fired already if there is no port.
func (s *ServerService) StopService() deferred.Deferred[struct{}] {
	s.BaseService.StopService()
	waiting, port := s.waiting, s.port
	s.waiting, s.port, s.err = deferred.Deferred[reactor.ListeningPort]{}, nil, nil
	if waiting != (deferred.Deferred[reactor.ListeningPort]{}) {
		waiting.Cancel() // does nothing if Listen has returned a port
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
