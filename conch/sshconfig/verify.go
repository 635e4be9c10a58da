package sshconfig

import (
	"crypto/rsa"
	"fmt"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// verifier returns a check of the host key that enforces RequiredRSASize before
// client.VerifyHostKey. If RequiredRSASize is not set, verifier returns nil,
// which means client.VerifyHostKey.
func (s *settings) verifier() client.HostKeyVerifier {
	least := s.rsaSize()
	if least == 0 {
		return nil
	}
	return func(t *client.SSHClientTransport, ip string, key gossh.PublicKey, fingerprint string) deferred.Deferred[bool] {
		if size := rsaSize(key); size > 0 && size < least {
			return deferred.Fail[bool](fmt.Errorf("sshconfig: the host key is an RSA key of %d bits; RequiredRSASize is %d", size, least))
		}
		return client.VerifyHostKey(t, ip, key, fingerprint)
	}
}

// rsaSize returns the bits of an RSA key or of a certificate's RSA key, zero
// for other keys.
func rsaSize(key gossh.PublicKey) int {
	if c, ok := key.(*gossh.Certificate); ok {
		key = c.Key
	}
	c, ok := key.(gossh.CryptoPublicKey)
	if !ok {
		return 0
	}
	if k, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok {
		return k.N.BitLen()
	}
	return 0
}
