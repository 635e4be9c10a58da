package server

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
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

	// MaxChannels is the number of channels of a client that are open at the
	// same time: sessions and forwarded connections, whichever side has opened
	// them. 0 means DefaultMaxChannels; a negative value means no limit. If
	// nobody reads the data of a channel, the channel can take 3 MiB.
	MaxChannels int

	// Sockets is the number of sockets that forwarding may use, for all clients
	// together. nil means a quarter of the file descriptors of the process.
	// Forwarding of an avatar may have another limit.
	Sockets *forward.SocketLimit

	// ClientAliveInterval is the time without any data of the client after which
	// the server asks whether the client is alive. ClientAliveCountMax is the
	// number of such questions without an answer that end the connection. A
	// client that takes no data loses the connection after the same time. 0
	// means the default; a negative interval asks never.
	ClientAliveInterval time.Duration
	ClientAliveCountMax int

	// ChannelTimeouts closes channels that carry no data. The first one with the
	// type of a channel counts. By default no channel is closed.
	ChannelTimeouts []ChannelTimeout

	// UnusedConnectionTimeout ends connections that have had no open channel
	// for that time, from the login on. Listeners of the client do not count as
	// channels. 0 or less means never, the default.
	UnusedConnectionTimeout time.Duration

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

	transports  map[*SSHServerTransport]struct{} // all that have goroutines
	connections int                              // of these, not closed
	closing     bool                             // Shutdown was called
	startups    startups
	penalties   penalties
	refusals    refusals
	secret      []byte            // for the duration of refused attempts
	lists       *conch.Algorithms // made for the first connection
}

// Defaults of SSHFactory. They are those of OpenSSH's sshd, which does not ask
// whether clients are alive, and does not limit the channels that are no
// sessions.
const (
	DefaultLoginGraceTime      = 120 * time.Second
	DefaultMaxAuthTries        = 6
	DefaultMaxSessions         = 10
	DefaultMaxChannels         = 256
	DefaultClientAliveInterval = 30 * time.Second
	DefaultClientAliveCountMax = 4
)

// Connections returns the number of connections.
func (f *SSHFactory) Connections() int { return f.connections }

// StartFactory checks the fields. It panics if the factory cannot serve.
func (f *SSHFactory) StartFactory() {
	f.closing = false
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

// limits returns the limits of a connection. NewConnection may have set others.
func (f *SSHFactory) limits(own conch.Limits) conch.Limits {
	if channels := cmp.Or(f.MaxChannels, DefaultMaxChannels); channels > 0 {
		own.All = cmp.Or(own.All, channels)
	}
	own.Channels = cmp.Or(own.Channels, own.All, math.MaxInt)
	if own.Idle == nil && len(f.ChannelTimeouts) > 0 {
		own.Idle = f.channelTimeout
	}
	return own
}

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
	if f.closing {
		_ = c.Close()
		return
	}
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
	f.connections++
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
