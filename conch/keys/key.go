package keys

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind still exist
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"

	gossh "golang.org/x/crypto/ssh"
)

// Type is the kind of a key, as Twisted names it.
type Type string

// The kinds of keys.
const (
	RSA     Type = "RSA"
	DSA     Type = "DSA" // read only; OpenSSH no longer supports DSA
	EC      Type = "EC"  // ECDSA on nistp256, nistp384 or nistp521
	Ed25519 Type = "Ed25519"
)

// types maps SSH type names to kinds. The last two names belong to hardware
// keys, of which only the public half is supported.
var types = map[string]Type{
	gossh.KeyAlgoRSA:        RSA,
	"ssh-dss":               DSA, // the constant in x/crypto is deprecated
	gossh.KeyAlgoECDSA256:   EC,
	gossh.KeyAlgoECDSA384:   EC,
	gossh.KeyAlgoECDSA521:   EC,
	gossh.KeyAlgoED25519:    Ed25519,
	gossh.KeyAlgoSKECDSA256: EC,
	gossh.KeyAlgoSKED25519:  Ed25519,
}

// Key is a public key, or a private key with its public half. A Key is
// immutable, and all methods may be called from any goroutine. The zero value
// cannot be used.
type Key struct {
	public  gossh.PublicKey
	signer  gossh.Signer      // nil if the key is public
	private crypto.PrivateKey // nil if the key is public or cannot be exported
	comment string            // of the file
}

// Type returns the kind of the key.
func (k *Key) Type() Type { return types[k.SSHType()] }

// SSHType returns the type name that SSH uses, such as "ssh-ed25519" (RFC 4253,
// section 6.6).
func (k *Key) SSHType() string { return k.public.Type() }

// Size returns the size of the key in bits: of the modulus for RSA and DSA, of
// the curve for EC and Ed25519.
func (k *Key) Size() int {
	switch public := cryptoPublic(k.public).(type) {
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

// Public returns the public half of a private key. It returns k itself if k is
// public.
func (k *Key) Public() *Key {
	if k.IsPublic() {
		return k
	}
	return &Key{public: k.public, comment: k.comment}
}

// Blob returns the public key, or the public half of a private key, in the wire
// format (RFC 4253, section 6.6; RFC 5656; RFC 8709).
func (k *Key) Blob() []byte { return k.public.Marshal() }

// Equal reports whether k and other are the same key, and both public or both
// private. A private key is compared by its public half. No key equals nil.
func (k *Key) Equal(other *Key) bool {
	return other != nil && k.IsPublic() == other.IsPublic() && bytes.Equal(k.Blob(), other.Blob())
}

// PublicKey returns the public half for use with golang.org/x/crypto/ssh.
func (k *Key) PublicKey() gossh.PublicKey { return k.public }

// Signer returns the private key for use with golang.org/x/crypto/ssh. If k is
// public the error is a *BadKeyError that wraps ErrPublicKey.
func (k *Key) Signer() (gossh.Signer, error) {
	if k.IsPublic() {
		return nil, badKey(ErrPublicKey)
	}
	return k.signer, nil
}

// CryptoSigner returns the private key as a type of the standard library: an
// *rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey, or the
// crypto.Signer that New received. The caller must not change the value. The
// error is a *BadKeyError. It wraps ErrPublicKey if k is public, and
// ErrUnsupported if k is a DSA key or was made from an ssh.Signer.
func (k *Key) CryptoSigner() (crypto.Signer, error) {
	if k.IsPublic() {
		return nil, badKey(ErrPublicKey)
	}
	signer, ok := k.private.(crypto.Signer)
	if !ok {
		return nil, badKeyf("%w: %w", ErrUnsupported, errOpaque)
	}
	return signer, nil
}

// String describes the key on one line without any secret, such as "RSA private
// key, 3072 bits, SHA256:…".
func (k *Key) String() string {
	half := "private"
	if k.IsPublic() {
		half = "public"
	}
	return fmt.Sprintf("%s %s key, %d bits, %s", k.Type(), half, k.Size(), gossh.FingerprintSHA256(k.public))
}

// GoString returns String, so that the verb %#v prints no secrets.
func (k *Key) GoString() string { return k.String() }

// cryptoPublic returns a public key as a type of the standard library.
func cryptoPublic(public gossh.PublicKey) crypto.PublicKey {
	return public.(gossh.CryptoPublicKey).CryptoPublicKey()
}
