package reactor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
)

// UDPOptions configures ListenUDP. The zero value works.
type UDPOptions struct {
	// Interface is the address to receive on, an IPv4 or IPv6 literal. It also
	// selects the address family of the port: a port has one family. "" means
	// all IPv4 addresses, "::" all IPv6 addresses.
	Interface string

	// MaxPacketSize is the largest number of bytes that are received of one
	// datagram. The rest is cut off; on Windows the datagram is dropped. 0
	// means DefaultMaxPacketSize.
	MaxPacketSize int

	// ListenMultiple allows several ports with the same number, also of other
	// processes, if all of them set it. Each receives the datagrams of its
	// multicast groups.
	ListenMultiple bool
}

// DefaultMaxPacketSize is the default of UDPOptions.MaxPacketSize, in bytes.
const DefaultMaxPacketSize = 8192

// ListenUDP opens a UDP port, calls p's StartProtocol and delivers the received
// datagrams to p. Port 0 means a free port, which GetHost of the result
// returns.
//
// The port reads a bounded number of datagrams ahead of the loop. If p is
// slower than its peers, the system's buffer becomes full, and the system drops
// datagrams; see [DatagramStats].
//
// ListenUDP returns an *[InvalidAddressError] if the interface is not an IP
// literal, a *[NilProtocolError] if p is nil, and a *[CannotListenError] if the
// system refuses the port or StartProtocol panics. ListenUDP must be called on
// the loop, or before Run.
func (r *Reactor) ListenUDP(port int, p DatagramProtocol, opts UDPOptions) (DatagramTransport, error) {
	r.mustBeOnLoop("ListenUDP")
	base, err := datagramBaseOf(p)
	if err != nil {
		return nil, err
	}
	network, iface, err := udpNetwork(opts.Interface)
	if err != nil {
		return nil, err
	}
	if opts.MaxPacketSize <= 0 {
		opts.MaxPacketSize = DefaultMaxPacketSize
	}
	conn, err := listenUDP(network, iface, port, opts.ListenMultiple)
	if err == nil {
		u := newUDPPort(r, p, base, conn, opts.MaxPacketSize)
		if err = u.start(); err == nil {
			return u, nil
		}
	}
	return nil, &CannotListenError{Interface: iface, Port: port, Err: err}
}

// udpNetwork returns the name that package net has for the address family of an
// interface, and the interface with its default.
func udpNetwork(iface string) (network, host string, err error) {
	if iface == "" {
		return "udp4", "0.0.0.0", nil
	}
	addr, err := netip.ParseAddr(iface)
	switch {
	case err != nil:
		return "", "", &InvalidAddressError{Address: iface, Err: errNotLiteral}
	case addr.Unmap().Is4():
		return "udp4", iface, nil
	}
	return "udp6", iface, nil
}

// listenUDP opens a socket without the permission to broadcast, which package
// net would give.
func listenUDP(network, iface string, port int, multiple bool) (*net.UDPConn, error) {
	if port < 0 || port > maxPort {
		return nil, errPort
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd uintptr) error {
			ownGroupsOnly(fd)
			err := setBroadcast(fd, false)
			if err == nil && multiple {
				err = allowMultiple(fd)
			}
			return err
		})
	}}
	conn, err := config.ListenPacket(context.Background(), network, net.JoinHostPort(iface, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// udpPort is a UDP port of a reactor. One goroutine reads; see datagramReader.
// The loop itself writes. All fields belong to the loop.
type udpPort struct {
	r     *Reactor
	p     DatagramProtocol
	base  *BaseDatagramProtocol // of p
	conn  *net.UDPConn
	raw   syscall.RawConn
	out   udpSender
	in    datagramReader
	local UDPAddress // never changes
	host  UDPAddress
	peer  netip.AddrPort // zero if the port is not connected
	key   uint64         // in the reactor's register

	broadcast bool
	outgoing  string // the interface for datagrams to groups; package ipv4 cannot read it on Linux
	closed    bool   // the socket is closed
	ended     bool   // StopProtocol was called, or will not be
	stopping  []deferred.Deferred[struct{}]
	stats     DatagramStats
}

func newUDPPort(r *Reactor, p DatagramProtocol, base *BaseDatagramProtocol, conn *net.UDPConn, maxPacketSize int) *udpPort {
	local := AddressOf(conn.LocalAddr()).(UDPAddress)
	u := &udpPort{r: r, p: p, base: base, conn: conn, local: local, host: local}
	u.raw, _ = conn.SyscallConn() // fails only for a nil conn
	u.out.init(u)
	u.in.init(u, maxPacketSize)
	return u
}

// start gives the port to the protocol and starts to read. If StartProtocol
// panics, start closes the socket.
func (u *udpPort) start() error {
	u.key = u.r.register(u)
	err := u.r.try("StartProtocol of "+LogPrefix(u.p), func() { StartDatagramProtocol(u.p, u) })
	if err != nil {
		u.ended = true
		u.close()
		u.r.unregister(u.key)
		return err
	}
	u.r.logger().Debug("reactor: listening", "port", u.String())
	u.r.spawn(u.in.run) // ends when the socket is closed
	return nil
}

// String returns the name of the protocol and the address, for logs.
func (u *udpPort) String() string {
	if u.closed {
		return fmt.Sprintf("<UDP port of %s, closed>", LogPrefix(u.p))
	}
	return fmt.Sprintf("<UDP port of %s on %v>", LogPrefix(u.p), u.host)
}

// GetHost implements [DatagramTransport].
func (u *udpPort) GetHost() net.Addr { return u.host }

// Write implements [DatagramTransport].
func (u *udpPort) Write(data []byte, to netip.AddrPort) error {
	u.r.mustBeOnLoop("Write")
	to, err := u.destination(to)
	if err != nil {
		return err
	}
	if err = u.out.send(data, to); isRefused(err) { // an earlier datagram was; this one is not sent
		u.r.queue.post(u.refused)
		err = u.out.send(data, to)
	}
	switch {
	case err == nil:
		u.stats.Sent++
		return nil
	case isFull(err) || isRefused(err):
		u.stats.SendDropped++
		return nil
	case isTooLong(err):
		return &MessageLengthError{Length: len(data), Err: err}
	}
	return fmt.Errorf("reactor: cannot send a datagram to %v: %w", to, err)
}

// WriteSequence implements [DatagramTransport].
func (u *udpPort) WriteSequence(pieces [][]byte, to netip.AddrPort) error {
	var data []byte
	for _, piece := range pieces {
		data = append(data, piece...)
	}
	return u.Write(data, to)
}

// destination checks the address of a datagram. The result is the peer's if the
// port is connected.
func (u *udpPort) destination(to netip.AddrPort) (netip.AddrPort, error) {
	if u.closed {
		return to, errUDPClosed
	}
	if u.peer.IsValid() && to == (netip.AddrPort{}) {
		return u.peer, nil
	}
	plain := plainAddress(to)
	if err := u.problem(plain); err != nil {
		return to, &InvalidAddressError{Address: to.String(), Err: err}
	}
	return plain, nil
}

// problem returns the reason why the port cannot send to an address, or nil.
func (u *udpPort) problem(to netip.AddrPort) error {
	switch {
	case !to.IsValid():
		return errNoAddress
	case to.Addr().Is4() != u.is4():
		return errOtherFamily
	case u.peer.IsValid() && to != u.peer:
		return errNotPeer
	}
	return nil
}

// is4 reports whether the address family of the port is IPv4.
func (u *udpPort) is4() bool { return u.local.Addr().Is4() }

// Connect implements [DatagramTransport].
func (u *udpPort) Connect(to netip.AddrPort) error {
	u.r.mustBeOnLoop("Connect")
	switch {
	case u.closed:
		return errUDPClosed
	case u.peer.IsValid():
		return ErrDatagramConnected
	}
	to, err := u.destination(to)
	if err != nil {
		return err
	}
	var local, peer netip.AddrPort
	err = control(u.raw, func(fd uintptr) (err error) {
		local, peer, err = connectUDP(fd, to)
		return err
	})
	if err != nil {
		return fmt.Errorf("reactor: cannot connect a UDP port to %v: %w", to, err)
	}
	u.host, u.peer = UDPAddress{local}, peer
	return nil
}

// SetBroadcastAllowed implements [DatagramTransport].
func (u *udpPort) SetBroadcastAllowed(allowed bool) error {
	u.r.mustBeOnLoop("SetBroadcastAllowed")
	err := u.setOption(func() error {
		return control(u.raw, func(fd uintptr) error { return setBroadcast(fd, allowed) })
	})
	if err == nil {
		u.broadcast = allowed
	}
	return err
}

// setOption runs set, unless the port is closed.
func (u *udpPort) setOption(set func() error) error {
	if u.closed {
		return errUDPClosed
	}
	return set()
}

// GetBroadcastAllowed implements [DatagramTransport].
func (u *udpPort) GetBroadcastAllowed() bool { return u.broadcast }

// Stats implements [DatagramTransport].
func (u *udpPort) Stats() DatagramStats {
	s := u.stats
	s.ReceiveDropped = u.in.dropped.Load()
	return s
}

// received passes a datagram, or a refusal, to the protocol.
func (u *udpPort) received(d datagram) {
	switch {
	case u.closed:
	case d.refused:
		u.refused()
	case !u.peer.IsValid() || d.from == u.peer: // the system may still have datagrams from before Connect
		u.stats.Received++
		u.base.current = u
		u.p.DatagramReceived(d.data, d.from)
	}
}

// refused reports a refusal. The port of an unknown peer does not matter.
func (u *udpPort) refused() {
	if u.closed || !u.peer.IsValid() {
		return
	}
	u.base.current = u
	u.r.guard("ConnectionRefused of "+LogPrefix(u.p), u.p.ConnectionRefused)
}

// StopListening implements [DatagramTransport].
func (u *udpPort) StopListening() deferred.Deferred[struct{}] {
	u.r.mustBeOnLoop("StopListening")
	if u.ended {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New[struct{}]()
	u.stopping = append(u.stopping, d)
	u.close() // the goroutine that reads then posts end
	return d
}

// close closes the socket.
func (u *udpPort) close() {
	if !u.closed {
		u.closed = true
		u.in.stop()
		_ = u.conn.Close() // the port is closed all the same
	}
}

// end calls StopProtocol and fires the Deferreds of StopListening. It runs on
// the loop when the goroutine that reads has ended.
func (u *udpPort) end() {
	if u.ended {
		return // shutDown has closed the port
	}
	u.ended = true
	u.r.unregister(u.key)
	err := u.r.try("StopProtocol of "+LogPrefix(u.p), func() { StopDatagramProtocol(u.p, u) })
	waiting := u.stopping
	u.stopping = nil
	for _, d := range waiting {
		fire(d, struct{}{}, err)
	}
}

// shutDown closes the port at once, because the reactor ends.
func (u *udpPort) shutDown() {
	u.close()
	u.end()
}

var (
	_ DatagramTransport  = (*udpPort)(nil)
	_ MulticastTransport = (*udpPort)(nil)
)
