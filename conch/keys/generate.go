package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"

	"github.com/hawser-go/hawser/conch/internal/text"
)

const (
	defaultRSA = 3072  // bits, the default of ssh-keygen
	maxRSA     = 16384 // bits, the limit of ssh-keygen
)

// Generate makes a private key. It may be called from any goroutine; large RSA
// keys take seconds.
//
// The size is in bits, and 0 means the default: for RSA 1024 to 16384, default
// 3072; for EC 256, 384 or 521, default 256; for Ed25519 256. DSA keys are not
// made. Any other request gives a *BadKeyError that wraps ErrUnsupported.
func Generate(typ Type, bits int) (*Key, error) {
	private, err := generate(typ, bits)
	if err != nil {
		return nil, badKey(err)
	}
	if private == nil {
		return nil, badKeyf("%w: making a key of type %s with %d bits", ErrUnsupported, text.Quote(string(typ)), bits)
	}
	return New(private)
}

// generate returns nil if keys of this type and size are not made.
func generate(typ Type, bits int) (crypto.PrivateKey, error) {
	ecSizes := map[int]elliptic.Curve{0: elliptic.P256(), 256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}
	switch {
	case typ == RSA && bits == 0:
		return rsa.GenerateKey(rand.Reader, defaultRSA)
	case typ == RSA && bits >= 1024 && bits <= maxRSA:
		return rsa.GenerateKey(rand.Reader, bits)
	case typ == EC && ecSizes[bits] != nil:
		return ecdsa.GenerateKey(ecSizes[bits], rand.Reader)
	case typ == Ed25519 && (bits == 0 || bits == 256):
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return nil, nil
	}
}
