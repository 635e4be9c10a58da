package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/text"
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

	// PermitEmptyPasswords lets AuthPassword judge empty passwords, which are
	// refused otherwise.
	PermitEmptyPasswords bool

	// Restrictions is what no login may do. They add to those of keys and
	// certificates. A key with another forced command is refused.
	Restrictions cred.Restrictions

	// Algorithms are the algorithms that the server offers. An empty list means
	// the one of conch.DefaultAlgorithms. HostKeys limits the PrivateKeys.
	Algorithms conch.Algorithms

	// LegacyAlgorithms adds those of conch.LegacyAlgorithms to lists that are
	// empty. Old clients need them, for instance to sign with ssh-rsa.
	LegacyAlgorithms bool

	// LoginGraceTime is the longest time from the connection to the end of
	// authentication. 0 means DefaultLoginGraceTime; a negative value means no
	// limit.
	LoginGraceTime time.Duration

	// MaxAuthTries is the number of failed attempts that end a connection. 0
	// means DefaultMaxAuthTries. A negative value means no limit but the one of
	// x/crypto/ssh, which ends a connection after 128 requests of any kind.
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

	// MaxStartups limits the connections that have not logged in. The zero value
	// means 10:30:100.
	MaxStartups MaxStartups

	// PerSourceMaxStartups is the number of connections of one source that have
	// not logged in. 0 means no limit. Peers without an IP address have none.
	PerSourceMaxStartups int

	// SourcePrefix4 and SourcePrefix6 are the number of leading bits of an IPv4
	// and of an IPv6 address that make a source, for PerSourceMaxStartups and
	// Penalties. 0 means 32 and 128.
	SourcePrefix4, SourcePrefix6 int

	// Penalties refuses sources whose connections have ended badly. The zero
	// value means OpenSSH's penalties for all sources but this machine.
	Penalties Penalties

	// Version follows "SSH-2.0-" in the version line. Empty means "hawser".
	Version string

	// Reactor is needed only for connections that do not come from a plain
	// socket, such as TLS or a wrapping factory. nil means reactor.Default().
	Reactor *reactor.Reactor

	transports map[*SSHServerTransport]struct{}
	startups   startups
	penalties  penalties
	refusals   refusals
	secret     []byte            // for the duration of refused attempts
	lists      *conch.Algorithms // made for the first connection
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
	if err := f.Algorithms.Validate(); err != nil {
		return fmt.Errorf("server: %s", text.TrimPrefix(err))
	}
	return cmp.Or(f.checkMethods(), f.MaxStartups.check(), f.checkPrefixes())
}

// algorithms returns the lists of a server. The PublicKeys are as x/crypto/ssh
// takes them: an algorithm of a key is one of its certificates too.
func (f *SSHFactory) algorithms() *conch.Algorithms {
	if f.lists == nil {
		lists := f.Algorithms.OrDefault(f.LegacyAlgorithms)
		known := slices.Concat(gossh.SupportedAlgorithms().PublicKeyAuths, gossh.InsecureAlgorithms().PublicKeyAuths)
		lists.PublicKeys = slices.DeleteFunc(slices.Clone(lists.PublicKeys), func(name string) bool { return !slices.Contains(known, name) })
		f.lists = &lists
	}
	return f.lists
}

// checkMethods checks AuthenticationMethods.
func (f *SSHFactory) checkMethods() error {
	known := []string{"publickey", "password", "keyboard-interactive", "none"}
	for _, sequence := range f.AuthenticationMethods {
		if len(sequence) == 0 {
			return errors.New("server: AuthenticationMethods has an empty sequence")
		}
		for _, method := range sequence {
			if !slices.Contains(known, method) {
				return fmt.Errorf("server: AuthenticationMethods has the unknown method %s; known: %s", text.Quote(method), strings.Join(known, ", "))
			}
			if method == "none" && len(sequence) > 1 {
				return errors.New("server: AuthenticationMethods has none beside other methods")
			}
		}
	}
	return nil
}

func (f *SSHFactory) maxAuthTries() int { return cmp.Or(f.MaxAuthTries, DefaultMaxAuthTries) }

func (f *SSHFactory) version() string { return "SSH-2.0-" + cmp.Or(f.Version, "hawser") }

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

// serve serves one connection, or refuses it.
func (f *SSHFactory) serve(r *reactor.Reactor, c net.Conn) {
	source, isIP := f.sourceOf(plainAddr(c.RemoteAddr()))
	if why := f.admit(r, source, isIP); why != "" {
		f.refusals.refuse(r, c, why)
		return
	}
	t := &SSHServerTransport{factory: f, conn: c, source: source, isIP: isIP}
	if f.transports == nil {
		f.transports = make(map[*SSHServerTransport]struct{})
	}
	f.transports[t] = struct{}{}
	f.startups.add(source)
	t.start(r)
}

// admit decides about a new connection. It returns the line that a refused
// client gets, and "" if the connection is served.
func (f *SSHFactory) admit(r *reactor.Reactor, source netip.Prefix, isIP bool) string {
	if isIP && f.penalties.refuses(&f.Penalties, source, r.Now()) {
		return "Not allowed at this time"
	}
	limit := f.MaxStartups.orDefault()
	tooMany := isIP && f.PerSourceMaxStartups > 0 && f.startups.of(source) >= f.PerSourceMaxStartups
	if tooMany || f.startups.drops(limit, random) {
		f.startups.dropped(r.Logger())
		return "Exceeded MaxStartups"
	}
	f.startups.kept(r.Logger(), limit)
	return ""
}
