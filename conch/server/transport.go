package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
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
	avatar  Avatar // nil before the login
	login   Login
	grace   *reactor.DelayedCall
	phase   string // of the handshake, for the log
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
	t.phase = "version"
	t.login.Remote, t.login.Local = t.conn.RemoteAddr(), t.conn.LocalAddr()
	t.Start(r, t, (*side)(t))
	if limit := t.factory.graceTime(); limit > 0 {
		t.grace = r.CallLater(limit, t.graceOver)
	}
	t.WhenClosed().OnResult(func(struct{}, error) { t.closed() })
	t.debug("Connection accepted")
}

func (f *SSHFactory) graceTime() time.Duration {
	return cmp.Or(f.LoginGraceTime, DefaultLoginGraceTime)
}

func (t *SSHServerTransport) graceOver() {
	t.info("Login grace time is over", "phase", t.phase)
	t.AbortBecause(ErrLoginGrace)
}

// closed cleans up when the connection has ended.
func (t *SSHServerTransport) closed() {
	t.stopGrace()
	delete(t.factory.transports, t)
	if t.avatar != nil {
		t.guard("Logout", t.avatar.Logout)
	}
	t.debug("Connection closed", "err", t.Lost())
}

func (t *SSHServerTransport) stopGrace() {
	if t.grace != nil && t.grace.Active() {
		_ = t.grace.Cancel() // it is active
	}
}

// restrict adds to what the login may not do.
func (t *SSHServerTransport) restrict(r cred.Restrictions) (err error) {
	t.login.Restrictions, err = t.login.Restrictions.And(r)
	return err
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
	_, _ = s.conn.Write([]byte("Invalid SSH identification string.\r\n")) // the connection ends anyway
	return fmt.Errorf("server: the client is no SSH client, and says %s", text.Quote(line))
}

// Handshake runs on the handshake goroutine.
func (s *side) Handshake(life context.Context, c net.Conn) (handshake.Result, error) {
	t := (*SSHServerTransport)(s)
	a := &authentication{t: t, life: life}
	config, err := reactor.Await(life, t.Reactor(), func() deferred.Deferred[*gossh.ServerConfig] { return deferred.Maybe(a.begin) })
	if err != nil {
		return handshake.Result{}, err
	}
	conn, channels, requests, err := gossh.NewServerConn(c, config)
	if err != nil {
		return handshake.Result{}, a.explain(err)
	}
	return handshake.Result{Conn: conn, Channels: channels, Requests: requests}, nil
}

// Failed is called on the loop.
func (s *side) Failed(err error) {
	t := (*SSHServerTransport)(s)
	t.info("Connection failed before the login", "phase", t.phase, "err", err)
}

// Authenticated is called on the loop.
func (s *side) Authenticated() {
	t := (*SSHServerTransport)(s)
	t.stopGrace()
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
		t.avatar.base().conn = c
		t.serveForwarding(c)
	}); err != nil {
		t.fail("NewConnection", err)
		return
	}
	if err := t.SetService(c); err != nil {
		t.fail("ServiceStarted", err)
		return
	}
	f := t.factory
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
		logger.With("peer", t.conn.RemoteAddr()).Log(t.Context(), level, message, args...)
	}
}
