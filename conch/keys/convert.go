package keys

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind are still around; C-KEYS-7 asks for them
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"math/big"

	gossh "golang.org/x/crypto/ssh"
)

// New makes a Key of one of the standard library's: *rsa.PrivateKey, *dsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or a pointer to
// that, the public keys of these, or any other crypto.Signer whose public key is one of them. The numbers of a private key are checked, and the
// key must not be changed afterwards. Errors are BadKeyErrors.
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
	default:
		return newPublic(k)
	}
}

// FromPublicKey makes a Key of a public key of golang.org/x/crypto/ssh. A certificate, and a kind of key that is not known here, give a
// BadKeyError.
func FromPublicKey(public gossh.PublicKey) (*Key, error) { return fromBlob(public.Marshal()) }

// FromSigner makes a private Key of a signer, such as one that an agent is behind. The key signs as the signer does; it cannot be written,
// nor taken apart. A signer that presents a certificate gives a BadKeyError.
func FromSigner(signer gossh.Signer) (*Key, error) {
	public, err := FromPublicKey(signer.PublicKey())
	if err != nil {
		return nil, err
	}
	return &Key{public: public.public, signer: signer}, nil
}

// fromBlob reads a public key in the wire format. Every public key passes through here, and so through x/crypto's checks of its numbers.
func fromBlob(blob []byte) (*Key, error) {
	public, err := gossh.ParsePublicKey(blob)
	if err != nil {
		return nil, badKey(err)
	}
	if _, ok := public.(*gossh.Certificate); ok {
		return nil, badKey(ErrCertificate)
	}
	if types[public.Type()] == "" {
		return nil, badKeyf("%w: keys of type %s", ErrUnsupported, public.Type())
	}
	k := &Key{public: public}
	if !complete(k.CryptoPublicKey()) {
		return nil, badKey(errIncomplete)
	}
	return k, nil
}

func newPublic(key any) (*Key, error) {
	if !complete(key) {
		return nil, badKey(errIncomplete)
	}
	public, err := gossh.NewPublicKey(key)
	if err != nil {
		return nil, badKey(err)
	}
	return FromPublicKey(public)
}

// newPrivate makes a Key of a private key whose numbers are known to be good.
func newPrivate(key crypto.PrivateKey) (*Key, error) {
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		return nil, badKey(err)
	}
	k, err := FromSigner(signer)
	if err != nil {
		return nil, err
	}
	k.private = key
	return k, nil
}

var (
	errIncomplete = errors.New("numbers are missing or out of range")
	errMismatch   = errors.New("the private and the public half do not belong together")
)

// complete reports whether a public key of the standard library has all its numbers, so that it can be encoded.
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

// maxPrime is the greatest size in bits of a prime of an RSA key: checking a key takes time that grows with its cube.
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
	k, err := newPrivate(key)
	if err != nil {
		return nil, err
	}
	if new(big.Int).Exp(key.G, key.X, key.P).Cmp(key.Y) != 0 {
		return nil, badKey(errMismatch)
	}
	return k, nil
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

// newEd25519 wants the public half, which the second half of a private key is, to be the one that belongs to the first: a signature made
// with another one gives the private key away.
func newEd25519(key ed25519.PrivateKey) (*Key, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, badKeyf("an Ed25519 private key of %d bytes, there must be %d", len(key), ed25519.PrivateKeySize)
	}
	if !ed25519.NewKeyFromSeed(key.Seed()).Equal(key) {
		return nil, badKey(errMismatch)
	}
	return newPrivate(key)
}
