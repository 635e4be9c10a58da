package keys

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 keys of this kind are still around; C-KEYS-7 asks for them
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"

	"github.com/hawser-go/hawser/conch/internal/wire"
	gossh "golang.org/x/crypto/ssh"
)

// The private keys on their way to an agent (draft-miller-ssh-agent, section 4.2).
type (
	rsaPrivateBlob struct {
		Type                string
		N, E, D, Iqmp, P, Q *big.Int // Iqmp is the inverse of Q modulo P
	}
	dsaPrivateBlob struct {
		Type          string
		P, Q, G, Y, X *big.Int
	}
	ecPrivateBlob struct {
		Type, Curve string
		Point       []byte
		D           *big.Int
	}
	edPrivateBlob struct {
		Type string
		A    []byte
		KA   []byte // the seed, and once more the public key
	}
)

// rsaAgentV3 is an RSA key in the format of the agent's third version; a DSA key has the order of dsaPrivateBlob there too.
type rsaAgentV3 struct {
	Type             string
	E, D, N, U, P, Q *big.Int // U is the inverse of P modulo Q
}

// PrivateBlob returns the private key as an agent is given it (draft-miller-ssh-agent, section 4.2). The BadKeyError that comes otherwise
// wraps ErrPublicKey or ErrOpaque.
func (k *Key) PrivateBlob() ([]byte, error) {
	if err := k.mustBeOpen(); err != nil {
		return nil, err
	}
	switch c := k.Data().(type) {
	case RSAComponents:
		return gossh.Marshal(rsaPrivateBlob{k.SSHType(), c.N, c.E, c.D, new(big.Int).ModInverse(c.Q, c.P), c.P, c.Q}), nil
	case DSAComponents:
		return gossh.Marshal(dsaPrivateBlob{k.SSHType(), c.P, c.Q, c.G, c.Y, c.X}), nil
	case ECComponents:
		point, err := c.point()
		return gossh.Marshal(ecPrivateBlob{k.SSHType(), nistName(c.Curve), point, c.PrivateValue}), err
	default:
		ed := c.(Ed25519Components)
		return gossh.Marshal(edPrivateBlob{k.SSHType(), ed.A, append(ed.K, ed.A...)}), nil
	}
}

// mustBeOpen says why the numbers of the private key are not there, if so.
func (k *Key) mustBeOpen() error {
	switch k.private.(type) {
	case *rsa.PrivateKey, *dsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil
	}
	if k.IsPublic() {
		return badKey(ErrPublicKey)
	}
	return badKey(ErrOpaque)
}

// agentV3 writes the format of the agent's third version.
func (k *Key) agentV3() ([]byte, error) {
	if err := k.mustBeOpen(); err != nil {
		return nil, err
	}
	switch c := k.Data().(type) {
	case RSAComponents:
		return gossh.Marshal(rsaAgentV3{k.SSHType(), c.E, c.D, c.N, c.U, c.P, c.Q}), nil
	case DSAComponents:
		return k.PrivateBlob()
	default:
		return nil, badKeyf("%w: %s in the format of agentv3", ErrUnsupported, k.Type())
	}
}

func parsePrivateBlob(data []byte) (*Key, error) {
	switch types[blobType(data)] {
	case RSA:
		return fromStruct(data, rsaPrivateBlob.components)
	case DSA:
		return fromStruct(data, dsaPrivateBlob.components)
	case EC:
		return fromStruct(data, ecPrivateBlob.components)
	case Ed25519:
		return fromStruct(data, edPrivateBlob.components)
	default:
		return nil, badKeyf("%w: a private key of type %.100q", ErrUnsupported, blobType(data))
	}
}

func parseAgentV3(data []byte) (*Key, error) {
	switch types[blobType(data)] {
	case RSA:
		return fromStruct(data, rsaAgentV3.components)
	case DSA:
		return fromStruct(data, dsaPrivateBlob.components)
	default:
		return nil, badKeyf("%w: a key of type %.100q in the format of agentv3", ErrUnsupported, blobType(data))
	}
}

func blobType(data []byte) string {
	d := wire.NewDecoder(data)
	return d.String()
}

// fromStruct reads a key that is encoded as a T.
func fromStruct[T any](data []byte, components func(T) Components) (*Key, error) {
	var b T
	if err := gossh.Unmarshal(data, &b); err != nil {
		return nil, badKey(err)
	}
	return FromComponents(components(b))
}

func (b rsaPrivateBlob) components() Components {
	return RSAComponents{N: b.N, E: b.E, D: b.D, P: b.P, Q: b.Q}
}

func (b rsaAgentV3) components() Components {
	return RSAComponents{N: b.N, E: b.E, D: b.D, P: b.P, Q: b.Q}
}

func (b dsaPrivateBlob) components() Components {
	return DSAComponents{P: b.P, Q: b.Q, G: b.G, Y: b.Y, X: b.X}
}

// components leaves the curve or the point out if they are not what they have to be, which gives an error later.
func (b ecPrivateBlob) components() Components {
	c := ECComponents{PrivateValue: b.D}
	if nistName(b.Type) == b.Curve {
		c.Curve = b.Type
	}
	if n := len(b.Point); n%2 == 1 && b.Point[0] == uncompressed {
		c.X, c.Y = coordinates(b.Point)
	}
	return c
}

// components takes the seed from what goes before the public key, which has to be there twice.
func (b edPrivateBlob) components() Components {
	seed, ok := bytes.CutSuffix(b.KA, b.A)
	if !ok {
		seed = []byte{}
	}
	return Ed25519Components{A: b.A, K: seed}
}
