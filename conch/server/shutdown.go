package server

import (
	"errors"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ErrShutdownTimeout is the failure of SSHFactory.Shutdown if goroutines are left
// although all connections have been closed. A handler does not obey its
// context, or a call of the system does not return.
var ErrShutdownTimeout = errors.New("server: goroutines of connections are left; does a handler ignore its context?")

// shutdownGrace is how long Shutdown waits for goroutines after it has closed
// the connections.
const shutdownGrace = 5 * time.Second

// Shutdown ends the service. New connections are closed at once, also those that
// a port has accepted already; stop the ports too. So are connections that have
// not logged in, and those without an open channel. Other clients may finish what
// they do, but open no further channel: a connection is closed with its last
// channel, and after limit in any case. A limit of 0 or less closes all at once.
//
// The Deferred fires when no connection and none of their goroutines is left: at
// once if there is none. It fails with ErrShutdownTimeout if there still are
// goroutines 5 seconds after all connections were closed. To cancel it closes all
// connections. A port that is started later serves again.
func (f *SSHFactory) Shutdown(clock reactor.Clock, limit time.Duration) deferred.Deferred[struct{}] {
	f.closing = true
	s := &shutdown{f: f, clock: clock}
	s.done = deferred.New(func(deferred.Deferred[struct{}]) { s.abort() })
	for t := range f.transports {
		s.await(t.WhenDone())
		t.drain()
	}
	s.await(f.refusals.whenIdle())
	if limit > 0 {
		s.timer = clock.CallLater(limit, s.abort)
	} else {
		s.abort()
	}
	s.settled()
	return s.done
}

// shutdown is a Shutdown that waits. It belongs to the loop.
type shutdown struct {
	f       *SSHFactory
	clock   reactor.Clock
	waiting int
	timer   *reactor.DelayedCall // abort, then the failure
	done    deferred.Deferred[struct{}]
}

func (s *shutdown) await(d deferred.Deferred[struct{}]) {
	s.waiting++
	d.OnValue(func(struct{}) {
		s.waiting--
		s.settled()
	})
}

// settled fires done if nothing is left.
func (s *shutdown) settled() {
	if s.waiting == 0 && s.timer != nil {
		s.stopTimer()
		_ = s.done.TryCallback(struct{}{}) // it may have been cancelled
	}
}

func (s *shutdown) stopTimer() {
	if s.timer != nil && s.timer.Active() {
		_ = s.timer.Cancel() // it is active
	}
}

// abort closes all connections.
func (s *shutdown) abort() {
	s.stopTimer()
	s.timer = s.clock.CallLater(shutdownGrace, func() { _ = s.done.TryErrback(ErrShutdownTimeout) }) // it may have been cancelled
	for t := range s.f.transports {
		t.AbortConnection()
	}
}

// drain closes the connection as soon as no channel is open.
func (t *SSHServerTransport) drain() {
	if t.service == nil {
		t.AbortConnection()
		return
	}
	t.service.Drain()
}
