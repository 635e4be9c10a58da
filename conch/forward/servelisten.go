package forward

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"

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
	errNotListening = errors.New("forward: the peer does not listen on this address")
)

func (s *served) tcpListen(data []byte) deferred.Deferred[[]byte] {
	at, err := UnpackGlobalTCPIPForward(data)
	if err != nil || at.Port > maxPort || len(data) > maxOpenData {
		return deferred.Fail[[]byte](errors.Join(err, errNotListening))
	}
	hosts := s.rules.Gateway.hosts(at.Host)
	return s.listen(at, "tcp", at.String(), func() ([]net.Listener, error) { return listenTCP(hosts, at.Port) })
}

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

// listenTCP listens on the same port of all hosts. If some of the hosts can be
// used, the others are left out.
func listenTCP(hosts []string, port int) (ls []net.Listener, err error) {
	var failures []error
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			failures = append(failures, err)
			continue
		}
		ls = append(ls, l)
		port = l.Addr().(*net.TCPAddr).Port
	}
	if len(ls) == 0 {
		return nil, errors.Join(failures...)
	}
	return ls, nil
}

func (s *served) unixListen(data []byte) deferred.Deferred[[]byte] {
	path, err := unpackPath(data)
	if err != nil || len(data) > maxOpenData {
		return deferred.Fail[[]byte](errors.Join(err, errNotListening))
	}
	return s.listen(reactor.UNIXAddress{Path: path}, "unix", path, func() ([]net.Listener, error) {
		l, err := net.Listen("unix", path)
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		return []net.Listener{l}, nil
	})
}

// listen listens for the peer. The reply has the port if the peer has left it
// open.
func (s *served) listen(at net.Addr, network, address string, open func() ([]net.Listener, error)) deferred.Deferred[[]byte] {
	if s.listening[at] != nil {
		return deferred.Fail[[]byte](errListening)
	}
	if s.ports == maxListeners {
		return deferred.Fail[[]byte](errListeners)
	}
	s.ports++
	opened := deferred.ThenDeferred(permitted(s.rules.Listen, network, address), func(struct{}) deferred.Deferred[listeners] {
		return unlessCancelled(reactor.DeferToThread(s.conn.Transport().Reactor(), func() (listeners, error) { return open() }))
	})
	return deferred.ThenBoth(opened, func(ls listeners, err error) ([]byte, error) {
		if err != nil {
			s.ports--
			return nil, err
		}
		return s.opening(at, ls), nil
	})
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
