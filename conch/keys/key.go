package keys

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind are still around; C-KEYS-7 asks for them
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"

	gossh "golang.org/x/crypto/ssh"
)

// Type is the kind of a key, as Twisted names it.
type Type string

// The kinds of keys (C-KEYS-7).
const (
	RSA     Type = "RSA"
	DSA     Type = "DSA"
	EC      Type = "EC"
	Ed25519 Type = "Ed25519"
)

// types says of which kind the keys with an SSH type name are. The last two are those that live in hardware; only their public halves are
// known.
var types = map[string]Type{
	gossh.KeyAlgoRSA:        RSA,
	"ssh-dss":               DSA, // x/crypto's name for it is marked as deprecated
	gossh.KeyAlgoECDSA256:   EC,
	gossh.KeyAlgoECDSA384:   EC,
	gossh.KeyAlgoECDSA521:   EC,
	gossh.KeyAlgoED25519:    Ed25519,
	gossh.KeyAlgoSKECDSA256: EC,
	gossh.KeyAlgoSKED25519:  Ed25519,
}

// Key is a public key, or a private key with its public half. It cannot be changed, and may be used from any goroutine. There is no usable zero
// value.
type Key struct {
	public  gossh.PublicKey
	signer  gossh.Signer      // nil if the key is public
	private crypto.PrivateKey // what the standard library calls it; nil if the key is public or behind a foreign signer
}

// Type returns the kind of the key.
func (k *Key) Type() Type { return types[k.SSHType()] }

// SSHType returns the name of the kind of key in SSH, such as "ssh-ed25519" (RFC 4253, section 6.6).
func (k *Key) SSHType() string { return k.public.Type() }

// Size returns the size of the key in bits: of the modulus for RSA and DSA, of the curve for EC and Ed25519.
func (k *Key) Size() int {
	switch public := k.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return public.N.BitLen()
	case *dsa.PublicKey:
		return public.P.BitLen()
	case *ecdsa.PublicKey:
		return public.Params().BitSize
	default:
		return 256
	}
}

// IsPublic reports whether the key has no private half.
func (k *Key) IsPublic() bool { return k.signer == nil }

// Public returns the public half of a private key, and a public key itself.
func (k *Key) Public() *Key {
	if k.IsPublic() {
		return k
	}
	return &Key{public: k.public}
}

// Blob returns the public key, or the public half of a private one, in the wire format (RFC 4253, section 6.6; RFC 5656; RFC 8709).
func (k *Key) Blob() []byte { return k.public.Marshal() }

// Equal reports whether both are public or both are private, and the same key. A private key that is behind a foreign signer is taken
// by its public half. A private key never equals its public half, and no key equals nil.
func (k *Key) Equal(other *Key) bool {
	return other != nil && k.IsPublic() == other.IsPublic() && bytes.Equal(k.Blob(), other.Blob())
}

// PublicKey returns the public half for use with golang.org/x/crypto/ssh.
func (k *Key) PublicKey() gossh.PublicKey { return k.public }

// CryptoPublicKey returns the public half as the standard library has it: an *rsa.PublicKey, *dsa.PublicKey, *ecdsa.PublicKey or
// ed25519.PublicKey. It is not to be changed.
func (k *Key) CryptoPublicKey() crypto.PublicKey {
	return k.public.(gossh.CryptoPublicKey).CryptoPublicKey()
}

// Signer returns the private key for use with golang.org/x/crypto/ssh. A public key gives a BadKeyError that wraps ErrPublicKey.
func (k *Key) Signer() (gossh.Signer, error) {
	if k.IsPublic() {
		return nil, badKey(ErrPublicKey)
	}
	return k.signer, nil
}

// CryptoSigner returns the private key as the standard library has it: an *rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey, or
// the signer that New was given. It is not to be changed. The BadKeyError that comes otherwise wraps ErrPublicKey, ErrOpaque, or
// ErrUnsupported for DSA, which the standard library does not count among the signers.
func (k *Key) CryptoSigner() (crypto.Signer, error) {
	signer, ok := k.private.(crypto.Signer)
	switch {
	case ok:
		return signer, nil
	case k.IsPublic():
		return nil, badKey(ErrPublicKey)
	case k.private == nil:
		return nil, badKey(ErrOpaque)
	default:
		return nil, badKey(ErrUnsupported)
	}
}

// String describes the key in a line, without anything secret, such as "RSA private key, 3072 bits, SHA256:…".
func (k *Key) String() string {
	half := "private"
	if k.IsPublic() {
		half = "public"
	}
	return fmt.Sprintf("%s %s key, %d bits, %s", k.Type(), half, k.Size(), gossh.FingerprintSHA256(k.public))
}

// GoString is String, so that no format prints secrets.
func (k *Key) GoString() string { return k.String() }
