package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// encryptedPKCS8 is the PEM type of an encrypted PKCS#8 file (RFC 5958, section 3). The standard library reads those that are not encrypted.
const encryptedPKCS8 = "ENCRYPTED PRIVATE KEY"

// maxPBKDF2 is how many rounds of PBKDF2 a file may ask for: some seconds' work. OpenSSL's default is 2048.
const maxPBKDF2 = 10_000_000

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// prfs are the pseudo-random functions for PBKDF2 (RFC 8018, appendix B.1), by their object identifiers; none given means the first.
var prfs = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// aesCBC are the key sizes in bytes of the ciphers that are read: AES in CBC mode (RFC 8018, appendix B.2.5).
var aesCBC = map[string]int{
	"2.16.840.1.101.3.4.1.2":  16,
	"2.16.840.1.101.3.4.1.22": 24,
	"2.16.840.1.101.3.4.1.42": 32,
}

// encryptedKeyInfo is EncryptedPrivateKeyInfo (RFC 5958, section 3) with PBES2 (RFC 8018, appendix A.4).
type encryptedKeyInfo struct {
	Algorithm struct {
		ID     asn1.ObjectIdentifier
		Params struct {
			KDF    pkix.AlgorithmIdentifier
			Cipher pkix.AlgorithmIdentifier
		}
	}
	Data []byte
}

// pbkdf2Params is PBKDF2-params (RFC 8018, appendix A.2) with a salt that is there in full.
type pbkdf2Params struct {
	Salt      []byte
	Rounds    int
	KeyLength int                      `asn1:"optional"`
	PRF       pkix.AlgorithmIdentifier `asn1:"optional"`
}

func parseEncryptedPKCS8(der, passphrase []byte) (*Key, error) {
	if len(passphrase) == 0 {
		return nil, new(EncryptedKeyError)
	}
	var info encryptedKeyInfo
	if err := unmarshalAll(der, &info); err != nil {
		return nil, badKey(err)
	}
	block, iv, err := info.cipher(passphrase)
	if err != nil {
		return nil, badKey(err)
	}
	if len(info.Data) == 0 || len(info.Data)%block.BlockSize() != 0 {
		return nil, badKeyf("encrypted PKCS#8 of %d bytes", len(info.Data))
	}
	plain := make([]byte, len(info.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, info.Data)
	raw, err := x509.ParsePKCS8PrivateKey(unpad(plain, block.BlockSize()))
	if err != nil {
		return nil, badKeyf("%w: %w", ErrWrongPassphrase, err)
	}
	return New(raw)
}

// cipher derives the key and returns the block cipher that it is for, with the first vector.
func (e *encryptedKeyInfo) cipher(passphrase []byte) (block cipher.Block, iv []byte, err error) {
	scheme := &e.Algorithm.Params
	size := aesCBC[scheme.Cipher.Algorithm.String()]
	if !e.Algorithm.ID.Equal(oidPBES2) || !scheme.KDF.Algorithm.Equal(oidPBKDF2) || size == 0 {
		return nil, nil, fmt.Errorf("%w: PKCS#8 encryption other than PBES2 with PBKDF2 and AES-CBC", ErrUnsupported)
	}
	var params pbkdf2Params
	if err := unmarshalAll(scheme.KDF.Parameters.FullBytes, &params); err != nil {
		return nil, nil, err
	}
	if err := unmarshalAll(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, nil, err
	}
	prf := prfs[params.PRF.Algorithm.String()]
	if prf == nil || params.Rounds < 1 || params.Rounds > maxPBKDF2 || len(iv) != aes.BlockSize {
		return nil, nil, fmt.Errorf("%w: PBKDF2 with %d rounds of %s", ErrUnsupported, params.Rounds, params.PRF.Algorithm)
	}
	key, err := pbkdf2.Key(prf, string(passphrase), params.Salt, params.Rounds, size)
	if err != nil {
		return nil, nil, err
	}
	block, err = aes.NewCipher(key)
	return block, iv, err
}

// unpad takes the padding of RFC 8018, section 6.1.1, off; what has none comes back empty, and is no key then.
func unpad(plain []byte, size int) []byte {
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil
	}
	return plain[:len(plain)-n]
}

func unmarshalAll(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = errTrailing
	}
	return err
}
