package conch

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// listenBacklog is how many connections wait for Accept; the server is told to refuse more.
const listenBacklog = 128

// RemoteListener is a net.Listener of which the server listens: ssh's -R. Any goroutine may use it, Accept only others than the reactor's. Every
// connection that it accepts is a *ChannelConn. It ends with Close, or with the connection.
type RemoteListener struct {
	conn     *SSHConnection
	addr     net.Addr // HostPort or reactor.UNIXAddress
	incoming chan *ChannelConn
	done     chan struct{} // closed at the end
	once     sync.Once
	lost     error // why it ended; set before done is closed
}

// Listen has the server listen on address, a host:port for the network "tcp", a path for "unix" (RFC 4254, section 7.1, and OpenSSH's
// streamlocal-forward). An empty host means all addresses, port 0 one that the server chooses; Addr has it then. The Deferred fails with the
// *ConchError of the server's refusal, or when the connection is lost. To serve with protocols, give the listener to reactor.Listen.
func (c *SSHConnection) Listen(network, address string) deferred.Deferred[*RemoteListener] {
	switch network {
	case "tcp":
		a, err := splitHostPort(address)
		if err != nil {
			return deferred.Fail[*RemoteListener](fmt.Errorf("conch: cannot listen on %q: %w", address, err))
		}
		return c.askToListen("tcpip-forward", PackGlobalTCPIPForward(a), func(reply []byte) (*RemoteListener, error) { return c.listening(a, reply) })
	case "unix":
		return c.askToListen("streamlocal-forward@openssh.com", NS(address), func([]byte) (*RemoteListener, error) {
			return c.listenAt(reactor.UNIXAddress{Path: address}), nil
		})
	}
	return deferred.Fail[*RemoteListener](fmt.Errorf("conch: cannot listen: %w", net.UnknownNetworkError(network)))
}

// askToListen sends the request to listen. x/crypto/ssh hands out the reply and the first connections from there in different places, so these
// wait until the reply has been seen.
func (c *SSHConnection) askToListen(name string, data []byte, granted func(reply []byte) (*RemoteListener, error)) deferred.Deferred[*RemoteListener] {
	asked := c.SendGlobalRequest(name, data, true)
	c.asking++
	return unlessCancelled(deferred.ThenBoth(asked, func(reply []byte, err error) (l *RemoteListener, _ error) {
		if err == nil {
			l, err = granted(reply)
		}
		if c.asking--; c.asking == 0 {
			c.openEarly()
		}
		return l, err
	}))
}

// openEarly answers the channels that came too early.
func (c *SSHConnection) openEarly() {
	early := c.early
	c.early = nil
	for _, offered := range early {
		if c.transport.reason == nil {
			c.openRequested(offered)
		}
	}
}

// isForwarded reports whether channels of that type come from where the server listens.
func isForwarded(channelType string) bool {
	return channelType == "forwarded-tcpip" || channelType == "forwarded-streamlocal@openssh.com"
}

// listening notes a port that the server listens on; reply has it if the server chose it.
func (c *SSHConnection) listening(a HostPort, reply []byte) (*RemoteListener, error) {
	if a.Port == 0 {
		d := wire.NewDecoder(reply)
		a.Port = int(d.Uint32())
		if err := d.Finish(); err != nil {
			return nil, malformed("reply to tcpip-forward", err)
		}
	}
	return c.listenAt(a), nil
}

func (c *SSHConnection) listenAt(addr net.Addr) *RemoteListener {
	l := &RemoteListener{conn: c, addr: addr, incoming: make(chan *ChannelConn, listenBacklog), done: make(chan struct{})}
	if reason := c.transport.reason; reason != nil {
		l.end(reason)
	} else {
		c.listeners = append(c.listeners, l)
	}
	return l
}

// endListeners tells the listeners that the connection is lost.
func (c *SSHConnection) endListeners(reason error) {
	for _, l := range c.listeners {
		l.end(reason)
	}
}

// Addr returns where the server listens.
func (l *RemoteListener) Addr() net.Addr { return l.addr }

// Accept waits for the next connection. After Close it fails with net.ErrClosed, after a loss of the connection with an ErrConnectionLost.
func (l *RemoteListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	default:
	}
	if l.conn.transport.r.OnLoop() {
		return nil, ErrOnLoop
	}
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.done:
		return nil, l.lost
	}
}

// Close makes Accept fail and asks the server not to listen any more, without waiting for its answer. Connections that nobody has
// accepted are closed.
func (l *RemoteListener) Close() error {
	if !l.end(net.ErrClosed) {
		return net.ErrClosed
	}
	l.conn.transport.r.CallFromThread(l.cancel)
	return nil
}

// end reports whether it was not at an end before.
func (l *RemoteListener) end(reason error) (first bool) {
	l.once.Do(func() {
		first = true
		l.lost = reason
		close(l.done)
	})
	return first
}

// cancel runs on the loop.
func (l *RemoteListener) cancel() {
	c := l.conn
	c.listeners = slices.DeleteFunc(c.listeners, func(other *RemoteListener) bool { return other == l })
	name, data := "cancel-streamlocal-forward@openssh.com", []byte(nil)
	switch a := l.addr.(type) {
	case HostPort:
		name, data = "cancel-tcpip-forward", PackGlobalTCPIPForward(a)
	case reactor.UNIXAddress:
		data = NS(a.Path)
	}
	c.SendGlobalRequest(name, data, true).AddErrback(ignore[[]byte]) // then the server does not listen either
	for {
		select {
		case waiting := <-l.incoming:
			waiting.Close()
		default:
			return
		}
	}
}

// channel returns the channel for a connection from there.
func (l *RemoteListener) channel(kind string, from net.Addr) (Channel, error) {
	if len(l.incoming) == cap(l.incoming) {
		return nil, &ConchError{Value: "too many connections wait", Data: OpenResourceShortage}
	}
	ch := &streamChannel{kind: kind, to: from, ready: deferred.New[*ChannelConn]()}
	ch.ready.AddCallbacks(l.arrived, ignore[*ChannelConn])
	return ch, nil
}

func (l *RemoteListener) arrived(conn *ChannelConn) (*ChannelConn, error) {
	conn.local = l.addr
	select {
	case <-l.done:
		conn.Close()
		return nil, nil
	default:
	}
	select {
	case l.incoming <- conn:
	default: // others have come since the channel was accepted
		conn.Close()
	}
	return nil, nil
}

// listenerFor returns the listener that a channel of the peer belongs to, and where its connection comes from; nil if there is none.
func (c *SSHConnection) listenerFor(channelType string, data []byte) (*RemoteListener, net.Addr) {
	var at, from net.Addr
	switch channelType {
	case "forwarded-tcpip":
		connected, originator, err := UnpackOpenDirectTCPIP(data)
		if err != nil {
			return nil, nil
		}
		at, from = connected, originator
	case "forwarded-streamlocal@openssh.com":
		path, err := unpackForwardedStreamlocal(data)
		if err != nil {
			return nil, nil
		}
		at, from = reactor.UNIXAddress{Path: path}, reactor.UNIXAddress{}
	}
	return c.listenerAt(at), from
}

// listenerAt prefers the very address; servers may also tell a numeric address of the port that they were asked for.
func (c *SSHConnection) listenerAt(at net.Addr) *RemoteListener {
	var found *RemoteListener
	for _, l := range c.listeners {
		if l.addr == at {
			return l
		}
		ours, ok := l.addr.(HostPort)
		if theirs, also := at.(HostPort); ok && also && ours.Port == theirs.Port {
			found = l
		}
	}
	return found
}
