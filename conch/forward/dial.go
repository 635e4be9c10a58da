package conch

import (
	"context"
	"fmt"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Dial has the server connect to address, a host:port for the networks "tcp", "tcp4" and "tcp6", a path for "unix", and returns that connection: a
// channel of type direct-tcpip (RFC 4254, section 7.2) or direct-streamlocal@openssh.com. The server resolves names. The Deferred fails
// with the *ConchError of the server's refusal, or with an ErrConnectionLost. To connect a protocol, give the connection to
// reactor.Attach; for code that blocks there is DialContext.
func (c *SSHConnection) Dial(network, address string) deferred.Deferred[*ChannelConn] {
	kind, data, to, err := c.opening(network, address)
	if err != nil {
		return deferred.Fail[*ChannelConn](err)
	}
	ch := &streamChannel{kind: kind, to: to}
	ch.ready = deferred.New[*ChannelConn](func(deferred.Deferred[*ChannelConn]) {}) // if it opens after all, it is closed then
	c.OpenChannel(ch, data)
	return ch.ready
}

// opening returns what a channel to address is opened with.
func (c *SSHConnection) opening(network, address string) (kind string, data []byte, to net.Addr, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		a, err := splitHostPort(address)
		if err != nil {
			return "", nil, nil, fmt.Errorf("conch: cannot dial %q: %w", address, err)
		}
		return "direct-tcpip", PackOpenDirectTCPIP(a, hostPortOf(c.transport.GetHost())), a, nil
	case "unix":
		return "direct-streamlocal@openssh.com", packOpenStreamlocal(address), reactor.UNIXAddress{Path: address}, nil
	}
	return "", nil, nil, fmt.Errorf("conch: cannot dial: %w", net.UnknownNetworkError(network))
}

// DialContext is Dial for goroutines other than the reactor's, with the signature that net/http and others ask for. It ends with ctx.
func (c *SSHConnection) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	r := c.transport.r
	var opened *ChannelConn // the loop's
	conn, err := reactor.Await(ctx, r, func() deferred.Deferred[*ChannelConn] {
		return c.Dial(network, address).AddCallback(func(conn *ChannelConn) (*ChannelConn, error) {
			opened = conn
			return conn, nil
		})
	})
	if err != nil {
		r.CallFromThread(func() {
			if opened != nil { // in the last moment
				opened.Close()
			}
		})
		return nil, err
	}
	return conn, nil
}

// streamChannel is a channel that is nothing but a connection.
type streamChannel struct {
	SSHChannel
	kind  string
	to    net.Addr
	ready deferred.Deferred[*ChannelConn]
}

// Name returns the type of the channel.
func (c *streamChannel) Name() string { return c.kind }

// ChannelOpen hands the connection over.
func (c *streamChannel) ChannelOpen([]byte) {
	conn := c.NetConn()
	conn.remote = c.to
	if c.ready.TryCallback(conn) != nil { // cancelled
		conn.Close()
	}
}

// OpenFailed tells who waits for it.
func (c *streamChannel) OpenFailed(reason error) { _ = c.ready.TryErrback(reason) } // it may have been cancelled
