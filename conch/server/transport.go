package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/handshake"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// SSHServerTransport is the server's end of an SSH connection. Its methods
// belong to the loop. It is Twisted's SSHServerTransport.
type SSHServerTransport struct {
	conch.SSHTransport
	factory *SSHFactory
	conn    net.Conn
	auth    UserAuthServer
	avatar  Avatar     // nil before the login
	service Connection // nil before ServiceStarted
	login   Login
	grace   *reactor.DelayedCall
	phase   string // of the handshake, for the log

	source  netip.Prefix // of the connection, for limits
	isIP    bool         // the source has an IP address
	slot    bool         // counted by factory.startups
	outcome outcome
	meter   atomic.Pointer[meter] // counts bytes; nil before the handshake
	proofs  rekeyLimit            // of host keys

	hostKeyName string // the algorithm of the key exchange
}

// ErrLoginGrace is the reason of a connection that has not logged in within
// SSHFactory.LoginGraceTime.
var ErrLoginGrace = errors.New("server: the client has not logged in in time")

// TransportOf returns the server's transport of a connection, and nil before
// ServiceStarted and on a client.
func TransportOf(c conch.Connection) *SSHServerTransport {
	below := c.Transport()
	if below == nil {
		return nil
	}
	t, _ := below.Self().(*SSHServerTransport)
	return t
}

// Factory returns the factory that serves the connection.
func (t *SSHServerTransport) Factory() *SSHFactory { return t.factory }

// Avatar returns the user, and nil before the login.
func (t *SSHServerTransport) Avatar() Avatar { return t.avatar }

// start begins to serve.
func (t *SSHServerTransport) start(r *reactor.Reactor) {
	t.phase, t.slot = "version", true
	t.login.Remote, t.login.Local = plainAddr(t.conn.RemoteAddr()), plainAddr(t.conn.LocalAddr())
	t.login.Restrictions = t.factory.Restrictions
	t.Start(r, t, (*side)(t))
	if limit := t.factory.graceTime(); limit > 0 {
		t.grace = r.CallLater(limit, t.graceOver)
	}
	t.WhenClosed().OnResult(func(struct{}, error) { t.closed() })
	t.WhenDone().OnValue(func(struct{}) { delete(t.factory.transports, t) })
	t.debug("Connection accepted")
}

func (f *SSHFactory) graceTime() time.Duration {
	return cmp.Or(f.LoginGraceTime, DefaultLoginGraceTime)
}

func (t *SSHServerTransport) graceOver() {
	t.info("Login grace time is over", "phase", t.phase)
	t.outcome.late = true
	t.AbortBecause(ErrLoginGrace)
}

// closed cleans up when the connection has ended.
func (t *SSHServerTransport) closed() {
	t.freeSlot()
	t.penalise()
	t.factory.connections--
	if t.avatar != nil {
		t.logOut()
	}
	t.debug("Connection closed", "err", t.Lost())
}

// logOut calls Logout of the avatar, after Closed of the channels.
func (t *SSHServerTransport) logOut() {
	var ends []deferred.Deferred[struct{}]
	if c, ok := t.avatar.base().conn.(Connection); ok {
		for _, ch := range c.serverBase().Channels() {
			if d, ok := whenClosed(ch); ok {
				ends = append(ends, d)
			}
		}
	}
	all := deferred.List(ends, deferred.ConsumeErrors)
	all.OnValue(func([]deferred.Outcome[struct{}]) { t.guard("Logout", t.avatar.Logout) })
}

// freeSlot notes that the connection has logged in, or has ended.
func (t *SSHServerTransport) freeSlot() {
	if t.grace != nil && t.grace.Active() {
		_ = t.grace.Cancel() // it is active
	}
	if t.slot {
		t.slot = false
		t.factory.startups.remove(t.source)
	}
}

// outcome is how a connection has ended before the login.
type outcome struct {
	loggedIn, attempted, unknownUser, late, crashed bool
}

// penalise punishes the source of a connection that has ended without a login.
func (t *SSHServerTransport) penalise() {
	if o := t.outcome; t.isIP && !o.loggedIn && !errors.Is(t.Lost(), conch.ErrClosedLocally) {
		p := &t.factory.Penalties
		t.factory.penalties.add(p, t.source, p.of(o, t.Lost()), t.Reactor().Now())
	}
}

// side is the transport as the core sees it while it is set up.
type side SSHServerTransport

// Dial returns the connection that was accepted.
func (s *side) Dial(context.Context) (net.Conn, error) { return s.conn, nil }

// VersionReceived runs on the goroutine that reads.
func (s *side) VersionReceived(line string) {
	t := (*SSHServerTransport)(s)
	t.Reactor().CallFromThread(func() {
		t.phase, t.login.ClientVersion = "key exchange", line
		t.debug("Client has sent its version line", "version", line)
	})
}

// TextReceived refuses lines before the version line of a client. It runs on the
// goroutine that reads.
func (s *side) TextReceived(line string) error {
	s.say("Invalid SSH identification string.")
	return fmt.Errorf("server: the client is no SSH client, and says %s", text.Quote(line))
}

// VersionRefused runs on the goroutine that reads.
func (s *side) VersionRefused(tooLong bool) {
	if tooLong {
		s.say("Invalid SSH identification string.")
	} else {
		s.say("Protocol major versions differ.")
	}
}

// say sends a line of text to the client, if it can be sent at once. The
// connection ends anyway.
func (s *side) say(line string) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(refusalTime))
	_, _ = io.WriteString(s.conn, line+"\r\n")
}

// Handshake runs on the handshake goroutine.
func (s *side) Handshake(life context.Context, c net.Conn) (result handshake.Result, err error) {
	t := (*SSHServerTransport)(s)
	m := &meter{Conn: c}
	t.meter.Store(m)
	a := &authentication{t: t, life: life}
	config, err := reactor.Await(life, t.Reactor(), func() deferred.Deferred[*gossh.ServerConfig] { return deferred.Maybe(a.begin) })
	if err != nil {
		return result, err
	}
	var conn *gossh.ServerConn
	panicked := hook.Call(func() {
		if conn, result.Channels, result.Requests, err = gossh.NewServerConn(m, config); err == nil {
			result.Conn = conn
			m.loggedIn.Store(true)
		}
	})
	if panicked != nil {
		return handshake.Result{}, panicked
	}
	if err != nil {
		return handshake.Result{}, a.explain(err)
	}
	if known, ok := conn.Conn.(gossh.AlgorithmsConnMetadata); ok {
		name := known.Algorithms().HostKey
		t.Reactor().CallFromThread(func() { t.hostKeyName = name }) // before Authenticated
	}
	return result, nil
}

// Failed is called on the loop.
func (s *side) Failed(err error) {
	t := (*SSHServerTransport)(s)
	if _, panicked := errors.AsType[*deferred.PanicError](err); panicked {
		t.outcome.crashed = true
		hook.Log(t.Reactor().Logger(), "handshake", err)
	}
	t.info("Connection failed before the login", "phase", t.phase, userAttr(t.login.User), "version", t.login.ClientVersion,
		"err", text.Line(err.Error()))
}

// Authenticated is called on the loop.
func (s *side) Authenticated() {
	t := (*SSHServerTransport)(s)
	t.freeSlot()
	t.outcome.loggedIn = true
	if t.Context().Err() != nil {
		return // the transport closes the connection
	}
	t.phase = "service"
	c := Connection(new(SSHConnection))
	if err := hook.Call(func() {
		if t.factory.NewConnection != nil {
			c = t.factory.NewConnection(t.avatar)
		}
		b := c.serverBase()
		b.avatar, b.factory = t.avatar, t.factory
		b.Limits = t.factory.limits(b.Limits)
		t.avatar.base().conn = c
		t.serveForwarding(c)
		t.serveHostKeys(c)
	}); err != nil {
		t.fail("NewConnection", err)
		return
	}
	if err := t.SetService(c); err != nil {
		t.fail("ServiceStarted", err)
		return
	}
	f := t.factory
	t.service = c
	t.announceHostKeys()
	b := c.serverBase()
	b.SSHConnection.SetUnusedTimeout(f.UnusedConnectionTimeout)
	if limit := f.channelTimeout(global); limit > 0 {
		b.SSHConnection.SetIdleTimeout(limit)
	}
	t.KeepAlive(cmp.Or(f.ClientAliveInterval, DefaultClientAliveInterval), cmp.Or(f.ClientAliveCountMax, DefaultClientAliveCountMax))
}

// fail ends the connection because of an error in a hook.
func (t *SSHServerTransport) fail(what string, err error) {
	hook.Log(t.Reactor().Logger(), what, err)
	t.AbortConnection()
}

// guard calls a hook. A panic in the hook is logged.
func (t *SSHServerTransport) guard(name string, f func()) {
	if err := hook.Call(f); err != nil {
		hook.Log(t.Reactor().Logger(), name, err)
	}
}

func (t *SSHServerTransport) debug(message string, args ...any) {
	t.log(slog.LevelDebug, message, args)
}
func (t *SSHServerTransport) info(message string, args ...any) { t.log(slog.LevelInfo, message, args) }

func (t *SSHServerTransport) log(level slog.Level, message string, args []any) {
	if logger := t.Reactor().Logger(); logger.Enabled(t.Context(), level) {
		logger.With("remote", t.conn.RemoteAddr()).Log(t.Context(), level, message, args...)
	}
}
