package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// PEM types that x/crypto does not read, or not in all variants.
const (
	pemOpenSSH        = "OPENSSH PRIVATE KEY"
	pemEncryptedPKCS8 = "ENCRYPTED PRIVATE KEY" // RFC 5958, section 3
)

// parsePEM reads a private key file.
func parsePEM(data, passphrase []byte) (*Key, error) {
	block := privateBlock(data)
	switch {
	case block == nil:
		return nil, badKey(foreignFormat(data))
	case block.Type == pemEncryptedPKCS8:
		return parseEncryptedPKCS8(block.Bytes, passphrase)
	case block.Type == pemOpenSSH:
		return parseOpenSSH(block.Bytes, passphrase)
	default:
		return parseTraditional(block, passphrase)
	}
}

// claimsPrivate reports whether a file has the mark of a private key in it.
func claimsPrivate(data []byte) bool { return bytes.Contains(data, []byte("PRIVATE KEY-----")) }

// privateBlock returns the first block with a private key. "openssl ecparam
// -genkey" and some cloud consoles write other blocks before it.
func privateBlock(data []byte) *pem.Block {
	for {
		block, rest := pem.Decode(data)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		data = rest
	}
}

// parseTraditional reads traditional PEM and unencrypted PKCS#8.
func parseTraditional(block *pem.Block, passphrase []byte) (*Key, error) {
	file := pem.EncodeToMemory(block)
	raw, err := gossh.ParseRawPrivateKey(file)
	if _, encrypted := errors.AsType[*gossh.PassphraseMissingError](err); encrypted {
		if len(passphrase) == 0 {
			return nil, new(EncryptedKeyError)
		}
		if raw, err = gossh.ParseRawPrivateKeyWithPassphrase(file, passphrase); err != nil {
			return nil, wrongPassphrase(err) // the format has no reliable check
		}
	}
	if err != nil {
		return nil, badKey(err)
	}
	return New(raw)
}

// privatePEM writes the traditional format, unencrypted.
func (k *Key) privatePEM() ([]byte, error) {
	var block pem.Block
	var err error
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		block.Type, block.Bytes = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)
	case *ecdsa.PrivateKey:
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(private)
	default:
		err = fmt.Errorf("%w: a key of type %s as PEM; use V1", ErrUnsupported, k.Type())
	}
	if err != nil {
		return nil, badKey(err)
	}
	return pem.EncodeToMemory(&block), nil
}
