package forward

import (
	"context"
	"errors"
	"net"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The types of channels that connect to an address.
const (
	directTCPIP       = "direct-tcpip"
	directStreamlocal = "direct-streamlocal@openssh.com"
)

// Serve lets the peer forward connections through this side, as rules allow: ssh
// -L, -R, -D and -W of a client. This side connects before it grants a channel.
// Everything ends with the SSH connection. Serve belongs to the loop, and may be
// called before the connection starts, once for each connection.
func Serve(conn conch.Connection, rules Rules) {
	s := &served{conn: conn, rules: rules, listening: make(map[net.Addr][]*Forwarder)}
	conn.HandleChannel(directTCPIP, s.tcpOpened)
	conn.HandleChannel(directStreamlocal, s.unixOpened)
	conn.HandleGlobalRequest("tcpip-forward", s.tcpListen)
	conn.HandleGlobalRequest("cancel-tcpip-forward", s.tcpCancel)
	conn.HandleGlobalRequest("streamlocal-forward@openssh.com", s.unixListen)
	conn.HandleGlobalRequest("cancel-streamlocal-forward@openssh.com", s.unixCancel)
}

// served is what one peer forwards. It belongs to the loop.
type served struct {
	conn      conch.Connection
	rules     Rules
	listening map[net.Addr][]*Forwarder // by the address that the peer asked for, with the port that was chosen
	ports     int                       // entries of listening, and those that are being made
}

// maxPort is the largest port number.
const maxPort = 1<<16 - 1

func (s *served) tcpOpened(data []byte) deferred.Deferred[conch.Channel] {
	to, _, err := UnpackOpenDirectTCPIP(data)
	if err != nil || to.Port > maxPort || len(data) > maxOpenData {
		return deferred.Fail[conch.Channel](prohibited(err))
	}
	if to.Host == "" { // package net would connect to this machine
		return deferred.Fail[conch.Channel](dialFailed(&net.DNSError{Err: "no name", IsNotFound: true}))
	}
	return s.opened(directTCPIP, "tcp", to.String())
}

func (s *served) unixOpened(data []byte) deferred.Deferred[conch.Channel] {
	path, err := unpackOpenStreamlocal(data)
	if err != nil || len(data) > maxOpenData || !usablePath(path) {
		return deferred.Fail[conch.Channel](prohibited(err))
	}
	return s.opened(directStreamlocal, "unix", path)
}

// prohibited returns the refusal of a channel that no rule allows. The peer does
// not get err.
func prohibited(err error) error {
	return &conch.ConchError{Value: "open failed", Data: conch.OpenAdministrativelyProhibited, Err: err}
}

var errSockets = errors.New("forward: peers use too many sockets")

// opened connects to an address, and returns a channel that is relayed to it.
func (s *served) opened(kind, network, address string) deferred.Deferred[conch.Channel] {
	release := func() {}
	dialled := deferred.ThenDeferred(permitted(s.rules.Open, network, address), func(struct{}) deferred.Deferred[net.Conn] {
		give, ok := s.rules.sockets().take(1)
		if !ok {
			return deferred.Fail[net.Conn](&conch.ConchError{Value: "open failed", Data: conch.OpenResourceShortage, Err: errSockets})
		}
		release = give
		return s.dial(network, address)
	})
	return deferred.ThenBoth(dialled, func(to net.Conn, err error) (conch.Channel, error) {
		if err != nil {
			release()
			return nil, err
		}
		ch := &streamChannel{kind: kind, ready: deferred.New[*reactor.NetConn]()}
		ch.ready.OnResult(func(from *reactor.NetConn, err error) {
			if err != nil {
				to.Close()
				release()
				return
			}
			s.relay(from, to, release)
		})
		return ch, nil
	})
}

// dial connects on a goroutine of its own, which ends with the connection at the
// latest.
func (s *served) dial(network, address string) deferred.Deferred[net.Conn] {
	t := s.conn.Transport()
	ctx, cancel := context.WithCancel(t.Context())
	d := deferred.New(func(deferred.Deferred[net.Conn]) { cancel() })
	release := t.Hold()
	go func() {
		defer release()
		c, err := s.rules.dialer().DialContext(ctx, network, address)
		cancel()
		posted := t.Reactor().CallFromThread(func() {
			switch {
			case err != nil:
				_ = d.TryErrback(dialFailed(err)) // it may have been cancelled
			case d.TryCallback(c) != nil:
				c.Close()
			}
		})
		if !posted && c != nil {
			c.Close()
		}
	}()
	return d
}

// relay relays on a goroutine of its own, which ends with the two connections.
func (s *served) relay(from, to net.Conn, done func()) {
	t := s.conn.Transport()
	release := t.Hold()
	go func() {
		defer release()
		defer done()
		relay(t.Context(), from, to)
	}()
}
