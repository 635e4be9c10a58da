package client

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// agentKeys is the agent's part of authentication. The keys are requested when
// authentication starts. If that fails there are no keys, and authentication
// goes on without.
type agentKeys struct {
	client *agent.SSHAgentClient                // nil until the agent is connected
	keys   deferred.Deferred[[]gossh.PublicKey] // fires with the keys
	done   bool                                 // keys has fired
}

// dialAgent connects to the agent of the options, or returns nil if there is
// none. It calls failed if the agent does not list its keys.
func dialAgent(r *reactor.Reactor, o *Options, failed func(error)) *agentKeys {
	path, err := expandHome(o.agentSocket())
	if path == "" || err != nil {
		return nil
	}
	a := &agentKeys{}
	a.keys = deferred.ThenDeferred(agent.Connect(r, path), func(c *agent.SSHAgentClient) deferred.Deferred[[]gossh.PublicKey] {
		a.client = c
		return c.GetPublicKeys()
	}).AddBoth(func(keys []gossh.PublicKey, err error) ([]gossh.PublicKey, error) {
		if a.done = true; err != nil && !errors.Is(err, deferred.ErrCancelled) { // by close
			failed(err)
		}
		return keys, nil
	})
	return a
}

// list fires with the keys.
func (a *agentKeys) list() deferred.Deferred[[]gossh.PublicKey] {
	listed := deferred.New[[]gossh.PublicKey]()
	a.keys.OnValue(func(keys []gossh.PublicKey) { _ = listed.TryCallback(keys) }) // it may have been cancelled
	return listed
}

func (a *agentKeys) sign(key gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	return a.client.SignData(key, data, algorithm)
}

// close ends the connection. Requests in progress fail.
func (a *agentKeys) close() {
	a.keys.Cancel()
	if a.client != nil {
		a.client.Close()
	}
}

// usesAgent reports whether keys of the agent are offered.
func (o *Options) usesAgent() bool {
	return !o.NoAgent && (!o.given() || o.AgentSocket != "")
}

// agentSocket returns the path of the agent's socket, "" if there is no agent.
func (o *Options) agentSocket() string { return cmp.Or(o.AgentSocket, os.Getenv("SSH_AUTH_SOCK")) }

// agentTimeout is the time limit for connecting to the agent that is forwarded.
const agentTimeout = time.Minute

// dialForwardedAgent connects to the agent that is forwarded. It blocks.
func (o *Options) dialForwardedAgent(ctx context.Context) (net.Conn, error) {
	path := cmp.Or(o.ForwardAgentSocket, o.agentSocket())
	if path == "" {
		return nil, agent.ErrNoAgent
	}
	path, err := expandHome(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "unix", path)
}
