package reactor

import (
	"fmt"
	"net"
	"strings"
)

// Protocol handles the events of one connection. To make one, embed
// [BaseProtocol] by value and define the methods you need; those of
// BaseProtocol do nothing:
//
//	type echo struct{ reactor.BaseProtocol }
//
//	func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }
//
// The reactor calls all methods on the loop, in this order: ConnectionMade
// once, DataReceived any number of times, ConnectionLost once. They must not
// block. A panic in one is logged and closes the connection, and is the reason
// given to ConnectionLost.
type Protocol interface {
	// ConnectionMade is called when the connection is established. Transport
	// returns the connection from now on.
	ConnectionMade()

	// DataReceived is called with received data: at least one byte, at most 64
	// KiB, in order. TCP does not keep the boundaries of the peer's writes, so
	// data may begin and end anywhere. The protocol owns data.
	DataReceived(data []byte)

	// ConnectionLost is called when the connection has ended. After a clean end
	// reason matches [ErrConnectionDone], else [ErrConnectionLost], or it is
	// the *deferred.PanicError of a method of the protocol.
	ConnectionLost(reason error)

	// Transport and Connected are methods of BaseProtocol.
	Transport() Transport
	Connected() bool

	base() *BaseProtocol
}

// HalfCloser is an optional interface of protocols that handle the end of each
// direction of a connection separately. The reactor then does not close the
// connection when the peer ends its sending direction: the protocol must call
// LoseConnection itself, even after both directions have ended.
type HalfCloser interface {
	// ReadConnectionLost is called when the peer has ended its sending
	// direction. No more data is received, but data can still be written.
	ReadConnectionLost()

	// WriteConnectionLost is called after LoseWriteConnection, when all data is
	// sent and the sending direction has ended. For StandardIO it is also called
	// when the reader of standard output has closed it.
	WriteConnectionLost()
}

// ConnTaker is an optional interface of protocols that use the net.Conn of a
// connection themselves, for example on goroutines of a library that blocks.
// The reactor then makes no transport and calls no other method of the protocol.
// A protocol over a transport that is no plain socket, such as TLS, is not asked.
type ConnTaker interface {
	// TakeConn is called on the loop. The protocol owns c from now on, and must
	// close c when r stops.
	TakeConn(r *Reactor, c net.Conn)
}

// HandshakeListener is an optional interface of protocols that need to know
// when a TLS handshake is complete. HandshakeCompleted comes after
// ConnectionMade and before the first DataReceived over TLS.
type HandshakeListener interface{ HandshakeCompleted() }

// FileDescriptorReceiver is an optional interface of protocols that accept file
// descriptors over a UNIX socket. FileDescriptorReceived is called before the
// data that the descriptor was sent with is delivered. The protocol owns fd and
// must close it. For other protocols, descriptors are closed.
type FileDescriptorReceiver interface{ FileDescriptorReceived(fd int) }

// Wrapper is an optional interface of protocols that wrap another protocol, such
// as those of package policies. The reactor treats a wrapper as a [HalfCloser],
// a [HandshakeListener] or a [FileDescriptorReceiver] only if the wrapped
// protocol is one, too.
type Wrapper interface{ Wrapped() Protocol }

// As returns p as a T, which is an optional interface of protocols. ok is false
// if p does not implement T, or is a [Wrapper] and the wrapped protocol does not
// implement T.
func As[T any](p Protocol) (t T, ok bool) {
	t, ok = p.(T)
	for ok {
		w, wraps := p.(Wrapper)
		if !wraps {
			break
		}
		p = w.Wrapped()
		_, ok = p.(T)
	}
	return t, ok
}

// BaseProtocol implements [Protocol]. Embed it by value in your own protocols.
// The zero value is ready to use. All methods belong to the loop.
type BaseProtocol struct {
	self      Protocol
	transport Transport
	factory   Factory
	connected bool
	lost      func(reason error) // set by OnConnectionLost; may be nil
}

// ConnectionMade does nothing.
func (b *BaseProtocol) ConnectionMade() {}

// DataReceived does nothing.
func (b *BaseProtocol) DataReceived([]byte) {}

// ConnectionLost does nothing.
func (b *BaseProtocol) ConnectionLost(error) {}

func (b *BaseProtocol) base() *BaseProtocol { return b }

// Transport returns the connection, or nil before ConnectionMade.
func (b *BaseProtocol) Transport() Transport { return b.transport }

// Factory returns the factory that built the protocol, or nil if none did.
func (b *BaseProtocol) Factory() Factory { return b.factory }

// Connected reports whether the connection is established and not lost.
func (b *BaseProtocol) Connected() bool { return b.connected }

// Self returns the protocol that embeds b, as it was passed to
// [MakeConnection], or nil before that. A type that is itself meant to be
// embedded calls the methods of the embedding type through Self.
func (b *BaseProtocol) Self() Protocol { return b.self }

// baseOf returns the BaseProtocol or BaseProcessProtocol of p. If p is nil, or
// a nil pointer, or embeds one, baseOf returns a *NilProtocolError.
func baseOf[P interface{ base() *B }, B any](p P) (b *B, err error) {
	defer func() {
		if recover() != nil || b == nil {
			b, err = nil, &NilProtocolError{Type: fmt.Sprintf("%T", p)}
		}
	}()
	return p.base(), nil
}

// MakeConnection connects p to t and calls p's ConnectionMade. The reactor does
// this for its connections. Call it to connect a protocol to a transport of
// your own, such as those of package reactortest. MakeConnection must be called
// on the loop.
func MakeConnection(p Protocol, t Transport) {
	b := p.base()
	b.self, b.transport, b.connected = p, t, true
	p.ConnectionMade()
}

// EndConnection is the counterpart of [MakeConnection]. It calls p's
// ConnectionLost, and then the functions passed to [OnConnectionLost], even if
// ConnectionLost panics. EndConnection must be called on the loop, once.
func EndConnection(p Protocol, reason error) {
	b := p.base()
	b.connected = false
	if lost := b.lost; lost != nil {
		b.lost = nil
		defer lost(reason)
	}
	p.ConnectionLost(reason)
}

// OnConnectionLost makes [EndConnection] call f after p's ConnectionLost. It is
// for code that manages a connection without being its protocol. Several
// functions are called in the order in which they were added. OnConnectionLost
// must be called on the loop.
func OnConnectionLost(p Protocol, f func(reason error)) {
	b := p.base()
	if before := b.lost; before != nil {
		b.lost = func(reason error) {
			defer f(reason)
			before(reason)
		}
		return
	}
	b.lost = f
}

// LogPrefix returns the name of a protocol or factory for log records: the
// result of its LogPrefix method if it has one, else the name of its type.
func LogPrefix(x any) string {
	if p, ok := x.(interface{ LogPrefix() string }); ok {
		return p.LogPrefix()
	}
	name := fmt.Sprintf("%T", x)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// Factory builds the protocols of a server or of a client endpoint. To make
// one, embed [BaseFactory] by value and define BuildProtocol, or use
// [ForProtocol]. The reactor calls all methods on the loop.
type Factory interface {
	// BuildProtocol returns the protocol for a new connection with the peer at
	// addr. If it returns a nil Protocol, the connection is refused: it is
	// closed. If it returns an error or a nil pointer, or panics, the
	// connection is closed too; a server logs the error, and a client's
	// attempt to connect fails with it.
	BuildProtocol(addr net.Addr) (Protocol, error)

	// StartFactory is called when the first port or connector begins to use
	// the factory, and StopFactory when the last one has ended.
	StartFactory()
	StopFactory()

	factory() *BaseFactory
}

// BaseFactory implements the methods of [Factory] but BuildProtocol. Embed it
// by value in your own factories. The zero value is ready to use.
type BaseFactory struct {
	uses int
}

// StartFactory does nothing.
func (b *BaseFactory) StartFactory() {}

// StopFactory does nothing.
func (b *BaseFactory) StopFactory() {}

func (b *BaseFactory) factory() *BaseFactory { return b }

// DoStart counts a use of f and, for the first one, calls StartFactory. Ports
// and connectors call DoStart; call it if you use a factory in another way.
// A use whose StartFactory panics does not count. DoStart must be called on the
// loop.
func DoStart(f Factory) {
	b := f.factory()
	if b.uses++; b.uses > 1 {
		return
	}
	started := false
	defer func() {
		if !started { // StartFactory has panicked
			b.uses--
		}
	}()
	f.StartFactory()
	started = true
}

// DoStop ends a use of f and, for the last one, calls StopFactory. Without a
// use DoStop does nothing. DoStop must be called on the loop.
func DoStop(f Factory) {
	b := f.factory()
	if b.uses == 0 {
		return
	}
	if b.uses--; b.uses == 0 {
		f.StopFactory()
	}
}

// ForProtocol returns a factory that calls build for each connection. build is
// called on the loop; if it returns nil, the connection is refused.
func ForProtocol(build func() Protocol) Factory { return &protocolFactory{build: build} }

type protocolFactory struct {
	BaseFactory
	build func() Protocol
}

func (f *protocolFactory) BuildProtocol(net.Addr) (Protocol, error) { return f.build(), nil }

// ClientFactory is a factory for ConnectTCP, ConnectTLS and ConnectUNIX, which
// call its methods as an attempt proceeds. To make one, embed
// [BaseClientFactory] by value and define BuildProtocol.
//
// The order of the calls is StartFactory, StartedConnecting, then either
// ClientConnectionFailed, or the methods of the protocol up to its
// ConnectionLost and then ClientConnectionLost, and last StopFactory. If
// ClientConnectionFailed or ClientConnectionLost calls c.Connect, a new attempt
// begins with StartedConnecting, without StopFactory and StartFactory.
type ClientFactory interface {
	Factory
	StartedConnecting(c Connector)
	ClientConnectionFailed(c Connector, reason error)
	ClientConnectionLost(c Connector, reason error)
}

// BaseClientFactory implements the methods of [ClientFactory] but
// BuildProtocol. Embed it by value in your own factories. The zero value is
// ready to use.
type BaseClientFactory struct{ BaseFactory }

// StartedConnecting does nothing.
func (b *BaseClientFactory) StartedConnecting(Connector) {}

// ClientConnectionFailed does nothing.
func (b *BaseClientFactory) ClientConnectionFailed(Connector, error) {}

// ClientConnectionLost does nothing.
func (b *BaseClientFactory) ClientConnectionLost(Connector, error) {}

// BuildFrom calls f's BuildProtocol and sets the Factory of the protocol. It
// returns [ErrNoProtocol] if f returned a nil Protocol, a *[NilProtocolError]
// if f returned a nil pointer, a *deferred.PanicError if f panicked, and f's
// own error otherwise. BuildFrom must be called on the loop.
func BuildFrom(f Factory, addr net.Addr) (Protocol, error) {
	p, err := protect(func() (Protocol, error) { return f.BuildProtocol(addr) })
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, ErrNoProtocol
	}
	b, err := baseOf(p)
	if err != nil {
		return nil, err
	}
	b.factory = f
	return p, nil
}
