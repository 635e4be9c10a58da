package endpoints

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// StreamClientEndpoint is an address to connect to.
type StreamClientEndpoint interface {
	// Connect connects and makes a protocol with f. The Deferred fires with
	// the protocol after its ConnectionMade.
	//
	// The Deferred fails with the error of Dial; with reactor.ErrNoProtocol if
	// f returns no protocol; with the error of BuildProtocol; or with a
	// *deferred.PanicError if a method of f or ConnectionMade panics. The
	// connection is closed then. After Cancel the Deferred fails with a
	// *reactor.ConnectingCancelledError.
	Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol]

	// Dial connects. The Deferred fires with the connection, which belongs to
	// the caller. Over TLS, the first Read or Write does the handshake. After
	// Cancel the Deferred fails with a *reactor.ConnectingCancelledError.
	Dial() deferred.Deferred[net.Conn]
}

// StreamServerEndpoint is an address to listen on.
type StreamServerEndpoint interface {
	// Listen listens and makes a protocol with f for each connection. The
	// Deferred fires with the port. It fails with the error of the reactor's
	// listen function, a *reactor.CannotListenError.
	Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort]
}

// ConnectProtocol connects p. The Deferred fires with p, or fails as that of
// Connect does.
func ConnectProtocol[P reactor.Protocol](e StreamClientEndpoint, p P) deferred.Deferred[P] {
	f := reactor.ForProtocol(func() reactor.Protocol { return p })
	return deferred.Then(e.Connect(f), func(reactor.Protocol) (P, error) { return p, nil })
}

// connect implements Connect. A nil config means no TLS.
func connect(r reactor.Network, dial func() deferred.Deferred[net.Conn], f reactor.Factory, config *tls.Config) deferred.Deferred[reactor.Protocol] {
	d := deferred.MaybeDeferred(func() deferred.Deferred[net.Conn] {
		reactor.DoStart(f)
		return dial()
	})
	return deferred.ThenBoth(d, func(nc net.Conn, err error) (p reactor.Protocol, _ error) {
		if err == nil {
			p, err = attach(r, nc, f, config)
		}
		return inUse(f, p, err)
	})
}

// inUse ends the use of f when the connection of p is lost. It returns its
// arguments.
func inUse(f reactor.Factory, p reactor.Protocol, err error) (reactor.Protocol, error) {
	if p == nil || !p.Connected() { // there is no connection, or none any more
		return p, stopped(f, err)
	}
	reactor.OnConnectionLost(p, func(error) { reactor.DoStop(f) })
	return p, err
}

// attach makes a protocol and attaches the connection to it. If there is no
// protocol, attach closes the connection. A protocol together with an error
// means that ConnectionMade panicked.
func attach(r reactor.Network, nc net.Conn, f reactor.Factory, config *tls.Config) (reactor.Protocol, error) {
	p, err := build(reactor.AddressOf(nc.RemoteAddr()), f)
	if err != nil {
		_ = nc.Close() // err is the error to report
		return nil, err
	}
	t, err := r.Attach(nc, p, reactor.AttachOptions{TLS: config})
	if t == nil {
		return nil, err
	}
	return p, err
}

// build makes the protocol of a connection. A panic becomes an error.
func build(addr net.Addr, f reactor.Factory) (p reactor.Protocol, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, deferred.NewPanicError(v)
		}
	}()
	return reactor.BuildFrom(f, addr)
}

// stopped ends the use of the factory. It returns err, joined with a panic in
// StopFactory.
func stopped(f reactor.Factory, err error) (joined error) {
	joined = err
	defer func() {
		if v := recover(); v != nil {
			joined = errors.Join(err, deferred.NewPanicError(v))
		}
	}()
	reactor.DoStop(f)
	return joined
}

// listening returns the result of a listen function as a Deferred.
func listening(listen func() (reactor.ListeningPort, error)) deferred.Deferred[reactor.ListeningPort] {
	return deferred.MaybeDeferred(func() deferred.Deferred[reactor.ListeningPort] {
		port, err := listen()
		if err != nil {
			return deferred.Fail[reactor.ListeningPort](err)
		}
		return deferred.Succeed(port)
	})
}

// calling calls f and returns its Deferred. A panic, or a Deferred that cannot
// be used, becomes a failed one.
func calling[T any](f func() deferred.Deferred[T]) deferred.Deferred[T] {
	d := deferred.MaybeDeferred(f)
	if d == (deferred.Deferred[T]{}) {
		return deferred.Fail[T](deferred.ErrZero)
	}
	return d
}
