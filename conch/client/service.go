package client

import (
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/service"
)

// Service keeps an SSH connection open while it is started. After a failed
// attempt or a lost connection, it waits and connects again. It retries after
// every kind of failure, refused logins included; it logs the first failure in a
// row as a warning, and the connection that ends the row. Set Options.BatchMode
// if the user must not be asked by each attempt. All methods belong to the loop.
type Service[C conch.Connection] struct {
	service.BaseService
	r       *reactor.Reactor
	links   *endpoints.ClientService
	trigger *reactor.Trigger // stops the service at the end of the reactor
}

// NewService returns a service that is not started. For each attempt it connects
// to target, which it copies, with a new connection of newConnection. retry
// returns the time to wait after the n-th failure in a row, counted from 1; a
// lost connection counts as the first one. nil means endpoints.BackoffPolicy with
// its defaults.
func NewService[C conch.Connection](r *reactor.Reactor, target *Target, newConnection func() C, retry func(failures int) time.Duration) *Service[C] {
	to := *target
	e := &linkEndpoint{connect: func() deferred.Deferred[reactor.Protocol] {
		conn := newConnection()
		return deferred.Then(to.Connect(r, conn), func(struct{}) (reactor.Protocol, error) { return newLink(conn), nil })
	}}
	return &Service[C]{r: r, links: endpoints.NewClientService(e, nil, endpoints.ClientServiceOptions{Clock: r, RetryPolicy: retry, Logger: r.Logger()})}
}

// StartService begins to connect. On a service that is started it logs a warning
// and does nothing. The service stops when the reactor stops. The error is
// always nil.
func (s *Service[C]) StartService() error {
	if s.trigger == nil {
		s.trigger = s.r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
			s.trigger = nil
			s.links.StopService()
		})
	}
	_ = s.links.StartService() // is always nil
	return s.BaseService.StartService()
}

// StopService ends the attempt in progress, or closes the connection. The
// Deferred fires when that is done; cancelling it aborts the connection. Pending
// Deferreds of WhenConnected fail with deferred.ErrCancelled.
func (s *Service[C]) StopService() deferred.Deferred[struct{}] {
	s.BaseService.StopService()
	if s.trigger != nil {
		_ = s.r.RemoveSystemEventTrigger(s.trigger) // it was not called
		s.trigger = nil
	}
	return s.links.StopService()
}

// WhenConnected returns a Deferred that fires with the connection: at once if
// there is one, otherwise with the next one. If failAfter is positive, the
// Deferred fails with the error of the last attempt after that many further
// failures. It fails with deferred.ErrCancelled when the service is stopped, at
// once if it is stopped already.
func (s *Service[C]) WhenConnected(failAfter int) deferred.Deferred[C] {
	return deferred.Then(s.links.WhenConnected(failAfter), func(p reactor.Protocol) (C, error) {
		return p.(*link).conn.(C), nil
	})
}

// linkEndpoint makes SSH connections look like connections of an endpoint, for
// endpoints.ClientService.
type linkEndpoint struct {
	endpoints.StreamClientEndpoint // nil: only Connect is called
	connect                        func() deferred.Deferred[reactor.Protocol]
}

// Connect ignores the factory.
func (e *linkEndpoint) Connect(reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return e.connect()
}

// link is the protocol of one SSH connection. It only says when the connection
// ends.
type link struct {
	reactor.BaseProtocol
	conn conch.Connection
}

// newLink connects a link. It ends with the SSH connection.
func newLink(conn conch.Connection) *link {
	l := &link{conn: conn}
	t := conn.Transport()
	reactor.MakeConnection(l, linkTransport{t: t})
	t.WhenClosed().OnResult(func(deferred.Void, error) { reactor.EndConnection(l, t.Lost()) })
	return l
}

// linkTransport closes the SSH connection. Nothing calls its other methods.
type linkTransport struct {
	reactor.Transport
	t *conch.SSHTransport
}

// LoseConnection closes the connection.
func (t linkTransport) LoseConnection() { t.t.LoseConnection() }

// AbortConnection closes the connection at once.
func (t linkTransport) AbortConnection() { t.t.AbortConnection() }
