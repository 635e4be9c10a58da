package forward

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// maxListeners is the number of addresses that a peer may listen on at the same
// time.
const maxListeners = 64

var (
	errListening    = errors.New("forward: the peer listens on this address already")
	errListeners    = errors.New("forward: the peer listens on too many addresses")
	errNoReply      = errors.New("forward: the peer leaves the port open, and wants no reply with it")
	errPrivileged   = errors.New("forward: the port is privileged; set Rules.PrivilegedPorts to allow it")
	errNotListening = errors.New("forward: the peer does not listen on this address")
)

func (s *served) tcpListen(data []byte) deferred.Deferred[[]byte] {
	at, err := UnpackGlobalTCPIPForward(data)
	if err != nil || at.Port > maxPort || len(data) > maxOpenData {
		return deferred.Fail[[]byte](errors.Join(err, errNotListening))
	}
	switch {
	case at.Port == 0 && !s.conn.ReplyWanted():
		return deferred.Fail[[]byte](errNoReply)
	case at.Port > 0 && at.Port < firstOrdinary && !s.rules.PrivilegedPorts:
		return deferred.Fail[[]byte](errPrivileged)
	}
	ctx, hosts := s.context(), s.rules.Gateway.hosts(at.Host)
	return s.listen(at, "tcp", at.String(), len(hosts), func() ([]net.Listener, error) { return listenTCP(ctx, hosts, at.Port) })
}

func (s *served) context() context.Context { return s.conn.Transport().Context() }

// firstOrdinary is the first port that is not privileged.
const firstOrdinary = 1024

// hosts returns the addresses to listen on, for what the peer asks for. There
// can be one for each family. The empty one stands for all addresses.
func (g GatewayPorts) hosts(asked string) []string {
	loopback := []string{"127.0.0.1", "::1"}
	switch {
	case g == GatewayYes:
		return []string{""}
	case asked == "localhost":
		return loopback
	case asked == "127.0.0.1" || asked == "::1":
		return []string{asked}
	case g == GatewayNo:
		return loopback
	case asked == "" || asked == "*":
		return []string{""}
	}
	return []string{asked}
}

// portTries is how often tryPorts asks the system for a port that is free on all
// addresses.
const portTries = 4

// listenTCP listens on the same port of all hosts. If some of the hosts can be
// used, the others are left out.
func listenTCP(ctx context.Context, hosts []string, port int) ([]net.Listener, error) {
	return tryPorts(port, func() (listeners, error) { return listenOnEach(ctx, hosts, port) })
}

// tryPorts calls listen, again if the system chooses the port and some address
// is missing: another program may have the port there, and who connects to
// "localhost" would reach the one or the other.
func tryPorts(port int, listen func() (listeners, error)) (listeners, error) {
	for try := 1; ; try++ {
		ls, err := listen()
		switch {
		case len(ls) == 0:
			return nil, err
		case err == nil || port != 0 || try == portTries:
			return ls, nil
		}
		_ = ls.Close() // there are no connections yet
	}
}

// listenOnEach listens on those hosts that can be used, and returns the failures
// of the others.
func listenOnEach(ctx context.Context, hosts []string, port int) (ls listeners, err error) {
	for _, host := range hosts {
		l, failed := listenOn(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		ls = append(ls, l)
		port = l.Addr().(*net.TCPAddr).Port
	}
	return ls, err
}

// familyOf returns the network to listen on. Package net would take 0.0.0.0 on
// "tcp" for the addresses of both families.
func familyOf(host string) string {
	switch ip, err := netip.ParseAddr(host); {
	case err != nil:
		return "tcp"
	case ip.Is4():
		return "tcp4"
	default:
		return "tcp6"
	}
}

func (s *served) unixListen(data []byte) deferred.Deferred[[]byte] {
	path, err := unpackPath(data)
	if err != nil || len(data) > maxOpenData || !usablePath(path) {
		return deferred.Fail[[]byte](errors.Join(err, errNotListening))
	}
	ctx := s.context()
	return s.listen(reactor.UNIXAddress{Path: path}, "unix", path, 1, func() ([]net.Listener, error) {
		l, err := listenOn(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	})
}

// listenOn listens on an address of the network "tcp" or "unix". 0.0.0.0 and ::
// stand for one family each, and other users cannot use the file of a socket.
func listenOn(ctx context.Context, network, address string) (net.Listener, error) {
	if network == "unix" && !strings.HasPrefix(address, "@") { // which has no file
		return listenUNIX(ctx, address)
	}
	if host, _, err := net.SplitHostPort(address); err == nil && network == "tcp" {
		network = familyOf(host)
	}
	return new(net.ListenConfig).Listen(ctx, network, address)
}

// listenUNIX listens on a socket that only the user of this process can use. It
// does not replace a file.
func listenUNIX(ctx context.Context, path string) (net.Listener, error) {
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return makePrivate(c) }}
	l, err := private.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// listen listens for the peer on n sockets. The reply has the port if the peer
// has left it open.
func (s *served) listen(at net.Addr, network, address string, n int, open func() ([]net.Listener, error)) deferred.Deferred[[]byte] {
	if s.listening[at] != nil {
		return deferred.Fail[[]byte](errListening)
	}
	if s.ports == maxListeners {
		return deferred.Fail[[]byte](errListeners)
	}
	s.ports++
	opened := deferred.ThenDeferred(permitted(s.rules.Listen, network, address), func(struct{}) deferred.Deferred[listeners] {
		return unlessCancelled(reactor.DeferToThread(s.conn.Transport().Reactor(), func() (listeners, error) {
			return s.counted(n, open)
		}))
	})
	return deferred.ThenBoth(opened, func(ls listeners, err error) ([]byte, error) {
		if err != nil {
			s.ports--
			return nil, err
		}
		return s.opening(at, ls), nil
	})
}

// counted opens at most n listeners, which count as sockets until they are
// closed.
func (s *served) counted(n int, open func() ([]net.Listener, error)) (listeners, error) {
	release, ok := s.rules.sockets().take(n)
	if !ok {
		return nil, errSockets
	}
	ls, err := open()
	if err != nil {
		release()
		return nil, err
	}
	for i, l := range ls {
		ls[i] = &countedListener{l, func() {}}
	}
	ls[0].(*countedListener).release = release // the sockets of an address are closed together
	return ls, nil
}

// listeners are the sockets of one address.
type listeners []net.Listener

// Close closes all of them.
func (ls listeners) Close() (err error) {
	for _, l := range ls {
		err = errors.Join(err, l.Close())
	}
	return err
}

// opening starts to forward the connections of the listeners. It returns the
// reply to the peer.
func (s *served) opening(at net.Addr, ls listeners) (reply []byte) {
	if asked, ok := at.(HostPort); ok && asked.Port == 0 {
		asked.Port = ls[0].Addr().(*net.TCPAddr).Port
		at = asked
		var e wire.Encoder
		e.Uint32(uint32(asked.Port))
		reply = e.Data()
	}
	for _, l := range ls {
		s.listening[at] = append(s.listening[at], newForwarder(s.conn, l, func(ctx context.Context, c net.Conn) { s.accepted(ctx, at, c) }))
	}
	return reply
}

// accepted opens a channel for a connection, and relays it.
func (s *served) accepted(ctx context.Context, at net.Addr, c net.Conn) {
	release, ok := s.rules.sockets().take(1)
	if !ok {
		return // the other end sees the close
	}
	defer release()
	relayTo(ctx, c, func() (net.Conn, error) {
		return reactor.Await(ctx, s.conn.Transport().Reactor(), func() deferred.Deferred[*reactor.NetConn] {
			ch := &streamChannel{ready: deferred.New[*reactor.NetConn](func(deferred.Deferred[*reactor.NetConn]) {})}
			var data []byte
			switch at := at.(type) {
			case HostPort:
				ch.kind, data = forwardedTCPIP, PackOpenDirectTCPIP(at, hostPortOf(c.RemoteAddr()))
			case reactor.UNIXAddress:
				ch.kind, data = forwardedStreamlocal, append(conch.NS(at.Path), conch.NS("")...)
			}
			s.conn.OpenChannel(ch, data)
			return ch.ready
		})
	})
}

func (s *served) tcpCancel(data []byte) deferred.Deferred[[]byte] {
	at, err := UnpackGlobalTCPIPForward(data)
	if err != nil {
		return deferred.Fail[[]byte](err)
	}
	return s.cancel(at)
}

func (s *served) unixCancel(data []byte) deferred.Deferred[[]byte] {
	path, err := unpackPath(data)
	if err != nil {
		return deferred.Fail[[]byte](err)
	}
	return s.cancel(reactor.UNIXAddress{Path: path})
}

// cancel stops to listen. Connections that are open go on.
func (s *served) cancel(at net.Addr) deferred.Deferred[[]byte] {
	forwarders := s.listening[at]
	if forwarders == nil {
		return deferred.Fail[[]byte](errNotListening)
	}
	delete(s.listening, at)
	s.ports--
	for _, f := range forwarders {
		_ = f.listener.Close() // the port is free all the same
	}
	return deferred.Succeed[[]byte](nil)
}
