package keys

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind are still around; C-KEYS-7 asks for them
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wire"
	gossh "golang.org/x/crypto/ssh"
)

// Components are the numbers that a key is made of: an RSAComponents, DSAComponents, ECComponents, Ed25519Components or
// SecurityKeyComponents. The fields have Twisted's names; those of the private half are nil in a public key.
type Components interface{ key() (*Key, error) }

// RSAComponents are the numbers of an RSA key (RFC 8017, section 3). U is the inverse of P modulo Q; FromComponents does not look at it.
type RSAComponents struct {
	N, E       *big.Int
	D, P, Q, U *big.Int // private
}

// DSAComponents are the numbers of a DSA key (FIPS 186-4, section 4.1).
type DSAComponents struct {
	P, Q, G, Y *big.Int
	X          *big.Int // private
}

// ECComponents are the numbers of a key on one of the NIST curves. Curve is the SSH type, such as "ecdsa-sha2-nistp256".
type ECComponents struct {
	Curve        string
	X, Y         *big.Int
	PrivateValue *big.Int // private
}

// Ed25519Components are the halves of an Ed25519 key, 32 bytes each (RFC 8032, section 5.1.5).
type Ed25519Components struct {
	A []byte // the public key
	K []byte // private: the seed
}

// SecurityKeyComponents are those of the public half of a key that lives in hardware: an ECComponents on nistp256 or an
// Ed25519Components, and the application that it is for, usually "ssh:" (OpenSSH's PROTOCOL.u2f).
type SecurityKeyComponents struct {
	Key         Components
	Application string
}

// Data returns the components of the key, which are copies. Of a private key that is behind a foreign signer they are those of the public half.
func (k *Key) Data() Components {
	if application, ok := k.application(); ok {
		return SecurityKeyComponents{k.publicData(), application}
	}
	data := k.publicData()
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		c := data.(RSAComponents)
		c.D, c.P, c.Q = clone(private.D), clone(private.Primes[0]), clone(private.Primes[1])
		c.U = new(big.Int).ModInverse(c.P, c.Q)
		return c
	case *dsa.PrivateKey:
		c := data.(DSAComponents)
		c.X = clone(private.X)
		return c
	case *ecdsa.PrivateKey:
		c := data.(ECComponents)
		scalar, _ := private.Bytes() // checked by New
		c.PrivateValue = new(big.Int).SetBytes(scalar)
		return c
	case ed25519.PrivateKey:
		c := data.(Ed25519Components)
		c.K = private.Seed()
		return c
	default:
		return data
	}
}

func (k *Key) publicData() Components {
	switch public := k.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return RSAComponents{N: clone(public.N), E: big.NewInt(int64(public.E))}
	case *dsa.PublicKey:
		return DSAComponents{P: clone(public.P), Q: clone(public.Q), G: clone(public.G), Y: clone(public.Y)}
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // checked when it was read
		x, y := coordinates(point)
		return ECComponents{Curve: curveNames[public.Curve], X: x, Y: y}
	default:
		return Ed25519Components{A: bytes.Clone(public.(ed25519.PublicKey))}
	}
}

// application returns what the public half of a key in hardware is for, and whether the key is one.
func (k *Key) application() (string, bool) {
	fields := 0
	switch k.SSHType() {
	case gossh.KeyAlgoSKECDSA256:
		fields = 3 // type, curve and point come first
	case gossh.KeyAlgoSKED25519:
		fields = 2 // type and key
	default:
		return "", false
	}
	d := wire.NewDecoder(k.Blob())
	for range fields {
		d.Bytes()
	}
	return d.String(), true
}

// FromComponents makes a key of its components: a private one if those of the private half are there. Numbers that are missing, out of
// range or do not belong together give a BadKeyError.
func FromComponents(c Components) (*Key, error) {
	if c == nil {
		return nil, badKey(errIncomplete)
	}
	return c.key()
}

func (c RSAComponents) key() (*Key, error) {
	if !positive(c.N, c.E) || !c.E.IsInt64() || c.E.BitLen() > 24 {
		return nil, badKey(errIncomplete)
	}
	public := rsa.PublicKey{N: clone(c.N), E: int(c.E.Int64())}
	if c.D == nil {
		return New(&public)
	}
	if !positive(c.P, c.Q) {
		return nil, badKey(errIncomplete)
	}
	return New(&rsa.PrivateKey{PublicKey: public, D: clone(c.D), Primes: []*big.Int{clone(c.P), clone(c.Q)}})
}

func (c DSAComponents) key() (*Key, error) {
	if !positive(c.P, c.Q, c.G, c.Y) {
		return nil, badKey(errIncomplete)
	}
	public := dsa.PublicKey{Parameters: dsa.Parameters{P: clone(c.P), Q: clone(c.Q), G: clone(c.G)}, Y: clone(c.Y)}
	if c.X == nil {
		return New(&public)
	}
	return New(&dsa.PrivateKey{PublicKey: public, X: clone(c.X)})
}

// The curves, and the SSH types of the keys on them (RFC 5656, section 10.1).
var (
	curves = map[string]elliptic.Curve{
		gossh.KeyAlgoECDSA256: elliptic.P256(),
		gossh.KeyAlgoECDSA384: elliptic.P384(),
		gossh.KeyAlgoECDSA521: elliptic.P521(),
	}
	curveNames = map[elliptic.Curve]string{
		elliptic.P256(): gossh.KeyAlgoECDSA256,
		elliptic.P384(): gossh.KeyAlgoECDSA384,
		elliptic.P521(): gossh.KeyAlgoECDSA521,
	}
)

func (c ECComponents) key() (*Key, error) {
	point, err := c.point()
	if err != nil {
		return nil, err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curves[c.Curve], point)
	if err != nil {
		return nil, badKey(err)
	}
	if c.PrivateValue == nil {
		return New(public)
	}
	size := len(point) / 2
	if !positive(c.PrivateValue) || c.PrivateValue.BitLen() > 8*size {
		return nil, badKey(errIncomplete)
	}
	private, err := ecdsa.ParseRawPrivateKey(curves[c.Curve], c.PrivateValue.FillBytes(make([]byte, size)))
	if err != nil {
		return nil, badKey(err)
	}
	if !private.PublicKey.Equal(public) {
		return nil, badKey(errMismatch)
	}
	return newPrivate(private)
}

// nistName returns the name of the curve in the SSH type of a key on it.
func nistName(sshType string) string { return strings.TrimPrefix(sshType, "ecdsa-sha2-") }

// uncompressed is the first byte of a point of which both coordinates follow (SEC 1, section 2.3.3).
const uncompressed = 4

// coordinates cuts an uncompressed point in two.
func coordinates(point []byte) (x, y *big.Int) {
	middle := 1 + len(point)/2
	return new(big.Int).SetBytes(point[1:middle]), new(big.Int).SetBytes(point[middle:])
}

// point returns the public point, uncompressed.
func (c ECComponents) point() ([]byte, error) {
	curve := curves[c.Curve]
	if curve == nil {
		return nil, badKeyf("%w: the curve %q", ErrUnsupported, c.Curve)
	}
	size := (curve.Params().BitSize + 7) / 8
	if !positive(c.X, c.Y) || max(c.X.BitLen(), c.Y.BitLen()) > 8*size {
		return nil, badKey(errIncomplete)
	}
	point := make([]byte, 1+2*size)
	point[0] = uncompressed
	c.X.FillBytes(point[1 : 1+size])
	c.Y.FillBytes(point[1+size:])
	return point, nil
}

func (c Ed25519Components) key() (*Key, error) {
	if len(c.A) != ed25519.PublicKeySize {
		return nil, badKeyf("an Ed25519 public key of %d bytes, there must be %d", len(c.A), ed25519.PublicKeySize)
	}
	if c.K == nil {
		return New(ed25519.PublicKey(bytes.Clone(c.A)))
	}
	return New(ed25519.PrivateKey(append(bytes.Clone(c.K), c.A...)))
}

func (c SecurityKeyComponents) key() (*Key, error) {
	var e wire.Encoder
	switch key := c.Key.(type) {
	case ECComponents:
		point, err := key.point()
		if err != nil {
			return nil, err
		}
		e.String(gossh.KeyAlgoSKECDSA256)
		e.String(nistName(key.Curve))
		e.Bytes(point)
	case Ed25519Components:
		e.String(gossh.KeyAlgoSKED25519)
		e.Bytes(key.A)
	default:
		return nil, badKeyf("%w: a security key of this kind", ErrUnsupported)
	}
	e.String(c.Application)
	return fromBlob(e.Data())
}

func clone(n *big.Int) *big.Int { return new(big.Int).Set(n) }
