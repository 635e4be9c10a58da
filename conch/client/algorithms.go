package client

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// Algorithms are names of algorithms, the preferred one first in each list.
type Algorithms struct {
	Ciphers, MACs, KeyExchanges []string

	// HostKeys are the algorithms with which servers prove their identity,
	// PublicKeys those with which users prove theirs. The names of certificate
	// algorithms end in -cert-v01@openssh.com.
	HostKeys, PublicKeys []string
}

// DefaultAlgorithms returns the algorithms that Connect uses unless the Options
// have other lists. They are those of golang.org/x/crypto/ssh that OpenSSH
// enables by default too. AES-GCM is the preferred cipher and Ed25519 the
// preferred kind of key. Signatures with SHA-1 (ssh-rsa) are not among them; see
// Options.LegacyAlgorithms. Any goroutine may call DefaultAlgorithms.
func DefaultAlgorithms() Algorithms {
	a := Algorithms{
		Ciphers: []string{
			gossh.CipherAES128GCM, gossh.CipherAES256GCM, gossh.CipherChaCha20Poly1305,
			gossh.CipherAES128CTR, gossh.CipherAES192CTR, gossh.CipherAES256CTR,
		},
		MACs: []string{gossh.HMACSHA256ETM, gossh.HMACSHA512ETM, gossh.HMACSHA256, gossh.HMACSHA512, gossh.HMACSHA1},
		KeyExchanges: []string{
			gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeCurve25519,
			gossh.KeyExchangeECDHP256, gossh.KeyExchangeECDHP384, gossh.KeyExchangeECDHP521,
			gossh.KeyExchangeDHGEXSHA256, gossh.KeyExchangeDH16SHA512, gossh.KeyExchangeDH14SHA256,
		},
		HostKeys: []string{
			gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01,
			gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01,
			gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
			gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
		},
		PublicKeys: []string{
			gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01,
			gossh.CertAlgoSKED25519v01, gossh.CertAlgoSKECDSA256v01,
			gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01,
			gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
			gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
			gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
		},
	}
	a.PublicKeys = union(a.PublicKeys, gossh.SupportedAlgorithms().PublicKeyAuths) // keys of a kind that x/crypto adds work
	return a
}

// union returns the names of both lists without repeats.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// legacyAlgorithms returns the algorithms that Options.LegacyAlgorithms adds.
func legacyAlgorithms() Algorithms {
	insecure := gossh.InsecureAlgorithms()
	return Algorithms{
		Ciphers:      insecure.Ciphers,
		MACs:         insecure.MACs,
		KeyExchanges: insecure.KeyExchanges,
		HostKeys:     insecure.HostKeys,
		PublicKeys:   append(insecure.PublicKeyAuths, gossh.CertAlgoRSAv01),
	}
}

// otherAlgorithms returns algorithms of x/crypto that are neither in the default
// lists nor insecure: a second name, and algorithms that few peers have.
func otherAlgorithms() Algorithms {
	known := gossh.SupportedAlgorithms()
	return Algorithms{
		Ciphers:      known.Ciphers,
		MACs:         known.MACs,
		KeyExchanges: append(known.KeyExchanges, "curve25519-sha256@libssh.org"),
		HostKeys:     known.HostKeys,
		PublicKeys:   known.PublicKeyAuths,
	}
}

// lists returns the lists in the order of the fields.
func (a *Algorithms) lists() [5]*[]string {
	return [...]*[]string{&a.Ciphers, &a.MACs, &a.KeyExchanges, &a.HostKeys, &a.PublicKeys}
}

// kinds are names for the lists, in error texts.
var kinds = [5]string{"cipher", "MAC", "key exchange", "host key algorithm", "public key algorithm"}

// algorithms returns the lists of the options, with the defaults in place of
// empty ones.
func (o *Options) algorithms() Algorithms {
	used := Algorithms{o.Ciphers, o.MACs, o.KeyExchanges, o.HostKeyAlgorithms, o.PublicKeyAlgorithms}
	defaults, legacy := DefaultAlgorithms(), legacyAlgorithms()
	for i, list := range used.lists() {
		if len(*list) > 0 {
			continue
		}
		*list = *defaults.lists()[i]
		if o.LegacyAlgorithms {
			*list = slices.Concat(*list, *legacy.lists()[i])
		}
	}
	return used
}

// validateAlgorithms returns an error for the first unknown name.
func (o *Options) validateAlgorithms() error {
	used := Algorithms{o.Ciphers, o.MACs, o.KeyExchanges, o.HostKeyAlgorithms, o.PublicKeyAlgorithms}
	defaults, others, legacy := DefaultAlgorithms(), otherAlgorithms(), legacyAlgorithms()
	for i, list := range used.lists() {
		if len(*list) == 0 {
			continue
		}
		known := union(union(*defaults.lists()[i], *others.lists()[i]), *legacy.lists()[i])
		for _, name := range *list {
			if !slices.Contains(known, name) {
				return fmt.Errorf("client: unsupported %s %s; supported: %s", kinds[i], text.Quote(name), strings.Join(known, ", "))
			}
		}
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
