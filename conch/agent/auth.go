package agent

import (
	"fmt"
	"slices"

	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// GetPublicKeys asks for the agent's keys and keeps them for GetPublicKey (C-KEYS-21). Certificates are among them; keys of unknown kinds are
// left out.
func (c *SSHAgentClient) GetPublicKeys() deferred.Deferred[[]gossh.PublicKey] {
	return deferred.Then(c.RequestIdentities(), func(identities []Identity) ([]gossh.PublicKey, error) {
		c.keys = nil
		for _, identity := range identities {
			if key, err := gossh.ParsePublicKey(identity.Blob); err == nil {
				c.keys = append(c.keys, key)
			}
		}
		return slices.Clone(c.keys), nil
	})
}

// GetPublicKey returns the next of the keys that GetPublicKeys has brought, each once, and nil when there is none left (C-KEYS-21).
func (c *SSHAgentClient) GetPublicKey() gossh.PublicKey {
	if len(c.keys) == 0 {
		return nil
	}
	key := c.keys[0]
	c.keys = c.keys[1:]
	return key
}

// Sign asks for a signature of data by a key, or by the key of a certificate, of the given type, such as "rsa-sha2-512" for RSA. The type of the
// signature is checked: agents that do not know the flags make SHA-1 signatures. An empty type takes what comes.
func (c *SSHAgentClient) Sign(key gossh.PublicKey, data []byte, signatureType string) deferred.Deferred[*gossh.Signature] {
	signed := c.SignData(key.Marshal(), data, FlagsFor(signatureType))
	return deferred.Then(signed, func(wire []byte) (*gossh.Signature, error) {
		signature, err := keys.ParseSignature(wire)
		if err != nil {
			return nil, &OpError{"sign", err}
		}
		if signatureType != "" && signature.Format != signatureType {
			return nil, &OpError{"sign", fmt.Errorf("%w: %s instead of %s", ErrSignatureType, signature.Format, signatureType)}
		}
		return signature, nil
	})
}
