package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
)

// defaultRSA is the size in bits that ssh-keygen gives RSA keys too.
const defaultRSA = 3072

// maxRSA is the size in bits of the largest RSA key, as for ssh-keygen.
const maxRSA = 16384

// Generate makes a private key. The size in bits is 1024 to 16384 for RSA, by default 3072; 256, 384 or 521 for EC, by default 256; and 256 for
// Ed25519; 0 means the default. Large RSA keys take seconds. DSA keys are not made any more: they are too weak. Errors are BadKeyErrors.
func Generate(typ Type, bits int) (*Key, error) {
	private, err := generate(typ, bits)
	if err != nil {
		return nil, badKey(err)
	}
	if private == nil {
		return nil, badKeyf("%w: making a key of type %q with %d bits", ErrUnsupported, typ, bits)
	}
	return New(private)
}

// generate returns nil for what is not made.
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
