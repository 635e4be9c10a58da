package keys

import (
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// StringType is a family of formats that ToString writes.
type StringType string

// What ToString writes (C-KEYS-10).
const (
	OpenSSH StringType = "openssh" // of a public key the line, of a private key the file
	LSH     StringType = "lsh"     // RSA and DSA
	AgentV3 StringType = "agentv3" // private keys of RSA and DSA
)

// Subtype tells the two formats of OpenSSH's private key files apart.
type Subtype string

// The formats of private key files.
const (
	PEM Subtype = "PEM" // the traditional one, for RSA, DSA and EC
	V1  Subtype = "v1"  // OpenSSH's own, for all but DSA
)

// ToStringOptions say how ToString writes. The zero value is ready for use.
type ToStringOptions struct {
	// Subtype is the format of an OpenSSH private key. The default is PEM, and V1 for Ed25519 and where there is a passphrase.
	Subtype Subtype

	// Comment stands behind a public key, and inside a V1 file. It must not contain a line break.
	Comment string

	// Passphrase encrypts a private key; empty means none. Only V1 can be encrypted: what traditional PEM offers instead is broken, and the
	// standard library has deprecated it. V1 files are written with 16 rounds of bcrypt, as x/crypto does it.
	Passphrase []byte
}

// ToString writes the key (C-KEYS-10). The line of a public key does not end with a newline, a file does. What a key cannot be written as gives
// a *BadKeyError.
func (k *Key) ToString(typ StringType, options ToStringOptions) ([]byte, error) {
	switch typ {
	case OpenSSH:
		return k.openSSH(options)
	case LSH:
		return k.lsh()
	case AgentV3:
		return k.agentV3()
	default:
		return nil, badKeyf("unknown type %q to write a key as", typ)
	}
}

func (k *Key) openSSH(o ToStringOptions) ([]byte, error) {
	if strings.ContainsAny(o.Comment, "\r\n\x00") {
		return nil, badKeyf("a comment with a line break")
	}
	if k.IsPublic() {
		return k.publicLine(o.Comment), nil
	}
	if err := k.mustBeOpen(); err != nil {
		return nil, err
	}
	switch {
	case o.Subtype == V1, o.Subtype == "" && (k.Type() == Ed25519 || len(o.Passphrase) > 0):
		return k.privateV1(o.Comment, o.Passphrase)
	case o.Subtype != PEM && o.Subtype != "":
		return nil, badKeyf("unknown subtype %q", o.Subtype)
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
