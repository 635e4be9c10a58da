package agent

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// The private halves of keys with certificates on their way to an agent, behind the type and the certificate: what the certificate does not
// say already (OpenSSH's PROTOCOL.certkeys and sshkey.c).
type (
	rsaCertBlob struct {
		Type          string
		Certificate   []byte
		D, Iqmp, P, Q *big.Int
	}
	scalarCertBlob struct { // DSA and EC
		Type        string
		Certificate []byte
		Scalar      *big.Int
	}
	edCertBlob struct {
		Type        string
		Certificate []byte
		A, KA       []byte
	}
)

// CertificateBlob returns what AddIdentity takes for a private key with its certificate, as PrivateBlob does for the key alone. A certificate
// of another key, and a key whose numbers cannot be taken out, give a *keys.BadKeyError.
func CertificateBlob(key *keys.Key, certificate *gossh.Certificate) ([]byte, error) {
	if _, err := key.CertSigner(certificate); err != nil {
		return nil, err
	}
	if _, err := key.PrivateBlob(); err != nil { // says whether the numbers are there
		return nil, err
	}
	typ, blob := certificate.Type(), certificate.Marshal()
	switch c := key.Data().(type) {
	case keys.RSAComponents:
		return gossh.Marshal(rsaCertBlob{typ, blob, c.D, new(big.Int).ModInverse(c.Q, c.P), c.P, c.Q}), nil
	case keys.DSAComponents:
		return gossh.Marshal(scalarCertBlob{typ, blob, c.X}), nil
	case keys.ECComponents:
		return gossh.Marshal(scalarCertBlob{typ, blob, c.PrivateValue}), nil
	default:
		ed := c.(keys.Ed25519Components)
		return gossh.Marshal(edCertBlob{typ, blob, ed.A, append(ed.K, ed.A...)}), nil
	}
}

// parseIdentity reads what AddIdentity is given. The certificate is nil for a key alone.
func parseIdentity(blob []byte) (*keys.Key, *gossh.Certificate, error) {
	var start struct {
		Type        string
		Certificate []byte
		Rest        []byte `ssh:"rest"`
	}
	if err := gossh.Unmarshal(blob, &start); err != nil {
		return nil, nil, malformed(err)
	}
	if !isCertificate(start.Type) {
		key, err := keys.FromString(blob, keys.FormatPrivateBlob, nil)
		return key, nil, err
	}
	certificate, err := keys.CertificateFromString(start.Certificate)
	if err != nil {
		return nil, nil, err
	}
	if certificate.Type() != start.Type {
		return nil, nil, fmt.Errorf("%w: a certificate of type %s", ErrMalformed, certificate.Type())
	}
	key, err := certifiedKey(certificate, blob)
	return key, certificate, err
}

// certifiedKey puts the private key together from the certificate and from what stands beside it.
func certifiedKey(certificate *gossh.Certificate, blob []byte) (*keys.Key, error) {
	public, err := keys.FromPublicKey(certificate.Key)
	if err != nil {
		return nil, err
	}
	switch c := public.Data().(type) {
	case keys.RSAComponents:
		var b rsaCertBlob
		return privateKey(blob, &b, func() keys.Components { c.D, c.P, c.Q = b.D, b.P, b.Q; return c })
	case keys.DSAComponents:
		var b scalarCertBlob
		return privateKey(blob, &b, func() keys.Components { c.X = b.Scalar; return c })
	case keys.ECComponents:
		var b scalarCertBlob
		return privateKey(blob, &b, func() keys.Components { c.PrivateValue = b.Scalar; return c })
	case keys.Ed25519Components:
		var b edCertBlob
		return privateKey(blob, &b, func() keys.Components {
			c.K, _ = bytes.CutSuffix(b.KA, c.A) // of a wrong length if that is not its end
			return c
		})
	default:
		return nil, ErrUnknownKeyType
	}
}

// privateKey reads the blob into its structure and makes a key of the components that come of it.
func privateKey(blob []byte, structure any, components func() keys.Components) (*keys.Key, error) {
	if err := gossh.Unmarshal(blob, structure); err != nil {
		return nil, malformed(err)
	}
	return keys.FromComponents(components())
}
