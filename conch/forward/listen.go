package forward

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Backlog is the number of connections that wait for Accept of a Listener. Further
// ones are refused. The peer can send data only after Accept, so a connection that
// waits takes little memory. conch.Limits bounds the connections that wait at all
// Listeners together (Opening), and those that are open (Channels).
const Backlog = 128

// Listener is a net.Listener for connections that the peer accepts on our behalf
// (ssh -R). Its connections are *reactor.NetConn. It ends with Close, or with the
// SSH connection. Any goroutine may call its methods; on the loop Accept returns
// reactor.ErrOnLoop.
type Listener struct {
	conn     conch.Connection
	registry *registry
	addr     net.Addr // HostPort or reactor.UNIXAddress
	incoming chan *incoming
	done     chan struct{} // closed at the end
	once     sync.Once
	lost     error // why it ended; set before done is closed
}

// incoming is a connection that waits for Accept.
type incoming struct {
	channel *streamChannel
	answer  deferred.Deferred[conch.Channel] // fired by Accept
}

// Listen asks the peer to listen on address: a host:port for the network "tcp", a
// path for "unix" (RFC 4254, section 7.1, and OpenSSH's streamlocal-forward). An
// empty host means all addresses. Port 0 means that the peer chooses the port,
// which Addr has then. The Deferred fails with a *conch.ConchError if the peer
// refuses, and with an error that matches conch.ErrConnectionLost if the
// connection ends first. To serve protocols, pass the Listener to reactor.Listen.
// Listen belongs to the loop.
func Listen(conn conch.Connection, network, address string) deferred.Deferred[*Listener] {
	rs := registryOf(conn)
	switch network {
	case "tcp":
		at, err := splitHostPort(address)
		if err != nil {
			return deferred.Fail[*Listener](fmt.Errorf("forward: cannot listen on %q: %w", address, err))
		}
		return rs.ask("tcpip-forward", PackGlobalTCPIPForward(at), func(reply []byte) (net.Addr, error) { return chosenPort(at, reply) })
	case "unix":
		return rs.ask("streamlocal-forward@openssh.com", conch.NS(address), func([]byte) (net.Addr, error) {
			return reactor.UNIXAddress{Path: address}, nil
		})
	}
	return deferred.Fail[*Listener](fmt.Errorf("forward: cannot listen: %w", net.UnknownNetworkError(network)))
}

// chosenPort completes an address whose port the peer has chosen.
func chosenPort(at HostPort, reply []byte) (net.Addr, error) {
	if at.Port == 0 {
		d := wire.NewDecoder(reply)
		at.Port = int(d.Uint32())
		if err := d.Finish(); err != nil {
			return nil, malformed("reply to tcpip-forward", err)
		}
	}
	return at, nil
}

// Addr returns the address that the peer listens on.
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for the next connection. It returns net.ErrClosed after Close, and
// an error that matches conch.ErrConnectionLost after the end of the SSH
// connection.
func (l *Listener) Accept() (net.Conn, error) {
	t := l.conn.Transport()
	if t.Reactor().OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	for {
		select {
		case <-l.done:
			return nil, l.lost
		case in := <-l.incoming:
			c, err := reactor.Await(t.Context(), t.Reactor(), in.accept)
			if err == nil {
				return c, nil
			}
		}
	}
}

// accept tells the peer that the connection is wanted.
func (in *incoming) accept() deferred.Deferred[*reactor.NetConn] {
	if err := in.answer.TryCallback(in.channel); err != nil {
		return deferred.Fail[*reactor.NetConn](err) // the SSH connection has ended
	}
	return in.channel.ready
}

// Close makes Accept fail and asks the peer to stop listening, without waiting
// for the answer. Connections that nobody has accepted are refused.
func (l *Listener) Close() error {
	if !l.end(net.ErrClosed) {
		return net.ErrClosed
	}
	l.conn.Transport().Reactor().CallFromThread(l.cancel)
	return nil
}

// end reports whether it is the first end.
func (l *Listener) end(reason error) (first bool) {
	l.once.Do(func() {
		first = true
		l.lost = reason
		close(l.done)
	})
	return first
}

// cancel runs on the loop.
func (l *Listener) cancel() {
	l.registry.remove(l)
	name, data := "cancel-streamlocal-forward@openssh.com", []byte(nil)
	switch a := l.addr.(type) {
	case HostPort:
		name, data = "cancel-tcpip-forward", PackGlobalTCPIPForward(a)
	case reactor.UNIXAddress:
		data = conch.NS(a.Path)
	}
	l.conn.SendGlobalRequest(name, data, true).OnError(func(error) {}) // the peer does not listen then either
	for {
		select {
		case in := <-l.incoming:
			_ = in.answer.TryErrback(notListening()) // it may have been cancelled
		default:
			return
		}
	}
}

func notListening() error {
	return &conch.ConchError{Value: "nobody listens there", Data: conch.OpenConnectFailed}
}

// offer adds a connection to the backlog.
func (l *Listener) offer(kind string, from net.Addr) deferred.Deferred[conch.Channel] {
	in := &incoming{
		channel: &streamChannel{kind: kind, host: l.addr, peer: from, ready: deferred.New[*reactor.NetConn]()},
		answer:  deferred.New[conch.Channel](),
	}
	select {
	case l.incoming <- in:
		return in.answer
	default:
		return deferred.Fail[conch.Channel](&conch.ConchError{Value: "too many connections wait", Data: conch.OpenResourceShortage})
	}
}

// registry has the listeners of one SSH connection. It belongs to the loop.
type registry struct {
	conn      conch.Connection
	listeners []*Listener
	asking    int       // requests to listen that the peer has not answered
	early     []earlier // connections that arrived meanwhile
}

// earlier is a connection for a listener that may not be known yet: x/crypto/ssh
// delivers the reply to a request to listen, and the first connections, in no
// particular order.
type earlier struct {
	kind     string
	at, from net.Addr
	answer   deferred.Deferred[conch.Channel]
}

// maxOpenData is the size of the longest data of a channel that the peer opens:
// two host names or a path. The data is kept while the channel waits.
const maxOpenData = 4 << 10

type registryKey struct{}

func registryOf(conn conch.Connection) *registry {
	return conn.Value(registryKey{}, func() any {
		rs := &registry{conn: conn}
		for _, kind := range []string{forwardedTCPIP, forwardedStreamlocal} {
			conn.HandleChannel(kind, func(data []byte) deferred.Deferred[conch.Channel] { return rs.opened(kind, data) })
		}
		conn.Transport().WhenClosed().OnResult(func(struct{}, error) { rs.end() })
		return rs
	}).(*registry)
}

// The types of channels for connections that the peer has accepted.
const (
	forwardedTCPIP       = "forwarded-tcpip"
	forwardedStreamlocal = "forwarded-streamlocal@openssh.com"
)

// ask sends a request to listen. granted returns the address from the reply.
func (rs *registry) ask(name string, data []byte, granted func(reply []byte) (net.Addr, error)) deferred.Deferred[*Listener] {
	asked := rs.conn.SendGlobalRequest(name, data, true)
	rs.asking++
	return unlessCancelled(deferred.ThenBoth(asked, func(reply []byte, err error) (l *Listener, _ error) {
		if err == nil {
			l, err = rs.listening(granted(reply))
		}
		if rs.asking--; rs.asking == 0 {
			rs.passEarly()
		}
		return l, err
	}))
}

func (rs *registry) listening(addr net.Addr, err error) (*Listener, error) {
	if err != nil {
		return nil, err
	}
	l := &Listener{conn: rs.conn, registry: rs, addr: addr, incoming: make(chan *incoming, Backlog), done: make(chan struct{})}
	rs.listeners = append(rs.listeners, l)
	if reason := rs.conn.Transport().Lost(); reason != nil {
		l.end(reason)
	}
	return l, nil
}

func (rs *registry) remove(l *Listener) {
	rs.listeners = slices.DeleteFunc(rs.listeners, func(other *Listener) bool { return other == l })
}

// end is called when the SSH connection has ended.
func (rs *registry) end() {
	for _, l := range rs.listeners {
		l.end(rs.conn.Transport().Lost())
	}
}

// opened answers a channel for a connection that the peer has accepted.
func (rs *registry) opened(kind string, data []byte) deferred.Deferred[conch.Channel] {
	at, from, err := unpackForwarded(kind, data)
	if err != nil {
		return deferred.Fail[conch.Channel](&conch.ConchError{Value: "malformed address", Data: conch.OpenConnectFailed, Err: err})
	}
	return rs.pass(earlier{kind: kind, at: at, from: from})
}

// pass passes the connection to its listener, or keeps it for later.
func (rs *registry) pass(e earlier) deferred.Deferred[conch.Channel] {
	switch l := rs.at(e.at); {
	case l != nil:
		return l.offer(e.kind, e.from)
	case rs.asking > 0:
		e.answer = deferred.New[conch.Channel]()
		rs.early = append(rs.early, e) // conch.Limits.Opening bounds the number
		return e.answer
	}
	return deferred.Fail[conch.Channel](notListening())
}

// passEarly passes the connections that arrived early.
func (rs *registry) passEarly() {
	early := rs.early
	rs.early = nil
	for _, e := range early {
		rs.pass(e).OnResult(func(ch conch.Channel, err error) {
			if err != nil {
				_ = e.answer.TryErrback(err) // it may have been cancelled
			} else {
				_ = e.answer.TryCallback(ch) // it may have been cancelled
			}
		})
	}
}

// unpackForwarded returns the address that the peer listens on, and the address of
// its client.
func unpackForwarded(kind string, data []byte) (at, from net.Addr, err error) {
	if len(data) > maxOpenData {
		return nil, nil, fmt.Errorf("forward: %d bytes of address; the limit is %d", len(data), maxOpenData)
	}
	if kind == forwardedTCPIP {
		connected, originator, err := UnpackOpenDirectTCPIP(data)
		return connected, originator, err
	}
	path, err := unpackForwardedStreamlocal(data)
	return reactor.UNIXAddress{Path: path}, reactor.UNIXAddress{}, err
}

// at returns the listener with the address, or one with the same TCP port: some
// peers report a numeric address instead of the name that they were asked for.
func (rs *registry) at(at net.Addr) *Listener {
	var found *Listener
	for _, l := range rs.listeners {
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
