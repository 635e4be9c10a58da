package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// Subtype is a format of OpenSSH's private key files.
type Subtype string

// The formats of private key files.
const (
	PEM Subtype = "PEM" // the traditional format, for RSA and EC
	V1  Subtype = "v1"  // OpenSSH's own format
)

// ToStringOptions are the options of ToString. The zero value is valid.
type ToStringOptions struct {
	// Subtype is the format of a private key. The default is PEM, but V1 for
	// Ed25519 and if there is a passphrase.
	Subtype Subtype

	// Comment stands after a public key and inside a V1 file. It must not
	// contain a line break or a zero byte.
	Comment string

	// Passphrase encrypts a private key. Empty means no encryption. Only V1
	// can be encrypted, with aes256-ctr and bcrypt: the encryption of
	// traditional PEM is broken.
	Passphrase []byte

	// Rounds is the number of rounds of bcrypt, at most 2048. More rounds make
	// it slower to guess the passphrase, and to read the file. 0 means 16.
	Rounds int
}

// ToString returns the key as text: a public key as OpenSSH's line, without a
// newline, a private key as the content of a file. The error is a *BadKeyError.
// It wraps ErrUnsupported if the key cannot be written in this format, is a DSA
// private key, or was made from a signer.
func (k *Key) ToString(o ToStringOptions) ([]byte, error) {
	if strings.ContainsAny(o.Comment, "\r\n\x00") {
		return nil, badKeyf("the comment has a line break or a zero byte")
	}
	if o.Rounds < 0 || o.Rounds > maxBcrypt {
		return nil, badKeyf("%w: %d rounds of bcrypt, the limit is %d", ErrUnsupported, o.Rounds, maxBcrypt)
	}
	if k.IsPublic() {
		return k.publicLine(o.Comment), nil
	}
	switch k.private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return nil, badKeyf("%w: %w", ErrUnsupported, errOpaque)
	}
	switch {
	case o.Subtype == V1, o.Subtype == "" && (k.Type() == Ed25519 || len(o.Passphrase) > 0):
		return k.privateV1(o)
	case o.Subtype != PEM && o.Subtype != "":
		return nil, badKeyf("%w: the subtype %s; use %q or %q", ErrUnsupported, text.Quote(string(o.Subtype)), PEM, V1)
	case len(o.Passphrase) > 0:
		return nil, badKeyf("%w: encrypted PEM; use V1", ErrUnsupported)
	default:
		return k.privatePEM()
	}
}

func (k *Key) publicLine(comment string) []byte {
	line := strings.TrimSuffix(string(gossh.MarshalAuthorizedKey(k.public)), "\n")
	if comment != "" {
		line += " " + comment
	}
	return []byte(line)
}
