package client

import (
	"cmp"
	"context"
	"net"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Target is a host to log in to, as whom, and how: everything that Connect wants to know, for code that connects more than once or for somebody
// else.
type Target struct {
	User, Host string
	Port       int // zero means 22
	Options    Options

	// Verify checks the host key. Nil means VerifyHostKey.
	Verify HostKeyVerifier
	// Auth returns the authentication for one connection. Nil means
	// NewDefaultAuthClient.
	Auth func(user string, instance conch.Connection) UserAuthClient
}

// Connect connects to the target and starts conn, as the function Connect does.
func (t *Target) Connect(r *reactor.Reactor, conn conch.Connection) deferred.Deferred[struct{}] {
	var auth UserAuthClient = NewDefaultAuthClient(t.User, conn)
	if t.Auth != nil {
		auth = t.Auth(t.User, conn)
	}
	return Connect(r, t.Host, cmp.Or(t.Port, 22), t.Options, t.Verify, auth)
}

// Exec connects, runs command as the function Exec does, and closes the connection.
func (t *Target) Exec(r *reactor.Reactor, command string, stdin []byte) deferred.Deferred[Output] {
	conn := &bareConnection{}
	d := deferred.ThenDeferred(t.Connect(r, conn), func(struct{}) deferred.Deferred[Output] { return Exec(conn, command, stdin) })
	return d.AddBoth(func(out Output, err error) (Output, error) {
		conn.LoseConnection()
		return out, err
	})
}

// bareConnection is a connection that has no hooks of its own.
type bareConnection struct{ conch.SSHConnection }

// dialThrough connects to the target and from there, within limit, to address. The connection to the target is closed with the one that it
// returns. It blocks.
func (t *Target) dialThrough(ctx context.Context, r *reactor.Reactor, address string, limit time.Duration) (net.Conn, error) {
	jump := &bareConnection{}
	over := func() { r.CallFromThread(jump.LoseConnection) }
	_, err := reactor.Await(ctx, r, func() deferred.Deferred[struct{}] { return t.Connect(r, jump) })
	if err != nil {
		over() // it may be there, in the last moment
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

// JumpError is the failure of a connection through a jump host, at or behind that host.
type JumpError struct {
	Host string
	Err  error
}

func (e *JumpError) Error() string {
	return "conch: jump host " + e.Host + ": " + text.TrimPrefix(e.Err)
}

// Unwrap returns the cause.
func (e *JumpError) Unwrap() error { return e.Err }

// jumpConn closes the connection to the jump host when it is closed itself.
type jumpConn struct {
	net.Conn
	once sync.Once
	over func()
}

// Close closes both.
func (c *jumpConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		c.over()
	})
	return err
}
