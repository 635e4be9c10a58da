package client

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"slices"
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
	r      *reactor.Reactor
	only   []string                             // if not nil, the identity files whose keys may be used
	client *agent.SSHAgentClient                // nil until the agent is connected
	keys   deferred.Deferred[[]gossh.PublicKey] // fires with the keys; later holds those not offered yet
}

// dialAgent connects to the agent of the options, or returns nil if there is
// none. It calls failed if the agent does not list its keys.
func dialAgent(r *reactor.Reactor, o *Options, failed func(error)) *agentKeys {
	path, err := expandHome(o.agentSocket())
	if path == "" || err != nil {
		return nil
	}
	a := &agentKeys{r: r, only: o.onlyIdentities()}
	a.keys = deferred.ThenDeferred(agent.Connect(r, path), func(c *agent.SSHAgentClient) deferred.Deferred[[]gossh.PublicKey] {
		a.client = c
		return a.list()
	}).AddErrback(func(err error) ([]gossh.PublicKey, error) {
		if !errors.Is(err, deferred.ErrCancelled) { // by close
			failed(err)
		}
		return nil, nil
	})
	return a
}

func (a *agentKeys) list() deferred.Deferred[[]gossh.PublicKey] {
	listed := a.client.GetPublicKeys()
	if a.only == nil {
		return listed
	}
	return deferred.ThenDeferred(listed, func(keys []gossh.PublicKey) deferred.Deferred[[]gossh.PublicKey] {
		return reactor.DeferToThread(a.r, func() ([]gossh.PublicKey, error) {
			return slices.DeleteFunc(keys, func(key gossh.PublicKey) bool { return !named(key, a.only) }), nil
		})
	})
}

// named reports whether one of the identity files has the key.
func named(key gossh.PublicKey, files []string) bool {
	return slices.ContainsFunc(candidates(files), func(c candidate) bool {
		id, err := c.read()
		return err == nil && id.key != nil && string(id.key.Marshal()) == string(key.Marshal())
	})
}

// next returns the next key, or nil.
func (a *agentKeys) next() deferred.Deferred[gossh.PublicKey] {
	first := deferred.New[gossh.PublicKey]()
	a.keys.AddCallback(func(keys []gossh.PublicKey) ([]gossh.PublicKey, error) {
		if len(keys) == 0 {
			first.Callback(nil)
			return nil, nil
		}
		first.Callback(keys[0])
		return keys[1:], nil
	})
	return first
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

// agentSocket returns the path of the agent's socket, "" if there is no agent.
func (o *Options) agentSocket() string { return cmp.Or(o.AgentSocket, os.Getenv("SSH_AUTH_SOCK")) }

// agentTimeout is the time limit for connecting to the agent that is forwarded.
const agentTimeout = time.Minute

// dialForwardedAgent connects to the agent that is forwarded.
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
