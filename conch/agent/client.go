package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	xagent "golang.org/x/crypto/ssh/agent"
)

const (
	// maxQueued is the number of requests of a client that may wait for the
	// reply to another request.
	maxQueued = 1024

	// defaultTimeout is the time limit of a request if the client has none. It
	// is long because an agent may ask its user for confirmation.
	defaultTimeout = time.Minute
)

// SSHAgentClient asks an agent. Its methods must be called on the loop. Call
// Close when the client is no longer needed.
type SSHAgentClient struct {
	// Timeout is the time limit for the reply to a request, from when the
	// request is sent. 0 means one minute. Set it before the first request.
	Timeout time.Duration

	r      *reactor.Reactor
	conn   net.Conn
	wire   *messages // used by the request in progress only
	agent  xagent.ExtendedAgent
	name   string // of the agent
	detach func() bool

	queue []*call
	busy  bool  // a request is in progress
	lost  error // why no more requests are sent; nil while the client is open
}

// call is a request.
type call struct {
	run  func() (finish func()) // blocks until the reply; finish runs on the loop
	fail func(error)            // called on the loop instead of run
}

// Connect connects to the agent that listens on a UNIX socket. An empty path
// means the socket that SSH_AUTH_SOCK names, the agent of this user. Call
// Connect on the loop.
//
// The Deferred fails with an *OpError that wraps ErrNoAgent or the
// *reactor.ConnectError. Agents behind a named pipe of Windows are not
// supported: open the pipe and call NewSSHAgentClient.
func Connect(r *reactor.Reactor, path string) deferred.Deferred[*SSHAgentClient] {
	const op = "connect"
	if path == "" {
		path = os.Getenv("SSH_AUTH_SOCK")
	}
	if path == "" {
		return deferred.Fail[*SSHAgentClient](&OpError{Op: op, Err: ErrNoAgent})
	}
	if strings.HasPrefix(path, `\\.\pipe\`) {
		return deferred.Fail[*SSHAgentClient](&OpError{op, path, errPipe})
	}
	dialled := r.DialUNIX(path, reactor.UNIXDialOptions{DialOptions: reactor.DialOptions{Timeout: defaultTimeout}})
	return deferred.ThenBoth(dialled, func(conn net.Conn, err error) (*SSHAgentClient, error) {
		if err != nil {
			return nil, &OpError{op, path, err}
		}
		c := NewSSHAgentClient(r, conn)
		c.name = path
		return c, nil
	})
}

// NewSSHAgentClient returns a client of the agent at the other end of conn,
// such as an SSH channel to a forwarded agent. The client owns conn and closes
// it. Call NewSSHAgentClient on the loop.
func NewSSHAgentClient(r *reactor.Reactor, conn net.Conn) *SSHAgentClient {
	c := &SSHAgentClient{r: r, conn: conn, wire: &messages{conn: conn}}
	c.agent = xagent.NewClient(c.wire)
	if address := conn.RemoteAddr(); address != nil {
		c.name = address.String()
	}
	c.detach = context.AfterFunc(r.Context(), func() { _ = conn.Close() }) // the reactor ends
	return c
}

// Close closes the connection. Requests in progress, and later ones, fail with
// ErrClosed. Close never blocks and may be called again.
func (c *SSHAgentClient) Close() { c.end(ErrClosed) }

// end closes the connection and fails the requests that wait. The request in
// progress fails when its goroutine sees the end.
func (c *SSHAgentClient) end(cause error) {
	if c.lost != nil {
		return
	}
	c.lost = cause
	c.detach()
	_ = c.conn.Close() // there is nothing to do about an error
	queue := c.queue
	c.queue = nil
	for _, waiting := range queue {
		waiting.fail(cause)
	}
}

// request queues do, which blocks on another goroutine until the agent replies.
func request[T any](c *SSHAgentClient, op string, do func(xagent.ExtendedAgent) (T, error)) deferred.Deferred[T] {
	item := new(call)
	d := deferred.New(func(deferred.Deferred[T]) { c.withdraw(item) })
	item.fail = func(err error) { _ = d.TryErrback(&OpError{op, c.name, err}) } // unless cancelled
	item.run = func() func() {
		v, err := guard(func() (T, error) { return do(c.agent) })
		cause, fatal := c.explain(err)
		return func() {
			switch {
			case err == nil:
				_ = d.TryCallback(v) // unless cancelled
			case c.lost != nil:
				item.fail(c.lost)
			default:
				if fatal {
					c.end(cause)
				}
				item.fail(cause)
			}
		}
	}
	switch {
	case c.lost != nil:
		item.fail(c.lost)
	case len(c.queue) >= maxQueued:
		item.fail(errQueueFull)
	default:
		c.queue = append(c.queue, item)
		c.next()
	}
	return d
}

// explain returns the cause of a failed request, and whether it ends the
// connection. It runs on the goroutine of the request.
func (c *SSHAgentClient) explain(err error) (cause error, fatal bool) {
	ended := context.Cause(c.r.Context())
	switch {
	case err == nil, c.wire.err == nil && !c.wire.sent: // the request itself is wrong
		return err, false
	case c.wire.refused():
		return ErrRefused, false
	case ended != nil:
		return fmt.Errorf("%w: %w", ErrConnectionLost, ended), true
	default:
		return c.wire.lost(err), true
	}
}

// guard turns a panic into an error: a reply that x/crypto cannot bear costs the
// connection and not the program.
func guard[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = deferred.NewPanicError(p)
		}
	}()
	return f()
}

// withdraw removes a request that was not sent.
func (c *SSHAgentClient) withdraw(item *call) {
	c.queue = slices.DeleteFunc(c.queue, func(waiting *call) bool { return waiting == item })
}

// next starts the first request that waits, unless one is in progress.
func (c *SSHAgentClient) next() {
	if c.busy || len(c.queue) == 0 {
		return
	}
	item := c.queue[0]
	c.queue = c.queue[1:]
	c.busy = true
	limit := c.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	release := c.r.Hold()
	go func() { // ends with the reply, the time limit, or the connection
		defer release()
		var late atomic.Bool
		timer := time.AfterFunc(limit, func() {
			late.Store(true)
			_ = c.conn.Close()
		})
		c.wire.begin()
		finish := item.run()
		timer.Stop()
		c.r.CallFromThread(func() {
			c.busy = false
			if late.Load() {
				c.end(fmt.Errorf("%w (%v)", ErrTimeout, limit))
			}
			finish()
			c.next()
		})
	}()
}
