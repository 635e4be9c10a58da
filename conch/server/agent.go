package server

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ForwardedAgent is the agent of a client that lets the server use it (ssh -A).
// There is one for each connection, which the sessions share. It ends with the
// connection. Its methods belong to the loop, unless their comments say
// otherwise.
type ForwardedAgent struct {
	conn    conch.Connection
	asked   bool // a session has been asked whether it allows the agent
	granted bool
	socket  string // of Listen; empty before
}

type agentKey struct{}

func agentOf(conn conch.Connection) *ForwardedAgent {
	return conn.Value(agentKey{}, func() any { return &ForwardedAgent{conn: conn} }).(*ForwardedAgent)
}

// DialContext connects to the agent. Any goroutine but the loop may call it. The
// connection ends with the one of the client.
func (a *ForwardedAgent) DialContext(ctx context.Context) (net.Conn, error) {
	return forward.DialAgent(ctx, a.conn)
}

// Listen makes a UNIX socket whose connections reach the agent, in a directory
// that only the user of this process may enter. The Deferred fires with the path
// of the socket, for the variable SSH_AUTH_SOCK. The directory is removed when
// the client goes. Later calls return the same path.
func (a *ForwardedAgent) Listen() deferred.Deferred[string] {
	if a.socket != "" {
		return deferred.Succeed(a.socket)
	}
	return deferred.ThenDeferred(makeAgentDir(a.conn.Transport()), func(dir *agentDir) deferred.Deferred[string] {
		socket := filepath.Join(dir.path, "agent")
		return deferred.ThenBoth(forward.ServeAgent(a.conn, socket), func(_ *forward.Forwarder, err error) (string, error) {
			if err != nil {
				dir.remove()
				return "", err
			}
			a.socket = socket
			return socket, nil
		})
	})
}

// agentDir is a private directory. It is removed when the connection ends, or
// remove is called.
type agentDir struct {
	path   string
	remove func()
}

// makeAgentDir makes a directory in a thread. A directory that is made after the
// Deferred was cancelled is removed.
func makeAgentDir(t *conch.SSHTransport) deferred.Deferred[*agentDir] {
	to := deferred.New(func(deferred.Deferred[*agentDir]) {})
	made := reactor.DeferToThread(t.Reactor(), func() (*agentDir, error) { return newAgentDir(t) })
	made.OnResult(func(dir *agentDir, err error) {
		switch {
		case err != nil:
			_ = to.TryErrback(err) // it may have been cancelled
		case to.TryCallback(dir) != nil:
			dir.remove()
		}
	})
	return to
}

// maxTempDir is the length of the longest name of a directory in which sockets
// can have names of their own: systems limit the path of a socket to about 100
// bytes.
const maxTempDir = 64

func newAgentDir(t *conch.SSHTransport) (*agentDir, error) {
	parent := os.TempDir()
	if len(parent) > maxTempDir {
		parent = "/tmp"
	}
	path, err := os.MkdirTemp(parent, "ssh-")
	if err != nil {
		return nil, err
	}
	release := t.Reactor().Hold()
	ctx, cancel := context.WithCancel(t.Context())
	context.AfterFunc(ctx, func() {
		_ = os.RemoveAll(path) // somebody else may have
		release()
	})
	return &agentDir{path, cancel}, nil
}

// env returns SSH_AUTH_SOCK as NAME=value, or nothing.
func (a *ForwardedAgent) env() []string {
	if !a.granted || a.socket == "" {
		return nil
	}
	return []string{"SSH_AUTH_SOCK=" + a.socket}
}
