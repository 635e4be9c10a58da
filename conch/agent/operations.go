package agent

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// Identity is a key that an agent holds.
type Identity struct {
	// Key is the public key or certificate. A kind of key that x/crypto does
	// not know has its Type and Marshal, and verifies nothing.
	Key gossh.PublicKey

	// Comment is foreign text: any bytes. Do not write it to a terminal as it
	// is.
	Comment string
}

// AddOptions are the options of AddIdentity. The zero value is valid.
type AddOptions struct {
	Comment string

	// Certificate is presented instead of the bare public key. It must belong
	// to the key.
	Certificate *gossh.Certificate

	// Lifetime is the time after which the agent forgets the key, in whole
	// seconds, rounded up. 0 means never. The limit is 136 years.
	Lifetime time.Duration

	// Confirm makes the agent ask its user each time the key is used.
	Confirm bool
}

var (
	errLifetime = errors.New("the lifetime is negative or more than 136 years")
	errPipe     = errors.New("named pipes are not supported; open the pipe and call NewSSHAgentClient")
)

// addedKey returns the key as x/crypto takes it.
func (o AddOptions) addedKey(key *keys.Key) (none xagent.AddedKey, _ error) {
	private, err := key.CryptoSigner()
	if err != nil {
		return none, err
	}
	if o.Lifetime < 0 || o.Lifetime > math.MaxUint32*time.Second {
		return none, errLifetime
	}
	return xagent.AddedKey{
		PrivateKey: private, Certificate: o.Certificate, Comment: o.Comment,
		LifetimeSecs: uint32((o.Lifetime + time.Second - 1) / time.Second), ConfirmBeforeUse: o.Confirm,
	}, nil
}

// RequestIdentities returns the keys that the agent holds
// (draft-miller-ssh-agent, section 4.4). A locked agent says that it holds
// none.
func (c *SSHAgentClient) RequestIdentities() deferred.Deferred[[]Identity] {
	return request(c, "list keys", func(a xagent.ExtendedAgent) ([]Identity, error) {
		listed, err := a.List()
		if err != nil {
			return nil, err
		}
		identities := make([]Identity, len(listed))
		for i, k := range listed {
			identities[i] = Identity{Key: k, Comment: k.Comment}
			if parsed, err := gossh.ParsePublicKey(k.Blob); err == nil {
				identities[i].Key = parsed
			}
		}
		return identities, nil
	})
}

// GetPublicKeys returns the keys and certificates that can be offered in an
// authentication: those of RequestIdentities that x/crypto knows.
func (c *SSHAgentClient) GetPublicKeys() deferred.Deferred[[]gossh.PublicKey] {
	return deferred.Then(c.RequestIdentities(), func(identities []Identity) ([]gossh.PublicKey, error) {
		var known []gossh.PublicKey
		for _, i := range identities {
			if _, unknown := i.Key.(*xagent.Key); !unknown {
				known = append(known, i.Key)
			}
		}
		return known, nil
	})
}

// SignData returns a signature of data by the key, or by the key of the
// certificate (draft-miller-ssh-agent, section 4.5). An RSA key signs with the
// algorithm, such as "rsa-sha2-512"; an empty algorithm leaves the choice to
// the agent, which means SHA-1 for RSA. If the signature has another algorithm
// than requested the Deferred fails: old agents ignore the request.
func (c *SSHAgentClient) SignData(key gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	const op = "sign"
	signed := request(c, op, func(a xagent.ExtendedAgent) (*gossh.Signature, error) {
		return a.SignWithFlags(key, data, flagsFor(algorithm))
	})
	return deferred.Then(signed, func(s *gossh.Signature) (*gossh.Signature, error) {
		if algorithm != "" && s.Format != algorithm {
			return nil, &OpError{op, c.name, fmt.Errorf("the agent signed with %s instead of %s; use a newer agent",
				text.Quote(s.Format), text.Quote(algorithm))}
		}
		return s, nil
	})
}

// flagsFor returns the flags that request an algorithm (draft-miller-ssh-agent,
// section 4.5.1).
func flagsFor(algorithm string) xagent.SignatureFlags {
	switch algorithm {
	case gossh.KeyAlgoRSASHA256:
		return xagent.SignatureFlagRsaSha256
	case gossh.KeyAlgoRSASHA512:
		return xagent.SignatureFlagRsaSha512
	default:
		return 0
	}
}

// AddIdentity gives the agent a private key (draft-miller-ssh-agent, section
// 4.2). It replaces a key with the same public half. The key must be an RSA, EC
// or Ed25519 key that is not held by a signer.
func (c *SSHAgentClient) AddIdentity(key *keys.Key, o AddOptions) deferred.Deferred[deferred.Void] {
	return c.order("add key", func(a xagent.ExtendedAgent) error {
		added, err := o.addedKey(key)
		if err != nil {
			return err
		}
		return a.Add(added)
	})
}

// RemoveIdentity makes the agent forget the private key of a public key or
// certificate (draft-miller-ssh-agent, section 4.3).
func (c *SSHAgentClient) RemoveIdentity(key gossh.PublicKey) deferred.Deferred[deferred.Void] {
	return c.order("remove key", func(a xagent.ExtendedAgent) error { return a.Remove(key) })
}

// RemoveAllIdentities makes the agent forget all keys.
func (c *SSHAgentClient) RemoveAllIdentities() deferred.Deferred[deferred.Void] {
	return c.order("remove all keys", xagent.ExtendedAgent.RemoveAll)
}

// Lock makes the agent refuse every use of its keys until Unlock is called with
// the same passphrase (draft-miller-ssh-agent, section 4.6).
func (c *SSHAgentClient) Lock(passphrase []byte) deferred.Deferred[deferred.Void] {
	return c.order("lock", func(a xagent.ExtendedAgent) error { return a.Lock(passphrase) })
}

// Unlock undoes Lock.
func (c *SSHAgentClient) Unlock(passphrase []byte) deferred.Deferred[deferred.Void] {
	return c.order("unlock", func(a xagent.ExtendedAgent) error { return a.Unlock(passphrase) })
}

// Extension sends a request that is not part of the protocol
// (draft-miller-ssh-agent, section 4.7), such as "query". It returns the reply,
// from its type byte on.
func (c *SSHAgentClient) Extension(name string, contents []byte) deferred.Deferred[[]byte] {
	return request(c, "extension "+text.Quote(name), func(a xagent.ExtendedAgent) ([]byte, error) {
		return a.Extension(name, contents)
	})
}

// order is a request whose reply has no content.
func (c *SSHAgentClient) order(op string, do func(xagent.ExtendedAgent) error) deferred.Deferred[deferred.Void] {
	return request(c, op, func(a xagent.ExtendedAgent) (none deferred.Void, _ error) { return none, do(a) })
}
