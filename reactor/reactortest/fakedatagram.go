package reactortest

import (
	"bytes"
	"errors"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var (
	errPortClosed = errors.New("reactortest: the UDP port is closed")
	errNoPeer     = errors.New("the address is missing")
)

// FakeDatagramTransport is a reactor.DatagramTransport without a socket. It
// collects the datagrams that are sent. The test calls DatagramReceived of the
// protocol. Make one with [ConnectDatagrams] or MemoryReactor.ListenUDP.
type FakeDatagramTransport struct {
	// Host is the result of GetHost. ConnectDatagrams sets it to a fixed
	// private address.
	Host net.Addr

	// Written has the sent datagrams, in order.
	Written []Packet

	// Peer is the argument of Connect. It is zero before that.
	Peer netip.AddrPort

	// Broadcast is the argument of SetBroadcastAllowed.
	Broadcast bool

	// Err, if not nil, is returned by Write and WriteSequence, which then
	// record nothing.
	Err error

	// Stops is the number of calls of StopListening.
	Stops int

	p reactor.DatagramProtocol
}

// Packet is a datagram that was sent. To is the argument of Write, or the peer
// if that is zero.
type Packet struct {
	Data []byte
	To   netip.AddrPort
}

var _ reactor.DatagramTransport = (*FakeDatagramTransport)(nil)

// ConnectDatagrams puts p on a new FakeDatagramTransport and calls p's
// StartProtocol.
func ConnectDatagrams(p reactor.DatagramProtocol) *FakeDatagramTransport {
	arg.NotNil("reactortest: ConnectDatagrams", "protocol", p)
	t := newFakeUDPPort("192.168.1.1", 54321)
	t.start(p)
	return t
}

func newFakeUDPPort(iface string, port int) *FakeDatagramTransport {
	return &FakeDatagramTransport{Host: reactor.UDPAddress{AddrPort: fakeHost(iface, port)}}
}

func (t *FakeDatagramTransport) start(p reactor.DatagramProtocol) {
	t.p = p
	reactor.StartDatagramProtocol(p, t)
}

// Write records a copy of data. Without a peer, the zero address is an
// *reactor.InvalidAddressError. Other addresses are not checked.
func (t *FakeDatagramTransport) Write(data []byte, to netip.AddrPort) error {
	if to == (netip.AddrPort{}) {
		to = t.Peer
	}
	switch {
	case t.Stops > 0:
		return errors.Join(errPortClosed, net.ErrClosed)
	case t.Err != nil:
		return t.Err
	case !to.IsValid():
		return &reactor.InvalidAddressError{Address: to.String(), Err: errNoPeer}
	}
	t.Written = append(t.Written, Packet{bytes.Clone(data), to})
	return nil
}

// WriteSequence records the pieces as one datagram, as Write does.
func (t *FakeDatagramTransport) WriteSequence(pieces [][]byte, to netip.AddrPort) error {
	return t.Write(bytes.Join(pieces, nil), to)
}

// Connect sets Peer. A second call returns reactor.ErrDatagramConnected.
func (t *FakeDatagramTransport) Connect(to netip.AddrPort) error {
	if t.Peer.IsValid() {
		return reactor.ErrDatagramConnected
	}
	t.Peer = to
	return nil
}

// GetHost returns Host.
func (t *FakeDatagramTransport) GetHost() net.Addr { return t.Host }

// StopListening calls StopProtocol of the protocol the first time. The Deferred
// has already fired.
func (t *FakeDatagramTransport) StopListening() deferred.Deferred[struct{}] {
	if t.Stops++; t.Stops == 1 {
		reactor.StopDatagramProtocol(t.p, t)
	}
	return deferred.Succeed(struct{}{})
}

// SetBroadcastAllowed sets Broadcast.
func (t *FakeDatagramTransport) SetBroadcastAllowed(allowed bool) error {
	t.Broadcast = allowed
	return nil
}

// GetBroadcastAllowed returns Broadcast.
func (t *FakeDatagramTransport) GetBroadcastAllowed() bool { return t.Broadcast }

// Stats returns the number of datagrams in Written as Sent.
func (t *FakeDatagramTransport) Stats() reactor.DatagramStats {
	return reactor.DatagramStats{Sent: uint64(len(t.Written))}
}
