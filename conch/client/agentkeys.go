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
	"github.com/hawser-go/hawser/reactor/endpoints"
	gossh "golang.org/x/crypto/ssh"
)

// agentTimeout bounds each exchange with the agent. It is long because the agent may ask the user to confirm a signature.
const agentTimeout = 60 * time.Second

// agentKeys is the agent's part of authentication. Its keys are fetched when authentication starts; whatever goes wrong on the way, it
// has none then (C-AUTH-31).
type agentKeys struct {
	r      *reactor.Reactor
	only   []string // if not nil, the identity files whose keys may be used
	client *agent.SSHAgentClient
	keys   deferred.Deferred[[]gossh.PublicKey] // fired when the keys are there; those not offered yet
}

// agentProtocol connects the client of the agent to a socket.
type agentProtocol struct {
	reactor.BaseProtocol
	client *agent.SSHAgentClient
}

func (p *agentProtocol) ConnectionMade()             { p.client.MakeConnection(p.Transport()) }
func (p *agentProtocol) DataReceived(data []byte)    { p.client.DataReceived(data) }
func (p *agentProtocol) ConnectionLost(reason error) { p.client.ConnectionLost(reason) }

// dialAgent contacts the agent of the options. It returns nil if there is none.
func dialAgent(r *reactor.Reactor, o *Options) *agentKeys {
	path, err := expandHome(o.agentSocket())
	if path == "" || err != nil {
		return nil
	}
	a := &agentKeys{r: r, only: o.onlyIdentities(), client: agent.NewSSHAgentClient()}
	socket := endpoints.NewUNIXClientEndpoint(r, path, reactor.UNIXDialOptions{DialOptions: reactor.DialOptions{Timeout: agentTimeout}})
	connected := endpoints.ConnectProtocol(socket, &agentProtocol{client: a.client})
	a.keys = deferred.ThenDeferred(connected, a.list).AddErrback(func(error) ([]gossh.PublicKey, error) { return nil, nil })
	return a
}

func (a *agentKeys) list(*agentProtocol) deferred.Deferred[[]gossh.PublicKey] {
	listed := a.client.GetPublicKeys().AddTimeout(a.r, agentTimeout)
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

// next answers with the next key, or nil.
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
	return a.client.Sign(key, data, algorithm).AddTimeout(a.r, agentTimeout)
}

// close ends the connection; whoever waits on the agent fails.
func (a *agentKeys) close() {
	a.keys.Cancel()
	if socket := a.client.Transport(); socket != nil {
		socket.LoseConnection()
	}
}

// ErrNoAgent is the failure to reach an agent if neither the options nor
// SSH_AUTH_SOCK name one.
var ErrNoAgent = errors.New("client: no agent; start one and set SSH_AUTH_SOCK, or set Options.AgentSocket")

// agentSocket returns the path of the agent's socket, "" if there is no agent.
func (o *Options) agentSocket() string { return cmp.Or(o.AgentSocket, os.Getenv("SSH_AUTH_SOCK")) }

// dialForwardedAgent connects to the agent that is forwarded.
func (o *Options) dialForwardedAgent(ctx context.Context) (net.Conn, error) {
	path := cmp.Or(o.ForwardAgentSocket, o.agentSocket())
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
