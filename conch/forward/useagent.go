package forward

import (
	"context"
	"net"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// DialAgent connects to the agent of the peer, which must have offered it: on a
// server, after the client's auth-agent-req. It fails with a *conch.ConchError if
// the peer refuses, and ends with ctx. Any goroutine may call DialAgent; on the
// loop it returns reactor.ErrOnLoop.
func DialAgent(ctx context.Context, conn conch.Connection) (net.Conn, error) {
	return awaitOpen(ctx, conn, func() deferred.Deferred[*reactor.NetConn] {
		ch := &streamChannel{kind: agentChannel, ready: deferred.New[*reactor.NetConn](func(deferred.Deferred[*reactor.NetConn]) {})}
		conn.OpenChannel(ch)
		return ch.ready
	})
}

// ServeAgent listens on a UNIX socket, and connects each connection to the agent
// of the peer, as DialAgent does. Everybody who can open the socket can use the
// agent. The Deferred fails as net.Listen does. ServeAgent belongs to the loop.
func ServeAgent(conn conch.Connection, path string) deferred.Deferred[*Forwarder] {
	return listenHere(conn, "unix", path, func(ctx context.Context, from net.Conn) {
		if agent, err := DialAgent(ctx, conn); err == nil { // otherwise the program sees the close
			relayRequests(ctx, agent, from)
		}
	})
}
