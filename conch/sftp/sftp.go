package sftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/blocking"
	"github.com/hawser-go/hawser/conch/filetransfer/transfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The phases of Open that follow those of Connect.
const (
	PhaseChannel   client.Phase = "channel"
	PhaseSubsystem client.Phase = "sftp subsystem"
	PhaseVersion   client.Phase = "sftp version"
)

// Options says how Open connects. The zero value does what the sftp command does without options.
type Options struct {
	client.Options

	// User is whom to log in as if the target does not say. Empty means the user who runs the program.
	User string
	// Verify decides about the host key. Nil means client.VerifyHostKey.
	Verify client.HostKeyVerifier
	// Auth makes the authentication, after which instance is to be started. Nil means client.NewDefaultAuthClient.
	Auth func(user string, instance conch.Connection) client.UserAuthClient
	// Subsystem is what to ask the server for. Empty means "sftp"; what begins with a slash is a command to be run instead.
	Subsystem string
}

// limit is the time limit of the whole set-up; negative means none.
func (o *Options) limit() time.Duration { return cmp.Or(o.Timeout, client.DefaultTimeout) }

func (o *Options) subsystem() string {
	if o.Subsystem == "" {
		return "sftp"
	}
	return o.Subsystem
}

// Client is an SFTP session over SSH: a client for single operations, and a session for whole transfers, which may open further channels of
// the connection. All of it belongs to the reactor goroutine.
type Client struct {
	*filetransfer.FileTransferClient
	*transfer.Session

	channel *sftpChannel
	conn    conch.Connection
	owns    bool // the connection was made for the session
}

// Open connects to target, checks the host key, authenticates and opens an SFTP session, in one call. target is host, user@host,
// host:port, user@host:port, or a URL such as sftp://user@host:port. The Deferred fires when the server has said which version it speaks. It fails with
// a [*ConnectError] that names the phase, and with deferred.ErrCancelled when it is cancelled. options.Timeout bounds the whole of it.
//
//	d := conch.Open(r, "me@example.org", conch.Options{})
//	deferred.ThenDeferred(d, func(s *conch.SFTP) deferred.Deferred[transfer.Report] {
//		return s.Get("remote", "local", transfer.Options{})
//	})
func Open(r *reactor.Reactor, target string, options Options) deferred.Deferred[*Client] {
	to, err := parseTarget(target, options.User)
	if err != nil {
		return deferred.Fail[*Client](err)
	}
	conn := new(conch.SSHConnection)
	var auth client.UserAuthClient
	if options.Auth != nil {
		auth = options.Auth(to.user, conn)
	} else {
		auth = client.NewDefaultAuthClient(to.user, conn)
	}
	began := r.Now()
	return deferred.Inline(func(co *deferred.Coro) (*Client, error) {
		if _, err := deferred.Await(co, client.Connect(r, to.host, to.port, options.Options, options.Verify, auth)); err != nil {
			return nil, err
		}
		limit := options.limit()
		if limit > 0 {
			limit = max(limit-r.Now().Sub(began), time.Millisecond)
		}
		s, err := deferred.Await(co, open(conn, options.subsystem(), limit, net.JoinHostPort(to.host, strconv.Itoa(to.port))))
		if err != nil {
			conn.LoseConnection()
			return nil, err
		}
		s.owns = true
		return s, nil
	})
}

// OpenOn opens an SFTP session on a connection whose ServiceStarted has been called. It may be called any number of times. Closing the session
// leaves the connection open. options are as in Open, as far as they are about the session: Subsystem and Timeout.
func OpenOn(conn conch.Connection, options Options) deferred.Deferred[*Client] {
	t := conn.Transport()
	if t == nil {
		panic("sftp: OpenOn before ServiceStarted")
	}
	addr := ""
	if peer := t.GetPeer(); peer != nil {
		addr = peer.String()
	}
	return open(conn, options.subsystem(), options.limit(), addr)
}

func open(conn conch.Connection, subsystem string, limit time.Duration, addr string) deferred.Deferred[*Client] {
	r := conn.Transport().Reactor()
	ch := newSFTPChannel(subsystem)
	ch.ready.AddErrback(func(err error) (*filetransfer.FileTransferClient, error) {
		if !errors.Is(err, deferred.ErrCancelled) {
			err = &client.ConnectError{Phase: ch.phase, Addr: addr, Err: err}
		}
		return nil, err
	})
	if limit > 0 {
		ch.ready.AddTimeoutFunc(r, limit, func(*filetransfer.FileTransferClient, error, time.Duration) (*filetransfer.FileTransferClient, error) {
			return nil, &client.ConnectError{Phase: ch.phase, Addr: addr, Err: client.ErrTimeout}
		})
	}
	conn.OpenChannel(ch)
	return deferred.Then(ch.ready, func(c *filetransfer.FileTransferClient) (*Client, error) {
		s := &Client{FileTransferClient: c, Session: transfer.NewSession(c, r), channel: ch, conn: conn}
		s.Session.OpenLane = s.openLane
		return s, nil
	})
}

// openLane opens another channel for transfers. That the subsystem is there is known; its confirmation need not be waited for.
func (s *Client) openLane() deferred.Deferred[*filetransfer.FileTransferClient] {
	c := newSFTPChannel(s.channel.subsystem)
	c.like = s.FileTransferClient
	s.conn.OpenChannel(c)
	return c.ready
}

// Connection returns the SSH connection that the session runs over.
func (s *Client) Connection() conch.Connection { return s.conn }

// Blocking returns the session for goroutine code. What it returns may be used on any goroutine but the reactor's.
func (s *Client) Blocking() *blocking.Client {
	r := s.conn.Transport().Reactor()
	return blocking.New(s.Session, func(ctx context.Context, f func() deferred.Deferred[struct{}]) error {
		_, err := reactor.Await(ctx, r, f)
		return err
	})
}

// LoseConnection closes the session and its channels, and the connection too if Open made it. What is outstanding fails. A second call
// does nothing.
func (s *Client) LoseConnection() {
	s.CloseLanes()
	if s.owns {
		s.conn.LoseConnection()
	} else {
		s.channel.LoseConnection()
	}
}

// Closed returns a Deferred that fires when the session is over: with nil if it was closed on this side, and else with the reason. Each call
// returns another one.
func (s *Client) Closed() deferred.Deferred[error] {
	if s.channel.over {
		return deferred.Succeed(s.channel.reason)
	}
	d := deferred.New[error]()
	s.channel.tell = append(s.channel.tell, d)
	return d
}

// Stderr returns what the server's program has written to its standard error, the first 4 KiB of it.
func (s *Client) Stderr() string { return string(s.channel.stderr) }

// maxStderr is how much of the server's standard error is kept, in bytes.
const maxStderr = 4 << 10

// sftpChannel is the channel of an SFTP session.
type sftpChannel struct {
	conch.SSHChannel
	subsystem string
	like      *filetransfer.FileTransferClient // of a further channel: the first one's
	client    *filetransfer.FileTransferClient
	ready     deferred.Deferred[*filetransfer.FileTransferClient]
	phase     client.Phase
	stderr    []byte
	exit      error // what the server's program ended with
	over      bool
	byServer  bool  // the server has closed the channel
	reason    error // for Closed, once that was called; nil if it was closed on this side
	tell      []deferred.Deferred[error]
}

func newSFTPChannel(subsystem string) *sftpChannel {
	c := &sftpChannel{subsystem: subsystem, phase: PhaseChannel, client: filetransfer.NewFileTransferClient()}
	c.ready = deferred.New(func(deferred.Deferred[*filetransfer.FileTransferClient]) { c.AbortConnection() })
	return c
}

func (c *sftpChannel) Name() string { return "session" }

func (c *sftpChannel) ChannelOpen([]byte) {
	if c.ready.Called() { // given up
		c.AbortConnection()
		return
	}
	c.phase = PhaseSubsystem
	request := "subsystem"
	if strings.HasPrefix(c.subsystem, "/") {
		request = "exec"
	}
	d := c.Conn().SendRequest(c, request, conch.NS(c.subsystem), c.like == nil)
	d.AddCallbacks(c.started, func(err error) ([]byte, error) {
		c.fail(err)
		return nil, nil
	})
}

func (c *sftpChannel) OpenFailed(reason error) { c.fail(reason) }

// started begins the session. The first one waits for the server's version, to be sure that it is one.
func (c *sftpChannel) started([]byte) ([]byte, error) {
	c.phase = PhaseVersion
	if c.like != nil {
		c.client.AssumeLimitsOf(c.like)
	} else {
		c.client.GotServerVersion = func(uint32, map[string]string) { _ = c.ready.TryCallback(c.client) }
	}
	c.client.MakeConnection(c)
	if c.like != nil {
		_ = c.ready.TryCallback(c.client)
	}
	return nil, nil
}

func (c *sftpChannel) DataReceived(p []byte) { c.client.DataReceived(p) }

func (c *sftpChannel) ExtReceived(_ uint32, p []byte) {
	c.stderr = append(c.stderr, p[:min(len(p), maxStderr-len(c.stderr))]...)
	c.Recycle(p)
}

func (c *sftpChannel) ExitStatusReceived(status uint32) {
	if status != 0 {
		c.exit = fmt.Errorf("sftp: the server's program ended with status %d", status)
	}
}

func (c *sftpChannel) ExitSignalReceived(signal conch.ExitSignal) {
	c.exit = fmt.Errorf("sftp: the server's program was ended by signal %s", text.Line(signal.Name))
}

func (c *sftpChannel) CloseReceived() {
	c.byServer = true
	c.LoseConnection()
}

func (c *sftpChannel) Closed() {
	c.over = true
	c.reason = c.why()
	reason := cmp.Or(c.reason, errSFTPClosed)
	if errors.Is(reason, conch.ErrConnectionLost) {
		reason = ofLoss{reason}
	}
	c.client.ConnectionLost(reason)
	c.fail(cmp.Or(c.reason, errSFTPClosed))
	for _, d := range c.tell {
		_ = d.TryCallback(c.reason) // it may have been cancelled
	}
	c.tell = nil
}

// errSFTPClosed is the reason for which operations fail after LoseConnection.
var errSFTPClosed = errors.New("sftp: the session was closed")

// why returns why the channel ended; nil if it was closed on this side.
func (c *sftpChannel) why() error {
	switch {
	case c.CloseReason() != nil:
		return c.CloseReason()
	case c.exit != nil && len(c.stderr) > 0:
		return fmt.Errorf("%w, saying %q", c.exit, strings.TrimSpace(text.Line(string(c.stderr))))
	case c.exit != nil:
		return c.exit
	case c.client.Lost() != nil:
		return c.client.Lost()
	case c.byServer:
		return errors.New("sftp: the server has closed the session")
	default:
		return nil
	}
}

// fail fails the opening, if it is not over.
func (c *sftpChannel) fail(err error) {
	if c.ready.TryErrback(err) == nil {
		c.AbortConnection()
	}
}

// target is where to connect to.
type target struct {
	user, host string
	port       int
}

// parseTarget reads host, user@host, host:port, user@host:port or sftp://user@host:port. An IPv6 address with a port stands in brackets.
func parseTarget(text, defaultUser string) (target, error) {
	t := target{user: defaultUser, port: 22}
	rest := text
	if u, err := url.Parse(text); err == nil && (u.Scheme == "sftp" || u.Scheme == "ssh") && u.Host != "" {
		rest = u.Host
		if name := u.User.Username(); name != "" {
			t.user = name
		}
	} else if at := strings.LastIndexByte(text, '@'); at >= 0 {
		t.user, rest = text[:at], text[at+1:]
	}
	t.host = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return t, fmt.Errorf("sftp: %q has no valid port; want user@host:port", text)
		}
		t.host, t.port = host, int(n)
	}
	if t.host == "" || strings.ContainsAny(t.host, "[]@ ") {
		return t, fmt.Errorf("sftp: %q names no host; want user@host:port", text)
	}
	if t.user == "" {
		me, err := user.Current()
		if err != nil {
			return t, fmt.Errorf("sftp: no user given for %q: %w", text, err)
		}
		t.user = me.Username
	}
	return t, nil
}

// ofLoss is the reason of an error that says itself that the connection is lost.
type ofLoss struct{ error }

func (e ofLoss) Error() string {
	return strings.TrimPrefix(text.TrimPrefix(e.error), "connection lost: ")
}

// Unwrap returns the error.
func (e ofLoss) Unwrap() error { return e.error }
