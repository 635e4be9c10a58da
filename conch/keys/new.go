package keys

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind still exist
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"

	gossh "golang.org/x/crypto/ssh"
)

// New makes a Key from a key of another package:
//
//   - an *rsa.PrivateKey, *dsa.PrivateKey, *ecdsa.PrivateKey,
//     ed25519.PrivateKey or *ed25519.PrivateKey;
//   - the public key of one of these;
//   - any other crypto.Signer with such a public key;
//   - an ssh.PublicKey or an ssh.Signer of golang.org/x/crypto/ssh.
//
// New checks the numbers of the key, and the caller must not change them
// afterwards. A Key made from a crypto.Signer or an ssh.Signer signs, but its
// private half cannot be written. Every error is a *BadKeyError.
func New(key any) (*Key, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return newRSA(k)
	case *dsa.PrivateKey:
		return newDSA(k)
	case *ecdsa.PrivateKey:
		return newEC(k)
	case *ed25519.PrivateKey:
		return newEd25519(*k)
	case ed25519.PrivateKey:
		return newEd25519(k)
	case crypto.Signer:
		return newPrivate(k)
	case gossh.Signer:
		return newSigner(k)
	case gossh.PublicKey:
		return fromBlob(k.Marshal())
	default:
		return newPublic(k)
	}
}

func newSigner(signer gossh.Signer) (*Key, error) {
	public, err := fromBlob(signer.PublicKey().Marshal())
	if err != nil {
		return nil, err
	}
	return &Key{public: public.public, signer: signer}, nil
}

// fromBlob reads a public key in the wire format. Every public key passes
// through fromBlob, and so through the checks of x/crypto.
func fromBlob(blob []byte) (*Key, error) {
	public, err := gossh.ParsePublicKey(blob)
	if err != nil {
		return nil, badKey(err)
	}
	if _, ok := public.(*gossh.Certificate); ok {
		return nil, badKey(errCertificate)
	}
	if types[public.Type()] == "" {
		return nil, badKeyf("%w: keys of type %s", ErrUnsupported, public.Type())
	}
	if !complete(cryptoPublic(public)) {
		return nil, badKey(errIncomplete)
	}
	return &Key{public: public}, nil
}

func newPublic(key any) (*Key, error) {
	if !complete(key) {
		return nil, badKey(errIncomplete)
	}
	public, err := gossh.NewPublicKey(key)
	if err != nil {
		return nil, badKey(err)
	}
	return fromBlob(public.Marshal())
}

// newPrivate makes a Key from a private key with valid numbers.
func newPrivate(key crypto.PrivateKey) (*Key, error) {
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		return nil, badKey(err)
	}
	k, err := newSigner(signer)
	if err != nil {
		return nil, err
	}
	k.private = key
	return k, nil
}

// complete reports whether a public key of the standard library has all its
// numbers, so that it can be encoded.
func complete(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return positive(k.N)
	case *dsa.PublicKey:
		return positive(k.P, k.Q, k.G, k.Y)
	case *ecdsa.PublicKey:
		_, err := k.Bytes()
		return err == nil
	default:
		return true
	}
}

func positive(numbers ...*big.Int) bool {
	for _, n := range numbers {
		if n == nil || n.Sign() <= 0 {
			return false
		}
	}
	return true
}

// maxPrime is the size in bits of the largest prime of an RSA key. The time to
// check a key grows with the cube of the size.
const maxPrime = 8192

func newRSA(key *rsa.PrivateKey) (*Key, error) {
	if len(key.Primes) != 2 {
		return nil, badKeyf("%w: an RSA key of %d primes", ErrUnsupported, len(key.Primes))
	}
	p, q := key.Primes[0], key.Primes[1]
	if !positive(key.N, key.D, p, q) || max(p.BitLen(), q.BitLen()) > maxPrime || key.D.BitLen() > 2*maxPrime {
		return nil, badKey(errIncomplete)
	}
	if _, err := newPublic(&key.PublicKey); err != nil {
		return nil, err
	}
	checked := &rsa.PrivateKey{PublicKey: key.PublicKey, D: key.D, Primes: key.Primes}
	checked.Precompute()
	if err := checked.Validate(); err != nil {
		return nil, badKey(err)
	}
	return newPrivate(checked)
}

func newDSA(key *dsa.PrivateKey) (*Key, error) {
	if !positive(key.P, key.Q, key.G, key.Y, key.X) || key.X.Cmp(key.Q) >= 0 {
		return nil, badKey(errIncomplete)
	}
	signer, err := gossh.NewSignerFromKey(key) // checks P
	if err != nil {
		return nil, badKey(err)
	}
	if new(big.Int).Exp(key.G, key.X, key.P).Cmp(key.Y) != 0 {
		return nil, badKey(errMismatch)
	}
	return newSigner(signer)
}

func newEC(key *ecdsa.PrivateKey) (*Key, error) {
	if _, err := newPublic(&key.PublicKey); err != nil {
		return nil, err
	}
	scalar, err := key.Bytes()
	if err != nil {
		return nil, badKey(err)
	}
	derived, err := ecdsa.ParseRawPrivateKey(key.Curve, scalar)
	if err != nil {
		return nil, badKey(err)
	}
	if !derived.PublicKey.Equal(&key.PublicKey) {
		return nil, badKey(errMismatch)
	}
	return newPrivate(key)
}

// newEd25519 checks that the public half, which is the second half of an
// ed25519.PrivateKey, belongs to the seed. A signature made with another public
// half reveals the private key.
func newEd25519(key ed25519.PrivateKey) (*Key, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, badKeyf("an Ed25519 private key of %d bytes, expected %d", len(key), ed25519.PrivateKeySize)
	}
	if !ed25519.NewKeyFromSeed(key.Seed()).Equal(key) {
		return nil, badKey(errMismatch)
	}
	return newPrivate(key)
}
