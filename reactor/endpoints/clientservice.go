package endpoints

import (
	"log/slog"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ClientServiceOptions configures a ClientService. The zero value works but for the Clock.
type ClientServiceOptions struct {
	Clock reactor.Clock // measures the waiting between attempts

	// RetryPolicy returns how long to wait after the n-th failure in a row, a lost connection counting as one; nil means
	// BackoffPolicy with its defaults (R406).
	// A negative time means none.
	RetryPolicy func(failures int) time.Duration

	// PrepareConnection, if not nil, is called with each new protocol before anybody else gets it. Its Deferred, unless it is the zero one, is waited
	// for; a failure closes the connection and counts as a failed attempt (R419 to R421).
	PrepareConnection func(p reactor.Protocol) deferred.Deferred[struct{}]

	Logger *slog.Logger // nil means slog's default
}

// ClientService keeps a connection to an endpoint while it is started: after a failed attempt, and after the loss of the connection, it waits
// and tries again.
type ClientService struct {
	endpoint StreamClientEndpoint
	f        reactor.Factory
	opts     ClientServiceOptions
	state    serviceState
	failures int // in a row
	waiters  []*connectionWaiter
	stops    []deferred.Deferred[struct{}]
	protocol reactor.Protocol                    // when connected, preparing or disconnecting
	attempt  deferred.Deferred[reactor.Protocol] // when connecting
	prepare  deferred.Deferred[struct{}]         // when preparing; the zero Deferred while that begins
	retry    *reactor.DelayedCall                // when waiting
	restart  bool                                // when disconnecting: StartService was called
}

type serviceState uint8

const (
	serviceNew           serviceState = iota // never started
	serviceConnecting                        // an attempt is in progress
	servicePreparing                         // there is a connection, not yet for others
	serviceConnected                         //
	serviceWaiting                           // for the next attempt
	serviceDisconnecting                     // stopped; the connection is being closed
	serviceStopped                           //
)

// connectionWaiter is somebody who waits for a connection.
type connectionWaiter struct {
	d    deferred.Deferred[reactor.Protocol]
	left int // failures until it gives up; 0 means never
}

// NewClientService returns a service that has not been started. Its protocols are made with f.
func NewClientService(e StreamClientEndpoint, f reactor.Factory, opts ClientServiceOptions) *ClientService {
	if opts.RetryPolicy == nil {
		opts.RetryPolicy = BackoffPolicy(Backoff{})
	}
	return &ClientService{endpoint: e, f: f, opts: opts}
}

// StartService begins to connect (R405). While the service is stopping, it connects when that is over (R417). On one that runs it only logs a
// complaint.
func (s *ClientService) StartService() {
	switch s.state {
	case serviceNew, serviceStopped:
		s.connect()
	case serviceDisconnecting:
		s.restart = true
	default:
		s.logger().Warn("endpoints: the client service runs already")
	}
}

// StopService ends the attempts, or closes the connection; the Deferred fires when that is over (R413 to R416). Those who wait for a connection
// get deferred.ErrCancelled (R411).
func (s *ClientService) StopService() deferred.Deferred[struct{}] {
	if s.state == serviceNew || s.state == serviceStopped {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New[struct{}]()
	s.stops = append(s.stops, d)
	s.restart = false
	before := s.state
	s.state = serviceDisconnecting
	s.giveUp()
	switch before {
	case serviceConnecting:
		if s.attempt != (deferred.Deferred[reactor.Protocol]{}) { // else connect sees to it
			s.attempt.Cancel() // comes to connectFailed
		}
	case servicePreparing:
		p := s.protocol
		s.cancelPreparation()
		p.Transport().LoseConnection()
	case serviceConnected:
		s.protocol.Transport().LoseConnection()
	case serviceWaiting:
		_ = s.retry.Cancel() // it is pending
		s.stopped()
	}
	return d
}

// WhenConnected returns a Deferred that fires with the protocol: at once when connected, else with the next connection (R409). If failAfter
// is greater than 0 it fails, with the error of the last attempt, after so many failed attempts from now (R410). On a stopped service it
// fails at once with deferred.ErrCancelled.
func (s *ClientService) WhenConnected(failAfter int) deferred.Deferred[reactor.Protocol] {
	switch s.state {
	case serviceConnected:
		return deferred.Succeed(s.protocol)
	case serviceStopped:
		return deferred.Fail[reactor.Protocol](deferred.ErrCancelled)
	}
	w := &connectionWaiter{left: failAfter}
	w.d = deferred.New(func(deferred.Deferred[reactor.Protocol]) {
		s.waiters = slices.DeleteFunc(s.waiters, func(other *connectionWaiter) bool { return other == w })
	})
	s.waiters = append(s.waiters, w)
	return w.d
}

// connect begins an attempt.
func (s *ClientService) connect() {
	s.state = serviceConnecting
	s.attempt = deferred.Deferred[reactor.Protocol]{}
	attempt := deferred.MaybeDeferred(func() deferred.Deferred[reactor.Protocol] { return s.endpoint.Connect(s.f) })
	s.attempt = attempt
	deferred.ThenBoth(attempt, func(p reactor.Protocol, err error) (none struct{}, _ error) {
		if err != nil {
			s.connectFailed(err)
		} else {
			s.connected(p)
		}
		return none, nil
	})
	if s.state == serviceDisconnecting {
		attempt.Cancel() // stopped while it began
	}
}

func (s *ClientService) connectFailed(err error) {
	if s.state == serviceDisconnecting {
		s.stopped()
		return
	}
	s.failed(err)
}

// connected is told of a new connection.
func (s *ClientService) connected(p reactor.Protocol) {
	if !p.Connected() {
		s.connectFailed(reactor.ErrConnectionLost) // it was lost before it came here
		return
	}
	s.protocol = p
	reactor.OnConnectionLost(p, s.lost)
	if s.state == serviceDisconnecting {
		p.Transport().LoseConnection() // stopped in the last moment
		return
	}
	if s.opts.PrepareConnection == nil {
		s.ready()
		return
	}
	s.beginPreparation(p)
}

func (s *ClientService) beginPreparation(p reactor.Protocol) {
	s.state = servicePreparing
	s.prepare = deferred.Deferred[struct{}]{}
	d := deferred.MaybeDeferred(func() deferred.Deferred[struct{}] { return s.opts.PrepareConnection(p) })
	if d == (deferred.Deferred[struct{}]{}) {
		d = deferred.Succeed(struct{}{})
	}
	deferred.ThenBoth(d, func(_ struct{}, err error) (none struct{}, _ error) {
		s.prepared(p, err)
		return none, nil
	})
	if s.state == servicePreparing && s.protocol == p {
		s.prepare = d
		return
	}
	d.Cancel() // stopped or lost meanwhile, unless it was over at once
}

// cancelPreparation ends a preparation; what becomes of it is of no interest (R422).
func (s *ClientService) cancelPreparation() {
	d := s.prepare
	s.prepare = deferred.Deferred[struct{}]{}
	if d != (deferred.Deferred[struct{}]{}) {
		d.Cancel() // comes to prepared
	}
}

// prepared is told of the end of a preparation.
func (s *ClientService) prepared(p reactor.Protocol, err error) {
	switch {
	case s.state != servicePreparing || s.protocol != p:
	case err == nil:
		s.ready()
	default:
		s.protocol = nil
		p.Transport().LoseConnection()
		s.failed(err)
	}
}

// ready hands the connection out.
func (s *ClientService) ready() {
	s.state, s.failures = serviceConnected, 0
	waiters := s.waiters
	s.waiters = nil
	for _, w := range waiters {
		_ = w.d.TryCallback(s.protocol) // its owner may have cancelled it
	}
}

// lost is told of the end of a connection.
func (s *ClientService) lost(reason error) {
	state := s.state
	if s.protocol == nil {
		return // it was given up after its preparation failed
	}
	s.protocol = nil
	switch state {
	case serviceDisconnecting:
		s.stopped()
	case servicePreparing:
		s.failed(reason)
		s.cancelPreparation()
	case serviceConnected:
		s.failed(reason)
	}
}

// failed counts a failure, and arranges for the next attempt.
func (s *ClientService) failed(err error) {
	s.failures++
	s.state = serviceWaiting
	s.retry = s.opts.Clock.CallLater(max(s.opts.RetryPolicy(s.failures), 0), s.connect)
	var failed []*connectionWaiter
	s.waiters = slices.DeleteFunc(s.waiters, func(w *connectionWaiter) bool {
		w.left--
		if w.left == 0 {
			failed = append(failed, w)
		}
		return w.left == 0
	})
	for _, w := range failed {
		_ = w.d.TryErrback(err)
	}
}

// stopped is the end of StopService.
func (s *ClientService) stopped() {
	s.state, s.failures = serviceStopped, 0
	stops := s.stops
	s.stops = nil
	if s.restart {
		s.restart = false
		s.connect()
	} else {
		s.giveUp()
	}
	for _, d := range stops {
		_ = d.TryCallback(struct{}{})
	}
}

// giveUp disappoints those who wait.
func (s *ClientService) giveUp() {
	waiters := s.waiters
	s.waiters = nil
	for _, w := range waiters {
		_ = w.d.TryErrback(deferred.ErrCancelled)
	}
}

func (s *ClientService) logger() *slog.Logger {
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return slog.Default()
}
