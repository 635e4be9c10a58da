package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305" //lint:ignore SA1019 OpenSSH's format needs it bare
)

// fileCipher is a cipher of OpenSSH's private key files.
type fileCipher struct {
	keySize, ivSize int // in bytes
	open            func(key, iv, data, tag []byte) ([]byte, error)
}

// fileCiphers are the ciphers that ssh-keygen -Z offers.
var fileCiphers = map[string]fileCipher{
	"3des-cbc":                      {24, des.BlockSize, cbc(des.NewTripleDESCipher)},
	"aes128-cbc":                    {16, aes.BlockSize, cbc(aes.NewCipher)},
	"aes192-cbc":                    {24, aes.BlockSize, cbc(aes.NewCipher)},
	"aes256-cbc":                    {32, aes.BlockSize, cbc(aes.NewCipher)},
	"aes128-ctr":                    {16, aes.BlockSize, ctr},
	"aes192-ctr":                    {24, aes.BlockSize, ctr},
	"aes256-ctr":                    {32, aes.BlockSize, ctr},
	"aes128-gcm@openssh.com":        {16, 12, gcm},
	"aes256-gcm@openssh.com":        {32, 12, gcm},
	"chacha20-poly1305@openssh.com": {64, 0, chachaPoly},
}

var (
	errBlocks = errors.New("the encrypted part has no whole blocks")
	errTag    = errors.New("the authentication tag is wrong")
)

// cbc returns the decryption of a block cipher in CBC mode.
func cbc(newCipher func([]byte) (cipher.Block, error)) func(key, iv, data, tag []byte) ([]byte, error) {
	return func(key, iv, data, tag []byte) ([]byte, error) {
		block, err := newCipher(key)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 || len(data)%block.BlockSize() != 0 || len(tag) > 0 || len(iv) != block.BlockSize() {
			return nil, errBlocks
		}
		plain := make([]byte, len(data))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
		return plain, nil
	}
}

func ctr(key, iv, data, tag []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(tag) > 0 {
		return nil, errTag
	}
	plain := make([]byte, len(data))
	cipher.NewCTR(block, iv).XORKeyStream(plain, data)
	return plain, nil
}

func gcm(key, iv, data, tag []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, iv, append(data[:len(data):len(data)], tag...), nil)
}

// chachaPoly is the first packet of OpenSSH's PROTOCOL.chacha20poly1305,
// without a length field, which the second half of the key is for.
func chachaPoly(key, _, data, tag []byte) ([]byte, error) {
	stream, err := chacha20.NewUnauthenticatedCipher(key[:32], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, err
	}
	var polyKey [32]byte
	stream.XORKeyStream(polyKey[:], polyKey[:])
	var sum [poly1305.TagSize]byte
	poly1305.Sum(&sum, data, &polyKey)
	if subtle.ConstantTimeCompare(sum[:], tag) != 1 {
		return nil, errTag
	}
	plain := make([]byte, len(data))
	stream.SetCounter(1)
	stream.XORKeyStream(plain, data)
	return plain, nil
}
