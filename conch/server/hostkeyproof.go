package server

import (
	"crypto/rand"
	"errors"
	"slices"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// Requests about host keys (OpenSSH's PROTOCOL, section 2.5). They let a client
// learn all keys of a server, so that the server can replace keys.
const (
	hostKeysRequest = "hostkeys-00@openssh.com"
	proveRequest    = "hostkeys-prove-00@openssh.com"
)

var (
	errProveUnknown = errors.New("server: the client asks for the proof of a host key that the server does not have")
	errProveOnce    = errors.New("server: the client asks twice for the proof of a host key")
)

// serveHostKeys answers the requests for proofs.
func (t *SSHServerTransport) serveHostKeys(c Connection) {
	t.proofs = rekeyLimit{t: t, what: "proofs of host keys"}
	c.HandleGlobalRequest(proveRequest, t.proveHostKeys)
}

// announceHostKeys tells the client the host keys.
func (t *SSHServerTransport) announceHostKeys() {
	var data []byte
	for _, key := range t.provable() {
		data = append(data, conch.NS(key.PublicKey().Marshal())...)
	}
	if len(data) > 0 {
		t.service.SendGlobalRequest(hostKeysRequest, data, false).OnError(func(error) {}) // the client need not know
	}
}

// provable returns the host keys that can be announced: certificates cannot.
func (t *SSHServerTransport) provable() (all []gossh.Signer) {
	for _, key := range t.factory.PrivateKeys {
		if _, isCertificate := key.PublicKey().(*gossh.Certificate); !isCertificate && t.proofName(key) != "" {
			all = append(all, key)
		}
	}
	return all
}

// proofName returns the algorithm for the proof of a key, and "" if there is
// none. For RSA, clients expect the algorithm of the key exchange.
func (t *SSHServerTransport) proofName(key gossh.Signer) string {
	names := signatureNames(key, t.factory.algorithms().HostKeys)
	if slices.Contains(names, t.hostKeyName) {
		return t.hostKeyName
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == gossh.KeyAlgoRSA })
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// proveHostKeys signs the session with the keys that the client asks for. The
// reply has the signatures in the order of the request.
func (t *SSHServerTransport) proveHostKeys(data []byte) deferred.Deferred[[]byte] {
	keys, err := t.asked(data)
	if err == nil {
		err = t.proofs.exchange()
	}
	if err != nil {
		return deferred.Fail[[]byte](err)
	}
	session, names := t.SessionID(), make([]string, len(keys))
	for i, key := range keys {
		names[i] = t.proofName(key)
	}
	return reactor.DeferToThread(t.Reactor(), func() (reply []byte, err error) {
		for i, key := range keys {
			signature, err := prove(key, names[i], session)
			if err != nil {
				return nil, err
			}
			reply = append(reply, conch.NS(gossh.Marshal(signature))...)
		}
		return reply, nil
	})
}

// asked returns the keys of a request, which are different ones.
func (t *SSHServerTransport) asked(data []byte) (keys []gossh.Signer, err error) {
	ours := t.provable()
	for len(data) > 0 {
		var blob string
		if blob, data, err = conch.GetNS(data); err != nil {
			return nil, err
		}
		is := func(s gossh.Signer) bool { return string(s.PublicKey().Marshal()) == blob }
		at := slices.IndexFunc(ours, is)
		switch {
		case at < 0:
			return nil, errProveUnknown
		case slices.ContainsFunc(keys, is):
			return nil, errProveOnce
		}
		keys = append(keys, ours[at])
	}
	return keys, nil
}

// prove signs the session. It runs on a thread.
func prove(key gossh.Signer, name string, session []byte) (s *gossh.Signature, err error) {
	signed := slices.Concat(conch.NS(proveRequest), conch.NS(session), conch.NS(key.PublicKey().Marshal()))
	panicked := hook.Call(func() {
		if able, ok := key.(gossh.AlgorithmSigner); ok {
			s, err = able.SignWithAlgorithm(rand.Reader, signed, name)
		} else {
			s, err = key.Sign(rand.Reader, signed)
		}
	})
	return s, errors.Join(err, panicked)
}
