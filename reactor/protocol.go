package reactor

import (
	"fmt"
	"net"
	"strings"
)

// Protocol is one end of a connection: what the bytes mean. A type becomes one by embedding [BaseProtocol] by value, whose methods do nothing,
// and defining those that it wants. All are called on the loop, in this order: ConnectionMade once, DataReceived any number of times,
// ConnectionLost once (R215). They must not block. A panic in one is logged and closes the connection, with the panic as the reason.
type Protocol interface {
	// ConnectionMade is called when the connection is there, and Transport can be used.
	ConnectionMade()

	// DataReceived is called with what has come, in order: at least one byte, at most 64 KiB, cut anywhere (R217). data belongs to the
	// protocol.
	DataReceived(data []byte)

	// ConnectionLost is called when the connection has ended. reason matches ErrConnectionDone if that was clean, and ErrConnectionLost
	// if not.
	ConnectionLost(reason error)

	// Transport and Connected are BaseProtocol's, as is the rest.
	Transport() Transport
	Connected() bool
	base() *BaseProtocol
}

// HalfCloser is implemented by protocols that want to know when one direction of the connection has ended. Such a protocol must call
// LoseConnection itself: the end of both directions does not do it (R274 to R277).
type HalfCloser interface {
	// ReadConnectionLost is called when the peer will send no more.
	ReadConnectionLost()

	// WriteConnectionLost is called when what was written before LoseWriteConnection has been sent.
	WriteConnectionLost()
}

// HandshakeListener is implemented by protocols that want to know when a TLS handshake is complete (R354).
type HandshakeListener interface{ HandshakeCompleted() }

// FileDescriptorReceiver is implemented by protocols that accept file descriptors over a UNIX socket. fd belongs to the protocol. It is called
// before the bytes that the descriptor came with are delivered (R335).
type FileDescriptorReceiver interface{ FileDescriptorReceived(fd int) }

// BaseProtocol is embedded by value in protocols. The zero value is ready.
type BaseProtocol struct {
	self      Protocol
	transport Transport
	factory   Factory
	connected bool
	lost      func(reason error) // see OnConnectionLost; may be nil
}

// ConnectionMade does nothing.
func (b *BaseProtocol) ConnectionMade() {}

// DataReceived does nothing.
func (b *BaseProtocol) DataReceived([]byte) {}

// ConnectionLost does nothing.
func (b *BaseProtocol) ConnectionLost(error) {}

func (b *BaseProtocol) base() *BaseProtocol { return b }

// Transport returns the connection; nil before it is made.
func (b *BaseProtocol) Transport() Transport { return b.transport }

// Factory returns the factory that built the protocol; nil if none did.
func (b *BaseProtocol) Factory() Factory { return b.factory }

// Connected reports whether the connection is made and not lost.
func (b *BaseProtocol) Connected() bool { return b.connected }

// Self returns the protocol that embeds this one, as it was given to [MakeConnection]; nil before. Types that are themselves made to be
// embedded call the hooks of their users through it.
func (b *BaseProtocol) Self() Protocol { return b.self }

// MakeConnection gives a protocol its transport and calls its ConnectionMade (R214). Reactors do it; tests do it with a transport of their
// own. It belongs to the loop.
func MakeConnection(p Protocol, t Transport) {
	b := p.base()
	b.self, b.transport, b.connected = p, t, true
	p.ConnectionMade()
}

// EndConnection is the counterpart of MakeConnection: it calls the protocol's ConnectionLost, and then the functions that were given to
// OnConnectionLost, even if that has panicked (R222).
func EndConnection(p Protocol, reason error) {
	b := p.base()
	b.connected = false
	if lost := b.lost; lost != nil {
		b.lost = nil
		defer lost(reason)
	}
	p.ConnectionLost(reason)
}

// OnConnectionLost has f called after the protocol's next ConnectionLost. It is for the owners of a connection, who are not its protocol.
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

// LogPrefix returns how a protocol or factory is called in logs: what its LogPrefix method says, else its type's name (R226).
func LogPrefix(x any) string {
	if p, ok := x.(interface{ LogPrefix() string }); ok {
		return p.LogPrefix()
	}
	name := fmt.Sprintf("%T", x)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// Factory makes the protocols of a server, or of a client endpoint. A type becomes one by embedding [BaseFactory] by value and
// defining BuildProtocol. All methods are called on the loop.
type Factory interface {
	// BuildProtocol returns the protocol for a new connection with the peer at addr. A nil Protocol refuses it: the connection is
	// closed. So it is after an error, which a server logs and a client is told of.
	BuildProtocol(addr net.Addr) (Protocol, error)

	// StartFactory is called before the first, and StopFactory after the last, of the ports and connectors that use the factory.
	StartFactory()
	StopFactory()

	factory() *BaseFactory
}

// BaseFactory is embedded by value in factories. The zero value is ready.
type BaseFactory struct {
	uses int
}

// StartFactory does nothing.
func (b *BaseFactory) StartFactory() {}

// StopFactory does nothing.
func (b *BaseFactory) StopFactory() {}

func (b *BaseFactory) factory() *BaseFactory { return b }

// DoStart counts a use of the factory; the first one calls its StartFactory (R231). Ports and connectors do it.
func DoStart(f Factory) {
	b := f.factory()
	if b.uses++; b.uses == 1 {
		f.StartFactory()
	}
}

// DoStop takes a use back; the last one calls StopFactory. Without a use it does nothing.
func DoStop(f Factory) {
	b := f.factory()
	if b.uses == 0 {
		return
	}
	if b.uses--; b.uses == 0 {
		f.StopFactory()
	}
}

// ForProtocol returns a factory whose protocols are made by the given function (R227, R233).
func ForProtocol(build func() Protocol) Factory { return &protocolFactory{build: build} }

type protocolFactory struct {
	BaseFactory
	build func() Protocol
}

func (f *protocolFactory) BuildProtocol(net.Addr) (Protocol, error) { return f.build(), nil }

// ClientFactory is a factory that ConnectTCP and its like tell what becomes of their attempts. A type becomes one by embedding
// [BaseClientFactory]. The order is StartFactory, StartedConnecting, then either ClientConnectionFailed, or, after the
// ConnectionLost of its protocol, ClientConnectionLost, then StopFactory (R234 to R236). Calling c.Connect in one of the two begins a new
// attempt, without StopFactory and StartFactory in between (R237).
type ClientFactory interface {
	Factory
	StartedConnecting(c Connector)
	ClientConnectionFailed(c Connector, reason error)
	ClientConnectionLost(c Connector, reason error)
}

// BaseClientFactory is embedded by value in client factories. The zero value is ready.
type BaseClientFactory struct{ BaseFactory }

// StartedConnecting does nothing.
func (b *BaseClientFactory) StartedConnecting(Connector) {}

// ClientConnectionFailed does nothing.
func (b *BaseClientFactory) ClientConnectionFailed(Connector, error) {}

// ClientConnectionLost does nothing.
func (b *BaseClientFactory) ClientConnectionLost(Connector, error) {}

// BuildFrom calls the factory and sets the protocol's Factory. No protocol is ErrNoProtocol; a panic is a *PanicError.
func BuildFrom(f Factory, addr net.Addr) (Protocol, error) {
	p, err := protect(func() (Protocol, error) { return f.BuildProtocol(addr) })
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, ErrNoProtocol
	}
	p.base().factory = f
	return p, nil
}
