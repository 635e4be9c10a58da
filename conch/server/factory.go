package server

import (
	"cmp"
	"errors"
	"net"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// SSHFactory is an SSH server: pass it to ListenTCP, to an endpoint, or to any
// other listener of a reactor. It is Twisted's SSHFactory. Set its fields before
// it is used; a factory may serve several ports. All methods belong to the loop.
type SSHFactory struct {
	reactor.BaseFactory

	// Portal decides about logins. It is needed unless NewAuth is set.
	Portal *cred.Portal[Avatar]

	// PrivateKeys are the keys by which clients recognise the server, one of
	// each type. At least one is needed.
	PrivateKeys []gossh.Signer

	// NewAuth returns the authentication of a new connection. nil means
	// an SSHUserAuthServer with Portal.
	NewAuth func() UserAuthServer

	// NewConnection returns the connection of an avatar. nil means a
	// plain SSHConnection.
	NewConnection func(Avatar) Connection

	// AuthenticationMethods are the sequences of methods that a login needs, as
	// in sshd_config: {{"publickey", "password"}} demands both, in this order.
	// Empty means any one method.
	AuthenticationMethods [][]string

	// LoginGraceTime is the longest time from the connection to the end of
	// authentication. 0 means DefaultLoginGraceTime; a negative value means no
	// limit.
	LoginGraceTime time.Duration

	// MaxAuthTries is the number of failed attempts that end a connection. 0
	// means DefaultMaxAuthTries.
	MaxAuthTries int

	// MaxSessions is the number of sessions that a client may have open at the
	// same time. 0 means DefaultMaxSessions; a negative value means none.
	MaxSessions int

	// ClientAliveInterval is the time without any data of the client after which
	// the server asks whether the client is alive. ClientAliveCountMax is the
	// number of such questions without an answer that end the connection. 0
	// means the default; a negative interval asks never.
	ClientAliveInterval time.Duration
	ClientAliveCountMax int

	// Version follows "SSH-2.0-" in the version line. Empty means "hawser".
	Version string

	// Reactor is needed only for connections that do not come from a plain
	// socket, such as TLS or a wrapping factory. nil means reactor.Default().
	Reactor *reactor.Reactor

	transports map[*SSHServerTransport]struct{}
}

// Defaults of SSHFactory. They are those of OpenSSH's sshd, which does not ask
// whether clients are alive.
const (
	DefaultLoginGraceTime      = 120 * time.Second
	DefaultMaxAuthTries        = 6
	DefaultMaxSessions         = 10
	DefaultClientAliveInterval = 30 * time.Second
	DefaultClientAliveCountMax = 4
)

// Shutdown waits until the clients have gone, at most for limit, and then closes
// their connections. Stop the ports of the factory first. The Deferred fires when
// no connection is left.
func (f *SSHFactory) Shutdown(clock reactor.Clock, limit time.Duration) deferred.Deferred[struct{}] {
	timer := clock.CallLater(limit, func() {
		for t := range f.transports {
			t.AbortConnection()
		}
	})
	var all []deferred.Deferred[struct{}]
	for t := range f.transports {
		all = append(all, t.WhenClosed().AddErrback(func(error) (struct{}, error) { return struct{}{}, nil }))
	}
	return deferred.Then(deferred.Gather(all), func([]struct{}) (struct{}, error) {
		if timer.Active() {
			_ = timer.Cancel() // it is active
		}
		return struct{}{}, nil
	})
}

// Connections returns the number of connections.
func (f *SSHFactory) Connections() int { return len(f.transports) }

// StartFactory checks the fields. It panics if the factory cannot serve.
func (f *SSHFactory) StartFactory() {
	if err := f.check(); err != nil {
		panic(err)
	}
}

func (f *SSHFactory) check() error {
	switch {
	case len(f.PrivateKeys) == 0:
		return errors.New("server: SSHFactory needs a host key in PrivateKeys")
	case f.Portal == nil && f.NewAuth == nil:
		return errors.New("server: SSHFactory needs a Portal")
	}
	return nil
}

// BuildProtocol returns the protocol of a connection.
func (f *SSHFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) {
	return &protocol{NetConn: reactor.NewNetConn(cmp.Or(f.Reactor, reactor.Default())), f: f}, nil
}

// protocol gives the connections of a listener to the factory. Over a transport
// that is no plain socket it is a NetConn.
type protocol struct {
	*reactor.NetConn
	f *SSHFactory
}

// TakeConn implements reactor.ConnTaker.
func (p *protocol) TakeConn(r *reactor.Reactor, c net.Conn) { p.f.serve(r, c) }

// ConnectionMade is called over transports that are no plain sockets.
func (p *protocol) ConnectionMade() {
	p.NetConn.ConnectionMade()
	p.f.serve(cmp.Or(p.f.Reactor, reactor.Default()), p.NetConn)
}

// serve serves one connection.
func (f *SSHFactory) serve(r *reactor.Reactor, c net.Conn) {
	t := &SSHServerTransport{factory: f, conn: c}
	if f.transports == nil {
		f.transports = make(map[*SSHServerTransport]struct{})
	}
	f.transports[t] = struct{}{}
	t.start(r)
}
