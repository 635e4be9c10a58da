package keys

import (
	"crypto/dsa" //lint:ignore SA1019 keys of this kind are still around; C-KEYS-7 asks for them
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	gossh "golang.org/x/crypto/ssh"
)

// parsePEM reads a private key file (C-KEYS-2). Whether it is encrypted is seen first, so that a passphrase that is not needed does no harm.
func parsePEM(data, passphrase []byte) (*Key, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, badKeyf("damaged PEM")
	}
	if block.Type == encryptedPKCS8 {
		return parseEncryptedPKCS8(block.Bytes, passphrase)
	}
	raw, err := gossh.ParseRawPrivateKey(data)
	if missing, ok := errors.AsType[*gossh.PassphraseMissingError](err); ok {
		return parseEncrypted(data, passphrase, missing)
	}
	if err != nil {
		return nil, badKey(err)
	}
	return New(raw)
}

func parseEncrypted(data, passphrase []byte, missing *gossh.PassphraseMissingError) (*Key, error) {
	if len(passphrase) == 0 {
		encrypted := new(EncryptedKeyError)
		if missing.PublicKey != nil {
			encrypted.Public, _ = FromPublicKey(missing.PublicKey) // nil if it is of no use here
		}
		return nil, encrypted
	}
	raw, err := gossh.ParseRawPrivateKeyWithPassphrase(data, passphrase)
	traditional := missing.PublicKey == nil // which cannot tell a wrong passphrase from a damaged file
	if errors.Is(err, x509.IncorrectPasswordError) || err != nil && traditional {
		return nil, badKeyf("%w: %w", ErrWrongPassphrase, err)
	}
	if err != nil {
		return nil, badKey(err)
	}
	return New(raw)
}

// privatePEM writes the traditional format, without encryption.
func (k *Key) privatePEM() ([]byte, error) {
	var block pem.Block
	var err error
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		block.Type, block.Bytes = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)
	case *ecdsa.PrivateKey:
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(private)
	case *dsa.PrivateKey:
		block.Type = "DSA PRIVATE KEY"
		block.Bytes, err = asn1.Marshal(struct{ Version, P, Q, G, Y, X *big.Int }{new(big.Int), private.P, private.Q, private.G, private.Y, private.X})
	default:
		err = fmt.Errorf("%w: %s as PEM; use V1", ErrUnsupported, k.Type())
	}
	if err != nil {
		return nil, badKey(err)
	}
	return pem.EncodeToMemory(&block), nil
}

// privateV1 writes OpenSSH's own format, encrypted if there is a passphrase.
func (k *Key) privateV1(comment string, passphrase []byte) ([]byte, error) {
	if k.Type() == DSA {
		return nil, badKeyf("%w: DSA in OpenSSH's own format; use PEM", ErrUnsupported)
	}
	var block *pem.Block
	var err error
	if len(passphrase) == 0 {
		block, err = gossh.MarshalPrivateKey(k.private, comment)
	} else {
		block, err = gossh.MarshalPrivateKeyWithPassphrase(k.private, comment, passphrase)
	}
	if err != nil {
		return nil, badKey(err)
	}
	return pem.EncodeToMemory(block), nil
}
