package conch

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// MaxAgentChannels is how many connections to the forwarded agent the server may have at the same time; it is told to refuse more.
const MaxAgentChannels = 64

// agentTimeout bounds how long connecting to the agent may take.
const agentTimeout = time.Minute

// agentChannelType is the type of channel that a server opens to the agent (OpenSSH's PROTOCOL.agent).
const agentChannelType = "auth-agent@openssh.com"

// ErrNoAgent is the cause of a failure to reach an agent when neither the options nor SSH_AUTH_SOCK name one.
var ErrNoAgent = errors.New("conch: no agent; start one and set SSH_AUTH_SOCK, or set ClientOptions.AgentSocket")

// agentSocket returns the path of the agent's socket, "" if there is no agent.
func (o *ClientOptions) agentSocket() string {
	if o.AgentSocket != "" {
		return o.AgentSocket
	}
	return os.Getenv("SSH_AUTH_SOCK")
}

func (o *ClientOptions) forwardedAgent() string {
	if o.ForwardAgentSocket != "" {
		return o.ForwardAgentSocket
	}
	return o.agentSocket()
}

// forwardsAgent reports whether the server may use the agent.
func (c *SSHConnection) forwardsAgent() bool { return c.client != nil && c.client.options.ForwardAgent }

// agentChannel answers a channel that the server opens to the agent (C-KEYS-24).
func (c *SSHConnection) agentChannel() (Channel, error) {
	if c.agents == MaxAgentChannels {
		return nil, &ConchError{Value: "too many connections to the agent", Data: OpenResourceShortage}
	}
	t := c.transport
	c.agents++
	ch := &streamChannel{kind: agentChannelType, ready: deferred.New[*ChannelConn]()}
	ch.ready.AddCallbacks(func(conn *ChannelConn) (*ChannelConn, error) {
		t.work.Go(func() { c.serveAgent(conn) }) // ends with the channel, with the agent, or with the connection
		return conn, nil
	}, ignore[*ChannelConn])
	ch.WhenClosed().AddBoth(func(struct{}, error) (struct{}, error) {
		c.agents--
		return struct{}{}, nil
	})
	return ch, nil
}

// serveAgent connects the channel to the agent. It blocks.
func (c *SSHConnection) serveAgent(from net.Conn) {
	defer from.Close()
	t := c.transport
	agent, err := dialForwardedAgent(t.ctx, c.client.options.forwardedAgent())
	if err != nil {
		t.r.Logger().Warn("Cannot reach the agent that is forwarded", "err", err)
		return
	}
	relayAgent(t.ctx, from, agent)
}

func dialForwardedAgent(ctx context.Context, path string) (net.Conn, error) {
	if path == "" {
		return nil, ErrNoAgent
	}
	path, err := expandHome(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "unix", path)
}

// relayAgent carries what is asked to the agent, and its answers back. A slow agent slows the server down. When the agent has ended there is nobody
// to ask: both ends are closed then, after the last answer.
func relayAgent(ctx context.Context, from, agent net.Conn) {
	stop := context.AfterFunc(ctx, func() { from.Close(); agent.Close() })
	defer stop()
	var asking sync.WaitGroup
	asking.Go(func() { carry(agent, from) }) // ends with the connections
	_, _ = io.Copy(from, agent)              // however it ends, it is over
	agent.Close()
	from.Close()
	asking.Wait()
}
