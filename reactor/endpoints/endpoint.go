package endpoints

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// StreamClientEndpoint is something to connect to.
type StreamClientEndpoint interface {
	// Connect connects, and makes a protocol with f. The Deferred fires with that protocol, after its ConnectionMade (R361). It fails with
	// the error of the attempt (R364), with reactor.ErrNoProtocol if f returns none, and with the error of BuildProtocol or a panic in
	// ConnectionMade; the connection is closed then (R365, R371). Cancelling ends the attempt: it fails with a
	// *reactor.ConnectingCancelledError (R366).
	Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol]

	// Dial connects and fires with the bare connection, which belongs to whoever receives it. Over TLS the handshake is not done yet: the
	// first Read or Write does it.
	Dial() deferred.Deferred[net.Conn]
}

// StreamServerEndpoint is something to listen on.
type StreamServerEndpoint interface {
	// Listen makes a protocol with f for each connection. The Deferred fires with the port, or fails with the error of listening (R362,
	// R363).
	Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort]
}

// ConnectProtocol connects a given protocol; the Deferred fires with it (R403).
func ConnectProtocol[P reactor.Protocol](e StreamClientEndpoint, p P) deferred.Deferred[P] {
	f := reactor.ForProtocol(func() reactor.Protocol { return p })
	return deferred.Then(e.Connect(f), func(reactor.Protocol) (P, error) { return p, nil })
}

// connect does the work of Connect: dial is the attempt, config is for TLS or nil.
func connect(r reactor.Network, dial func() deferred.Deferred[net.Conn], f reactor.Factory, config *tls.Config) deferred.Deferred[reactor.Protocol] {
	d := deferred.MaybeDeferred(func() deferred.Deferred[net.Conn] {
		reactor.DoStart(f) // R367
		return dial()
	})
	return deferred.ThenBoth(d, func(nc net.Conn, err error) (reactor.Protocol, error) {
		if err != nil {
			return nil, stopped(f, err)
		}
		p, err := reactor.BuildFrom(f, reactor.AddressOf(nc.RemoteAddr()))
		if err != nil {
			_ = nc.Close() // why is told
			return nil, stopped(f, err)
		}
		t, err := r.Attach(nc, p, reactor.AttachOptions{TLS: config})
		if t == nil || !p.Connected() { // unusable TLS, or lost already
			return p, stopped(f, err)
		}
		reactor.OnConnectionLost(p, func(error) { reactor.DoStop(f) })
		return p, err
	})
}

// stopped takes the use of the factory back and returns err, joined by a panic in StopFactory if there is one.
func stopped(f reactor.Factory, err error) (joined error) {
	joined = err
	defer func() {
		if v := recover(); v != nil {
			joined = errors.Join(err, panicked(v))
		}
	}()
	reactor.DoStop(f)
	return joined
}

func panicked(v any) error { return deferred.NewPanicError(v) }

// listening makes a Deferred of what a listen call returns.
func listening(listen func() (reactor.ListeningPort, error)) deferred.Deferred[reactor.ListeningPort] {
	return deferred.MaybeDeferred(func() deferred.Deferred[reactor.ListeningPort] {
		port, err := listen()
		if err != nil {
			return deferred.Fail[reactor.ListeningPort](err)
		}
		return deferred.Succeed(port)
	})
}
