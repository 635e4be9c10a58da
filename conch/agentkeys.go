package conch

import (
	"net"
	"os"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// agentTimeout bounds each exchange with the agent. It is long because the agent may ask the user to confirm a signature.
const agentTimeout = 60 * time.Second

// agentKeys is the agent's part of authentication. Its keys are fetched when authentication starts; whatever goes wrong on the way, it
// has none then (C-AUTH-31).
type agentKeys struct {
	r      *reactor.Reactor
	only   []string // if not nil, the identity files whose keys may be used
	conn   net.Conn
	client xagent.ExtendedAgent
	keys   deferred.Deferred[[]gossh.PublicKey] // fired when the keys are there; those not offered yet
}

// dialAgent contacts the agent at SSH_AUTH_SOCK. It returns nil if there is none.
func dialAgent(r *reactor.Reactor, only []string) *agentKeys {
	path := os.Getenv("SSH_AUTH_SOCK")
	if path == "" {
		return nil
	}
	a := &agentKeys{r: r, only: only}
	dialled := reactor.DeferToThread(r, func() (net.Conn, error) { return net.DialTimeout("unix", path, agentTimeout) })
	a.keys = deferred.ThenDeferred(dialled, a.list).AddErrback(func(error) ([]gossh.PublicKey, error) { return nil, nil })
	return a
}

func (a *agentKeys) list(conn net.Conn) deferred.Deferred[[]gossh.PublicKey] {
	a.conn, a.client = conn, xagent.NewClient(conn)
	return reactor.DeferToThread(a.r, func() ([]gossh.PublicKey, error) {
		_ = conn.SetDeadline(time.Now().Add(agentTimeout)) // an agent without deadlines is waited for
		listed, err := a.client.List()
		var keys []gossh.PublicKey
		for _, k := range listed {
			if key, err := gossh.ParsePublicKey(k.Blob); err == nil {
				keys = append(keys, key)
			}
		}
		if a.only != nil {
			keys = slices.DeleteFunc(keys, func(key gossh.PublicKey) bool { return !named(key, a.only) })
		}
		return keys, err
	})
}

// named reports whether one of the identity files has the key.
func named(key gossh.PublicKey, files []string) bool {
	return slices.ContainsFunc(candidates(files), func(c candidate) bool {
		id, err := c.read()
		return err == nil && string(id.key.Marshal()) == string(key.Marshal())
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
	var flags xagent.SignatureFlags
	switch algorithm {
	case gossh.KeyAlgoRSASHA512:
		flags = xagent.SignatureFlagRsaSha512
	case gossh.KeyAlgoRSASHA256:
		flags = xagent.SignatureFlagRsaSha256
	}
	return reactor.DeferToThread(a.r, func() (*gossh.Signature, error) {
		_ = a.conn.SetDeadline(time.Now().Add(agentTimeout))
		return a.client.SignWithFlags(key, slices.Clone(data), flags)
	})
}

// close ends the connection; whoever waits on the agent fails.
func (a *agentKeys) close() {
	a.keys.Cancel()
	if a.conn != nil {
		a.conn.Close()
	}
}
