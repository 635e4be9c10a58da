package endpoints

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/service"
)

// ClientServiceOptions configures a ClientService. Clock is required; the zero
// value of the other fields works.
type ClientServiceOptions struct {
	Clock reactor.Clock // measures the time between attempts

	// RetryPolicy returns the time to wait after the n-th failure in a row,
	// counted from 1. A lost connection counts as the first failure. A negative
	// time means no wait. nil means BackoffPolicy with its defaults; these also
	// replace a policy that panics.
	RetryPolicy func(failures int) time.Duration

	// PrepareConnection, if not nil, is called with each new protocol before
	// the Deferreds of WhenConnected fire with it. The service waits for the
	// Deferred of PrepareConnection, except for the zero Deferred. A failure or
	// a panic closes the connection and counts as a failed attempt.
	PrepareConnection func(p reactor.Protocol) deferred.Deferred[struct{}]

	// Logger receives the failures; nil means slog's default. The first
	// failure in a row is a warning, further ones are logged at the level
	// Debug, and the connection that ends the row at the level Info.
	Logger *slog.Logger
}

// RejectTimeout is the time after which a connection is aborted that the
// service closes because PrepareConnection failed.
const RejectTimeout = 10 * time.Second

// ClientService is a service that keeps a connection to an endpoint open while
// it is started. After a failed attempt or a lost connection, it waits and
// connects again. All methods must be called on the loop.
type ClientService struct {
	service.BaseService
	endpoint StreamClientEndpoint
	f        reactor.Factory
	opts     ClientServiceOptions
	state    serviceState
	failures int // in a row
	waiters  []*connectionWaiter
	stops    []deferred.Deferred[struct{}]
	protocol reactor.Protocol                    // if preparing, connected or disconnecting
	attempt  deferred.Deferred[reactor.Protocol] // if connecting
	prepare  deferred.Deferred[struct{}]         // if preparing; zero until PrepareConnection has returned
	retry    *reactor.DelayedCall                // if waiting
	restart  bool                                // StartService was called while disconnecting
}

type serviceState uint8

const (
	serviceNew           serviceState = iota // never started
	serviceConnecting                        // an attempt is in progress
	servicePreparing                         // PrepareConnection is in progress
	serviceConnected                         // the connection is open and prepared
	serviceWaiting                           // the next attempt is scheduled
	serviceDisconnecting                     // stopped; the connection is not closed yet
	serviceStopped                           // stopped
)

// connectionWaiter is a call of WhenConnected without a result.
type connectionWaiter struct {
	d    deferred.Deferred[reactor.Protocol]
	left int // failures until d fails; 0 or less means never
}

// NewClientService returns a service that is not started yet. It makes its
// protocols with f.
func NewClientService(e StreamClientEndpoint, f reactor.Factory, opts ClientServiceOptions) *ClientService {
	if opts.RetryPolicy == nil {
		opts.RetryPolicy = defaultPolicy
	}
	return &ClientService{endpoint: e, f: f, opts: opts}
}

var defaultPolicy = BackoffPolicy(Backoff{})

// StartService begins to connect. While the service is stopping, it connects
// after the connection is closed. On a started service it logs a warning and
// does nothing. The error is always nil.
func (s *ClientService) StartService() error {
	switch s.state {
	case serviceNew, serviceStopped:
		s.connect()
	case serviceDisconnecting:
		s.restart = true
	default:
		s.logger().Warn("endpoints: the client service runs already")
	}
	return s.BaseService.StartService()
}

// StopService cancels the attempt in progress, or calls LoseConnection on the
// connection. The Deferred fires when the attempt has ended or the connection
// is lost. Cancelling it aborts the connection. Pending Deferreds of
// WhenConnected fail with deferred.ErrCancelled.
func (s *ClientService) StopService() deferred.Deferred[struct{}] {
	s.BaseService.StopService()
	if s.state == serviceNew || s.state == serviceStopped {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New(func(deferred.Deferred[struct{}]) { s.abort() })
	s.stops = append(s.stops, d)
	s.restart = false
	before := s.state
	s.state = serviceDisconnecting
	s.giveUp()
	switch before {
	case serviceConnecting:
		if s.attempt != (deferred.Deferred[reactor.Protocol]{}) { // else connect cancels it
			s.attempt.Cancel() // calls connectFailed
		}
	case servicePreparing:
		p := s.protocol
		s.cancelPreparation()
		p.Transport().LoseConnection()
	case serviceConnected:
		s.protocol.Transport().LoseConnection()
	case serviceWaiting:
		_ = s.retry.Cancel() // the call is pending
		s.stopped()
	}
	return d
}

// abort aborts the connection of a service that is stopping.
func (s *ClientService) abort() {
	if s.state == serviceDisconnecting && s.protocol != nil {
		s.protocol.Transport().AbortConnection()
	}
}

// WhenConnected returns a Deferred that fires with the protocol: at once if the
// service is connected, otherwise with the next connection.
//
// If failAfter is positive, the Deferred fails with the error of the last
// attempt after that many further failures. It fails with deferred.ErrCancelled
// when the service is stopped, at once if it is stopped already.
func (s *ClientService) WhenConnected(failAfter int) deferred.Deferred[reactor.Protocol] {
	switch {
	case s.state == serviceConnected && s.protocol.Connected():
		return deferred.Succeed(s.protocol)
	case s.state == serviceStopped:
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
	attempt := calling(func() deferred.Deferred[reactor.Protocol] { return s.endpoint.Connect(s.f) })
	s.attempt = attempt
	deferred.ThenBoth(attempt, func(p reactor.Protocol, err error) (none struct{}, _ error) {
		switch {
		case err != nil:
			s.connectFailed(err)
		case p == nil:
			s.connectFailed(reactor.ErrNoProtocol)
		case !p.Connected():
			s.connectFailed(reactor.ErrConnectionLost) // the connection was lost before this call
		default:
			s.connected(p)
		}
		return none, nil
	})
	if s.state == serviceDisconnecting {
		attempt.Cancel() // StopService was called in Connect
	}
}

func (s *ClientService) connectFailed(err error) {
	if s.state == serviceDisconnecting {
		s.stopped()
		return
	}
	s.failed(err)
}

// connected begins to use a new connection.
func (s *ClientService) connected(p reactor.Protocol) {
	s.protocol = p
	reactor.OnConnectionLost(p, func(reason error) { s.lost(p, reason) })
	switch {
	case s.state == serviceDisconnecting:
		p.Transport().LoseConnection() // the attempt could not be cancelled any more
	case s.opts.PrepareConnection == nil:
		s.ready()
	default:
		s.beginPreparation(p)
	}
}

func (s *ClientService) beginPreparation(p reactor.Protocol) {
	s.state = servicePreparing
	s.prepare = deferred.Deferred[struct{}]{}
	d := deferred.MaybeDeferred(func() deferred.Deferred[struct{}] { return s.opts.PrepareConnection(p) })
	if d == (deferred.Deferred[struct{}]{}) {
		d = deferred.Succeed(struct{}{})
	}
	d.OnResult(func(_ deferred.Void, err error) { s.prepared(p, err) })
	if s.state == servicePreparing && s.protocol == p {
		s.prepare = d
		return
	}
	d.Cancel() // the service was stopped or the connection lost; else d has fired
}

// cancelPreparation cancels the preparation. Its result is ignored.
func (s *ClientService) cancelPreparation() {
	d := s.prepare
	s.prepare = deferred.Deferred[struct{}]{}
	if d != (deferred.Deferred[struct{}]{}) {
		d.Cancel() // calls prepared
	}
}

// prepared is called at the end of the preparation of p.
func (s *ClientService) prepared(p reactor.Protocol, err error) {
	switch {
	case s.state != servicePreparing || s.protocol != p:
	case err == nil:
		s.ready()
	default:
		s.protocol = nil
		s.reject(p)
		s.failed(err)
	}
}

// reject closes a connection that the service does not use. A peer that does
// not read cannot keep it open for longer than RejectTimeout.
func (s *ClientService) reject(p reactor.Protocol) {
	abort := s.opts.Clock.CallLater(RejectTimeout, func() { p.Transport().AbortConnection() })
	reactor.OnConnectionLost(p, func(error) { _ = abort.Cancel() }) // fails if the call is running
	p.Transport().LoseConnection()
}

// ready fires the Deferreds of WhenConnected. Their callbacks may stop the
// service or lose the connection; later waiters then do not get it.
func (s *ClientService) ready() {
	if s.failures > 0 {
		s.logger().Info("endpoints: connected again", "failures", s.failures)
	}
	s.state, s.failures = serviceConnected, 0
	p := s.protocol
	for s.state == serviceConnected && s.protocol == p && p.Connected() && len(s.waiters) > 0 {
		w := s.waiters[0]
		s.waiters = s.waiters[1:]
		_ = w.d.TryCallback(p) // fails if the Deferred was cancelled
	}
}

// lost is called when the connection of p has ended.
func (s *ClientService) lost(p reactor.Protocol, reason error) {
	if s.protocol != p {
		return // the service has rejected the connection
	}
	s.protocol = nil
	switch s.state {
	case serviceDisconnecting:
		s.stopped()
	case servicePreparing:
		s.failed(reason)
		s.cancelPreparation()
	case serviceConnected:
		s.failed(reason)
	}
}

// failed counts a failure and schedules the next attempt.
func (s *ClientService) failed(err error) {
	s.failures++
	s.state = serviceWaiting
	wait := s.wait()
	s.retry = s.opts.Clock.CallLater(wait, s.connect)
	level := slog.LevelDebug
	if s.failures == 1 {
		level = slog.LevelWarn
	}
	s.logger().Log(context.Background(), level, "endpoints: no connection, trying again", "failures", s.failures, "wait", wait, "err", err)
	var failed []*connectionWaiter
	s.waiters = slices.DeleteFunc(s.waiters, func(w *connectionWaiter) bool {
		w.left--
		if w.left == 0 {
			failed = append(failed, w)
		}
		return w.left == 0
	})
	for _, w := range failed {
		_ = w.d.TryErrback(err) // fails if the Deferred was cancelled
	}
}

// wait returns the time until the next attempt.
func (s *ClientService) wait() (wait time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			deferred.NewPanicError(v).Log(s.logger(), "endpoints: panic in RetryPolicy")
			wait = defaultPolicy(s.failures)
		}
	}()
	return max(s.opts.RetryPolicy(s.failures), 0)
}

// stopped ends StopService.
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
		_ = d.TryCallback(struct{}{}) // fails if the Deferred was cancelled
	}
}

// giveUp cancels the Deferreds of WhenConnected.
func (s *ClientService) giveUp() {
	waiters := s.waiters
	s.waiters = nil
	for _, w := range waiters {
		_ = w.d.TryErrback(deferred.ErrCancelled) // fails if the Deferred was cancelled
	}
}

func (s *ClientService) logger() *slog.Logger {
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return slog.Default()
}
