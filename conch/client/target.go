package client

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Target is a host, and how to log in to it: the arguments of Connect, for code
// that connects more than once or on behalf of other code.
type Target struct {
	User    string // empty means the user who runs the program
	Host    string
	Port    int // 0 means 22
	Options Options

	// Verify checks the host key. Nil means VerifyHostKey.
	Verify HostKeyVerifier

	// Auth returns the authentication for one connection. Nil means
	// NewDefaultAuthClient.
	Auth func(user string, instance conch.Connection) UserAuthClient
}

// ParseTarget returns the target that a user names as host, user@host, host:port,
// user@host:port, or as a URL such as ssh://user@host:port or sftp://host. An
// IPv6 address with a port stands in brackets. The path of a URL is ignored. User
// is empty if name has none.
func ParseTarget(name string) (*Target, error) {
	t := &Target{}
	rest := name
	if u, err := url.Parse(name); err == nil && (u.Scheme == "ssh" || u.Scheme == "sftp") && u.Host != "" {
		t.User, rest = u.User.Username(), u.Host
	} else if at := strings.LastIndexByte(name, '@'); at >= 0 {
		t.User, rest = name[:at], name[at+1:]
	}
	t.Host = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("client: %s has no valid port; use user@host:port", text.Quote(name))
		}
		t.Host, t.Port = host, int(n)
	}
	if t.Host == "" || strings.HasPrefix(t.Host, "-") || strings.ContainsAny(t.Host, "[]@/ ") {
		return nil, fmt.Errorf("client: %s names no host; use user@host:port", text.Quote(name))
	}
	return t, nil
}

// String returns user@host:port, or host:port if User is empty.
func (t *Target) String() string {
	address := net.JoinHostPort(t.Host, strconv.Itoa(t.port()))
	if t.User == "" {
		return address
	}
	return t.User + "@" + address
}

func (t *Target) port() int {
	if t.Port == 0 {
		return 22
	}
	return t.Port
}

// Connect connects to the target and starts conn, as the function Connect does.
func (t *Target) Connect(r *reactor.Reactor, conn conch.Connection) deferred.Deferred[struct{}] {
	name := t.User
	if name == "" {
		me, err := user.Current()
		if err != nil {
			return deferred.Fail[struct{}](fmt.Errorf("client: the target %s has no user: %w", text.Quote(t.Host), err))
		}
		name = me.Username
	}
	var auth UserAuthClient = NewDefaultAuthClient(name, conn)
	if t.Auth != nil {
		auth = t.Auth(name, conn)
	}
	return Connect(r, t.Host, t.port(), t.Options, t.Verify, auth)
}

// Exec connects, runs a command line as the function Exec does, and closes the
// connection. The Deferred fails as that of Connect or that of Exec does.
func (t *Target) Exec(r *reactor.Reactor, line string, stdin []byte) deferred.Deferred[Output] {
	conn := &bareConnection{}
	d := deferred.ThenDeferred(t.Connect(r, conn), func(struct{}) deferred.Deferred[Output] { return Exec(conn, line, stdin) })
	return d.Finally(conn.LoseConnection)
}

// Run is Exec for a program without a reactor. It blocks until the connection is
// closed, and runs a reactor of its own meanwhile. When ctx is done, Run ends the
// command and returns the cause of ctx. Run must not be called on the loop of a
// reactor.
func (t *Target) Run(ctx context.Context, line string, stdin []byte) (out Output, err error) {
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		d := t.Exec(r, line, stdin)
		stop := context.AfterFunc(ctx, func() { r.CallFromThread(d.Cancel) })
		d.OnResult(func(o Output, failed error) {
			if stop(); context.Cause(ctx) != nil && failed != nil {
				failed = context.Cause(ctx)
			}
			out, err = o, failed
			_ = r.Stop() // it runs
		})
	})
	if failed := r.Run(); failed != nil {
		return Output{}, failed
	}
	return out, err
}

// bareConnection is a connection without hooks.
type bareConnection struct{ conch.SSHConnection }

// dialThrough connects to the target, a jump host, and from there to address. The
// connection from there must be made within limit. Closing it closes the
// connection to the target. dialThrough blocks.
func (t *Target) dialThrough(ctx context.Context, r *reactor.Reactor, address string, limit time.Duration) (net.Conn, error) {
	jump := &bareConnection{}
	over := func() { r.CallFromThread(jump.LoseConnection) }
	_, err := reactor.Await(ctx, r, func() deferred.Deferred[struct{}] { return t.Connect(r, jump) })
	if err != nil {
		over() // the connection may have been made at the last moment
		return nil, &JumpError{Host: t.Host, Err: err}
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := forward.DialContext(limited, jump, "tcp", address)
	if err != nil {
		over()
		return nil, &JumpError{Host: t.Host, Err: err}
	}
	return &jumpConn{Conn: conn, over: over}, nil
}

// JumpError reports that a connection through a jump host failed, at the jump
// host or behind it.
type JumpError struct {
	Host string // the jump host
	Err  error
}

func (e *JumpError) Error() string {
	return "client: jump host " + e.Host + ": " + text.TrimPrefix(e.Err)
}

// Unwrap returns Err.
func (e *JumpError) Unwrap() error { return e.Err }

// jumpConn is a connection through a jump host.
type jumpConn struct {
	net.Conn
	once sync.Once
	over func() // closes the connection to the jump host
}

// Close closes the connection, and the connection to the jump host.
func (c *jumpConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		c.over()
	})
	return err
}
