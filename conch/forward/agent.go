package forward

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// maxAgentChannels is the number of connections to the agent that the peer may
// have at the same time. It is told to refuse more.
const maxAgentChannels = 16

// agentChannel is the type of channel that a server opens to the agent (OpenSSH's
// PROTOCOL.agent).
const agentChannel = "auth-agent@openssh.com"

// Agent lets the peer use an agent of this side, as ssh -A does. dial connects to
// the agent; it runs on a goroutine of its own, and must return when ctx is done.
// Everybody who controls the peer can sign with the keys of the agent meanwhile.
// Agent belongs to the loop, and may be called before the connection starts.
func Agent(conn conch.Connection, dial func(ctx context.Context) (net.Conn, error)) {
	open := 0
	conn.HandleChannel(agentChannel, func([]byte) deferred.Deferred[conch.Channel] {
		if open == maxAgentChannels {
			return deferred.Fail[conch.Channel](&conch.ConchError{Value: "too many connections to the agent", Data: conch.OpenResourceShortage})
		}
		open++
		ch := &streamChannel{kind: agentChannel, ready: deferred.New[*reactor.NetConn]()}
		ch.ready.OnResult(func(c *reactor.NetConn, err error) {
			if err == nil {
				relayAgent(conn.Transport(), c, dial)
			}
		})
		ch.WhenClosed().OnResult(func(struct{}, error) { open-- })
		return deferred.Succeed[conch.Channel](ch)
	})
}

// relayAgent relays on a goroutine of its own, which ends with the channel, the
// agent, or the SSH connection.
func relayAgent(t *conch.SSHTransport, from net.Conn, dial func(ctx context.Context) (net.Conn, error)) {
	release := t.Reactor().Hold()
	go func() {
		defer release()
		defer from.Close()
		agent, err := dial(t.Context())
		if err != nil {
			t.Reactor().Logger().Warn("Cannot reach the agent that is forwarded", "err", err)
			return
		}
		relayRequests(t.Context(), from, agent)
	}()
}

// relayRequests passes requests to the agent, and its answers back. A slow agent
// slows the peer down. When the agent ends, both connections are closed after the
// last answer.
func relayRequests(ctx context.Context, from, agent net.Conn) {
	stop := context.AfterFunc(ctx, func() { from.Close(); agent.Close() })
	defer stop()
	var asking sync.WaitGroup
	asking.Go(func() { carry(agent, from) }) // ends with the connections
	_, _ = io.Copy(from, agent)              // an error ends it like end-of-file
	agent.Close()
	from.Close()
	asking.Wait()
}
