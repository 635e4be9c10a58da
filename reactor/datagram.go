package reactor

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// DatagramProtocol handles the datagrams of a UDP port. To make one, embed
// [BaseDatagramProtocol] by value and define the methods you need; those of
// BaseDatagramProtocol do nothing:
//
//	type echo struct{ reactor.BaseDatagramProtocol }
//
//	func (e *echo) DatagramReceived(data []byte, from netip.AddrPort) {
//		_ = e.Transport().Write(data, from)
//	}
//
// The reactor calls all methods on the loop: StartProtocol once, the others any
// number of times, StopProtocol once. They must not block. A panic in one is
// logged, and the port stays open.
//
// A protocol may be on several ports. StartProtocol is then called for the
// first port, and StopProtocol after the last one. After StopProtocol, the
// protocol may be used for another port.
type DatagramProtocol interface {
	// StartProtocol is called when the port is open. Transport returns the port
	// from now on.
	StartProtocol()

	// StopProtocol is called when the port is closed. Transport returns nil.
	StopProtocol()

	// DatagramReceived is called with the contents of a datagram and the
	// address of its sender. A datagram may be empty. It is cut off after
	// UDPOptions.MaxPacketSize bytes. The protocol owns data.
	DatagramReceived(data []byte, from netip.AddrPort)

	// ConnectionRefused is called on a connected port when the peer's system
	// has reported that nobody listens on the peer's port. It may be called for
	// each datagram that was sent, in a later iteration of the loop.
	ConnectionRefused()

	// Transport is a method of BaseDatagramProtocol.
	Transport() DatagramTransport

	datagramBase() *BaseDatagramProtocol
}

// DatagramTransport is the UDP port of a [DatagramProtocol]. All methods belong
// to the loop, and none blocks. The reactor's own ports also implement
// [MulticastTransport]; use a type assertion.
type DatagramTransport interface {
	// Write sends data as one datagram, which may be empty. On a connected
	// port, the address is the peer's or the zero AddrPort. A datagram that the
	// system has no room for is dropped and counted, without an error.
	//
	// Write returns an *[InvalidAddressError] if the address is not of the
	// port's family or not the peer's, a *[MessageLengthError] if the system
	// refuses the size, an error that wraps net.ErrClosed after StopListening,
	// and otherwise the error of the system. To send to a broadcast address,
	// call SetBroadcastAllowed first.
	Write(data []byte, to netip.AddrPort) error

	// WriteSequence sends the pieces as one datagram. The errors are those of
	// Write.
	WriteSequence(pieces [][]byte, to netip.AddrPort) error

	// Connect makes to the only peer. Datagrams of others are dropped, and a
	// refusal by the peer is reported to ConnectionRefused. A port can be
	// connected once.
	//
	// Connect returns an *InvalidAddressError if the address is not one of the
	// port's family, [ErrDatagramConnected] if the port is connected, an error
	// that wraps net.ErrClosed after StopListening, and otherwise the error of
	// the system.
	Connect(to netip.AddrPort) error

	// GetHost returns the address of the port, a [UDPAddress]. If port 0 was
	// asked for, the address has the port that the system chose. After
	// StopListening, GetHost still returns the last address.
	GetHost() net.Addr

	// StopListening closes the port. No datagram is delivered any more. The
	// Deferred fires in a later iteration of the loop, when StopProtocol has
	// returned. If StopProtocol panics, the Deferred fails with a
	// *deferred.PanicError. On a closed port, the Deferred has fired already.
	// It cannot be cancelled.
	StopListening() deferred.Deferred[struct{}]

	// SetBroadcastAllowed sets whether the port may send to broadcast
	// addresses. At first it may not. The error is the system's, or wraps
	// net.ErrClosed after StopListening.
	SetBroadcastAllowed(allowed bool) error
	GetBroadcastAllowed() bool

	// Stats returns the statistics of the port.
	Stats() DatagramStats
}

// DatagramStats counts the datagrams of a port.
type DatagramStats struct {
	Received uint64 // delivered to the protocol
	Sent     uint64 // given to the system

	// ReceiveDropped counts the datagrams that the system has dropped because
	// its buffer for the port was full. A dropped datagram is counted when a
	// later one is received. Only Linux reports these drops; on other systems
	// the count is 0.
	ReceiveDropped uint64

	// SendDropped counts the datagrams that Write has dropped because the
	// system had no room for them.
	SendDropped uint64
}

// BaseDatagramProtocol implements [DatagramProtocol]. Embed it by value in your
// own protocols. The zero value is ready to use. All methods belong to the
// loop.
type BaseDatagramProtocol struct {
	ports   []DatagramTransport // those that the protocol is on
	current DatagramTransport   // the result of Transport
}

// StartProtocol does nothing.
func (b *BaseDatagramProtocol) StartProtocol() {}

// StopProtocol does nothing.
func (b *BaseDatagramProtocol) StopProtocol() {}

// DatagramReceived does nothing.
func (b *BaseDatagramProtocol) DatagramReceived([]byte, netip.AddrPort) {}

// ConnectionRefused does nothing.
func (b *BaseDatagramProtocol) ConnectionRefused() {}

// Transport returns the port, or nil before StartProtocol and after the port
// was closed. If the protocol is on several ports, Transport returns the one of
// the latest callback.
func (b *BaseDatagramProtocol) Transport() DatagramTransport { return b.current }

func (b *BaseDatagramProtocol) datagramBase() *BaseDatagramProtocol { return b }

// datagramBaseOf returns the BaseDatagramProtocol of p. If p is nil, or a nil
// pointer, or embeds one, datagramBaseOf returns a *NilProtocolError.
func datagramBaseOf(p DatagramProtocol) (b *BaseDatagramProtocol, err error) {
	defer func() {
		if recover() != nil || b == nil {
			b, err = nil, &NilProtocolError{Type: fmt.Sprintf("%T", p)}
		}
	}()
	return p.datagramBase(), nil
}

// StartDatagramProtocol puts p on the port t and, if that is its first port,
// calls p's StartProtocol. The reactor does this for its ports. Call it to use
// a protocol with a transport of your own, such as that of package reactortest.
// If StartProtocol panics, p is not on the port. StartDatagramProtocol must be
// called on the loop.
func StartDatagramProtocol(p DatagramProtocol, t DatagramTransport) {
	b := p.datagramBase()
	b.ports = append(b.ports, t)
	b.current = t
	if len(b.ports) > 1 {
		return
	}
	started := false
	defer func() {
		if !started { // StartProtocol has panicked
			b.remove(t)
		}
	}()
	p.StartProtocol()
	started = true
}

// StopDatagramProtocol is the counterpart of [StartDatagramProtocol]. It takes
// p off the port t and, if that was its last port, calls p's StopProtocol. If p
// is not on t, StopDatagramProtocol does nothing. It must be called on the
// loop.
func StopDatagramProtocol(p DatagramProtocol, t DatagramTransport) {
	if b := p.datagramBase(); b.remove(t) && len(b.ports) == 0 {
		p.StopProtocol()
	}
}

// remove takes t off the list of ports. It reports whether t was there.
func (b *BaseDatagramProtocol) remove(t DatagramTransport) bool {
	i := slices.Index(b.ports, t)
	if i < 0 {
		return false
	}
	b.ports = slices.Delete(b.ports, i, i+1)
	if b.current == t {
		b.current = nil
		if n := len(b.ports); n > 0 {
			b.current = b.ports[n-1]
		}
	}
	return true
}
