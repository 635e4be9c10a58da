package forward

import (
	"context"
	"fmt"
	"net"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Dial asks the peer to connect to address, and returns that connection: a
// channel of type direct-tcpip (RFC 4254, section 7.2) or
// direct-streamlocal@openssh.com. address is a host:port for the networks "tcp",
// "tcp4" and "tcp6", a path for "unix". The peer resolves names. The Deferred
// fails with a *conch.ConchError if the peer refuses, and with an error that
// matches conch.ErrConnectionLost if the connection ends first. To connect a
// protocol, pass the connection to reactor.Attach; to block, use DialContext.
// Dial belongs to the loop.
func Dial(conn conch.Connection, network, address string) deferred.Deferred[*reactor.NetConn] {
	ch, data, err := direct(conn, network, address)
	if err != nil {
		return deferred.Fail[*reactor.NetConn](err)
	}
	// A cancelled channel is closed when it opens.
	ch.ready = deferred.New[*reactor.NetConn](func(deferred.Deferred[*reactor.NetConn]) {})
	conn.OpenChannel(ch, data)
	return ch.ready
}

// direct returns the channel to address, and the data to open it with.
func direct(conn conch.Connection, network, address string) (*streamChannel, []byte, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		to, err := splitHostPort(address)
		if err != nil {
			return nil, nil, fmt.Errorf("forward: cannot dial %q: %w", address, err)
		}
		return &streamChannel{kind: directTCPIP, peer: to}, PackOpenDirectTCPIP(to, hostPortOf(conn.Transport().GetHost())), nil
	case "unix":
		return &streamChannel{kind: directStreamlocal, peer: reactor.UNIXAddress{Path: address}}, packOpenStreamlocal(address), nil
	}
	return nil, nil, fmt.Errorf("forward: cannot dial: %w", net.UnknownNetworkError(network))
}

// DialContext is Dial for other goroutines. It ends with ctx. On the loop it
// returns reactor.ErrOnLoop.
func DialContext(ctx context.Context, conn conch.Connection, network, address string) (net.Conn, error) {
	return awaitOpen(ctx, conn, func() deferred.Deferred[*reactor.NetConn] { return Dial(conn, network, address) })
}

// awaitOpen opens a channel from another goroutine than the loop.
func awaitOpen(ctx context.Context, conn conch.Connection, open func() deferred.Deferred[*reactor.NetConn]) (net.Conn, error) {
	r := conn.Transport().Reactor()
	var opened *reactor.NetConn // belongs to the loop
	c, err := reactor.Await(ctx, r, func() deferred.Deferred[*reactor.NetConn] {
		return open().OnValue(func(c *reactor.NetConn) { opened = c })
	})
	if err != nil {
		r.CallFromThread(func() {
			if opened != nil { // at the last moment
				opened.Close()
			}
		})
		return nil, err
	}
	return c, nil
}

// streamChannel is a channel that carries a connection.
type streamChannel struct {
	conch.SSHChannel
	kind       string
	host, peer net.Addr // nil means those of the SSH connection
	ready      deferred.Deferred[*reactor.NetConn]
}

// Name returns the type of the channel.
func (c *streamChannel) Name() string { return c.kind }

// GetHost returns the address of this end.
func (c *streamChannel) GetHost() net.Addr {
	if c.host != nil {
		return c.host
	}
	return c.SSHChannel.GetHost()
}

// GetPeer returns the address of the other end.
func (c *streamChannel) GetPeer() net.Addr {
	if c.peer != nil {
		return c.peer
	}
	return c.SSHChannel.GetPeer()
}

// ChannelOpen hands the connection over.
func (c *streamChannel) ChannelOpen([]byte) {
	conn := c.NetConn()
	if c.ready.TryCallback(conn) != nil { // it was cancelled
		conn.Close()
	}
}

// OpenFailed reports the reason.
func (c *streamChannel) OpenFailed(reason error) { _ = c.ready.TryErrback(reason) } // it may have been cancelled
