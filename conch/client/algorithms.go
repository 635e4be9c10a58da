package client

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// lists returns the lists of the options.
func (o *Options) lists() conch.Algorithms {
	return conch.Algorithms{
		Ciphers: o.Ciphers, MACs: o.MACs, KeyExchanges: o.KeyExchanges, HostKeys: o.HostKeyAlgorithms, PublicKeys: o.PublicKeyAlgorithms,
	}
}

// algorithms returns the lists of the options, with the defaults in place of
// empty ones.
func (o *Options) algorithms() conch.Algorithms { return o.lists().OrDefault(o.LegacyAlgorithms) }

// validateAlgorithms returns an error for the first unknown name.
func (o *Options) validateAlgorithms() error {
	if err := o.lists().Validate(); err != nil {
		return fmt.Errorf("client: %s", text.TrimPrefix(err))
	}
	return nil
}

// signatureAlgorithms returns the algorithms with which a key can sign, the best
// one first. RSA keys have several (RFC 8332).
func signatureAlgorithms(key gossh.PublicKey) []string {
	kind := key.Type()
	if cert, ok := key.(*gossh.Certificate); ok {
		kind = cert.Key.Type()
	}
	if kind == gossh.KeyAlgoRSA {
		return []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
	}
	return []string{kind}
}

// allowedSignatures returns the signature algorithms for the key that are on a
// list of public key algorithms.
func allowedSignatures(key gossh.PublicKey, allowed []string) []string {
	suffix := ""
	if _, ok := key.(*gossh.Certificate); ok {
		suffix = "-cert-v01@openssh.com"
	}
	return slices.DeleteFunc(signatureAlgorithms(key), func(name string) bool {
		// sk-ssh-ed25519@openssh.com has sk-ssh-ed25519-cert-v01@openssh.com.
		if suffix != "" {
			name = strings.TrimSuffix(name, "@openssh.com") + suffix
		}
		return !slices.Contains(allowed, name)
	})
}
