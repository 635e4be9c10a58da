package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"

	"golang.org/x/crypto/scrypt"
)

// The most work that an encrypted PKCS#8 file may demand, some seconds' work.
const (
	maxPBKDF2     = 10_000_000 // rounds; OpenSSL's default is 2048
	maxScryptMem  = 64 << 20   // bytes; OpenSSL's default is 16 MiB
	maxScryptWork = 1 << 22    // N * r * p; OpenSSL's default is 1 << 17
)

// Object identifiers of PBES2 (RFC 8018, appendix A) and scrypt (RFC 7914,
// section 7).
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// prfs are the pseudo-random functions of PBKDF2 by their object identifiers
// (RFC 8018, appendix B.1). The empty identifier is the default.
var prfs = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// pkcs8Ciphers are the supported ciphers by their object identifiers (RFC 8018,
// appendix B.2): AES and 3DES in CBC mode.
var pkcs8Ciphers = map[string]fileCipher{
	"2.16.840.1.101.3.4.1.2":  {16, aes.BlockSize, cbc(aes.NewCipher)},
	"2.16.840.1.101.3.4.1.22": {24, aes.BlockSize, cbc(aes.NewCipher)},
	"2.16.840.1.101.3.4.1.42": {32, aes.BlockSize, cbc(aes.NewCipher)},
	"1.2.840.113549.3.7":      {24, des.BlockSize, cbc(des.NewTripleDESCipher)},
}

// encryptedKeyInfo is EncryptedPrivateKeyInfo (RFC 5958, section 3).
type encryptedKeyInfo struct {
	Scheme pkix.AlgorithmIdentifier
	Data   []byte
}

// pbes2Params is PBES2-params (RFC 8018, appendix A.4).
type pbes2Params struct{ KDF, Cipher pkix.AlgorithmIdentifier }

// pbkdf2Params is PBKDF2-params (RFC 8018, appendix A.2).
type pbkdf2Params struct {
	Salt      []byte
	Rounds    int
	KeyLength int                      `asn1:"optional"`
	PRF       pkix.AlgorithmIdentifier `asn1:"optional"`
}

// scryptParams is scrypt-params (RFC 7914, section 7.1).
type scryptParams struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

func parseEncryptedPKCS8(der, passphrase []byte) (*Key, error) {
	if len(passphrase) == 0 {
		return nil, new(EncryptedKeyError)
	}
	plain, err := decryptPKCS8(der, passphrase)
	if err != nil {
		return nil, badKey(err)
	}
	raw, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, wrongPassphrase(err)
	}
	return New(raw)
}

func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	info, err := unmarshal[encryptedKeyInfo](der)
	if err != nil {
		return nil, err
	}
	if !info.Scheme.Algorithm.Equal(oidPBES2) {
		return nil, unsupportedPKCS8("the scheme", info.Scheme)
	}
	params, err := unmarshal[pbes2Params](info.Scheme.Parameters.FullBytes)
	if err != nil {
		return nil, err
	}
	c, ok := pkcs8Ciphers[params.Cipher.Algorithm.String()]
	if !ok {
		return nil, unsupportedPKCS8("the cipher", params.Cipher)
	}
	iv, err := unmarshal[[]byte](params.Cipher.Parameters.FullBytes)
	if err != nil {
		return nil, err
	}
	key, err := derivePKCS8(params.KDF, passphrase, c.keySize)
	if err != nil {
		return nil, err
	}
	plain, err := c.open(key, iv, info.Data, nil)
	if err != nil {
		return nil, err
	}
	return unpad(plain, c.ivSize), nil
}

// derivePKCS8 derives a key of size bytes from the passphrase.
func derivePKCS8(kdf pkix.AlgorithmIdentifier, passphrase []byte, size int) ([]byte, error) {
	switch {
	case kdf.Algorithm.Equal(oidPBKDF2):
		p, err := unmarshal[pbkdf2Params](kdf.Parameters.FullBytes)
		if err != nil {
			return nil, err
		}
		prf := prfs[p.PRF.Algorithm.String()]
		if prf == nil || p.Rounds < 1 || p.Rounds > maxPBKDF2 {
			return nil, fmt.Errorf("%w: PBKDF2 with %d rounds of %s, the limit is %d", ErrUnsupported, p.Rounds, p.PRF.Algorithm, maxPBKDF2)
		}
		return pbkdf2.Key(prf, string(passphrase), p.Salt, p.Rounds, size)
	case kdf.Algorithm.Equal(oidScrypt):
		p, err := unmarshal[scryptParams](kdf.Parameters.FullBytes)
		if err != nil {
			return nil, err
		}
		if p.N < 2 || p.R < 1 || p.P < 1 || p.R > maxScryptMem/128/p.N || p.P > maxScryptWork/(p.N*p.R) {
			return nil, fmt.Errorf("%w: scrypt with N %d, r %d, p %d, the limits are %d MiB of memory and N*r*p of %d",
				ErrUnsupported, p.N, p.R, p.P, maxScryptMem>>20, maxScryptWork)
		}
		return scrypt.Key(passphrase, p.Salt, p.N, p.R, p.P, size)
	default:
		return nil, unsupportedPKCS8("the key derivation", kdf)
	}
}

func unsupportedPKCS8(what string, id pkix.AlgorithmIdentifier) error {
	return fmt.Errorf("%w: PKCS#8 encryption with %s %v; change it: ssh-keygen -p -f FILE", ErrUnsupported, what, id.Algorithm)
}

// unpad removes the padding of RFC 8018, section 6.1.1. If there is no such
// padding the result is empty, which is not a key.
func unpad(plain []byte, size int) []byte {
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil
	}
	return plain[:len(plain)-n]
}

// unmarshal reads DER that has nothing behind the value.
func unmarshal[T any](der []byte) (v T, err error) {
	rest, err := asn1.Unmarshal(der, &v)
	if err == nil && len(rest) > 0 {
		err = errTrailing
	}
	return v, err
}
