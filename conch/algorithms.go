package conch

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

// DefaultAlgorithms returns the algorithms that clients and servers use unless
// they are told otherwise. They are those of golang.org/x/crypto/ssh that OpenSSH
// enables by default too. AES-GCM is the preferred cipher and Ed25519 the
// preferred kind of key. Signatures with SHA-1 (ssh-rsa) are not among them; see
// LegacyAlgorithms. Any goroutine may call DefaultAlgorithms.
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

// LegacyAlgorithms returns the algorithms that old peers need and that are no
// longer secure, such as signatures with SHA-1. Any goroutine may call
// LegacyAlgorithms.
func LegacyAlgorithms() Algorithms {
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

// OrDefault returns the lists of a. In place of an empty list it returns the one
// of DefaultAlgorithms, followed by the one of LegacyAlgorithms if legacy is set.
func (a Algorithms) OrDefault(legacy bool) Algorithms {
	defaults, old := DefaultAlgorithms(), LegacyAlgorithms()
	for i, list := range a.lists() {
		if len(*list) > 0 {
			continue
		}
		*list = *defaults.lists()[i]
		if legacy {
			*list = slices.Concat(*list, *old.lists()[i])
		}
	}
	return a
}

// Validate returns an error that names the first algorithm that is not
// supported.
func (a Algorithms) Validate() error {
	defaults, others, legacy := DefaultAlgorithms(), otherAlgorithms(), LegacyAlgorithms()
	for i, list := range a.lists() {
		known := union(union(*defaults.lists()[i], *others.lists()[i]), *legacy.lists()[i])
		for _, name := range *list {
			if !slices.Contains(known, name) {
				return fmt.Errorf("conch: unsupported %s %s; supported: %s", kinds[i], text.Quote(name), strings.Join(known, ", "))
			}
		}
	}
	return nil
}
