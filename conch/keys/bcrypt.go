package keys

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	gossh "golang.org/x/crypto/ssh"

	"golang.org/x/crypto/blowfish" //lint:ignore SA1019 OpenSSH's key derivation is made of it
)

// maxBcrypt is the largest number of rounds that a file may demand, some
// seconds' work. ssh-keygen uses 16 or 24 unless told otherwise. x/crypto has
// the same limit.
const maxBcrypt = 2048

// deriveKey derives size bytes from the passphrase as the file says.
func (f *openSSHFile) deriveKey(passphrase []byte, size int) ([]byte, error) {
	var options struct {
		Salt   []byte
		Rounds uint32
	}
	if f.KDF != "bcrypt" || gossh.Unmarshal([]byte(f.KDFOptions), &options) != nil || len(options.Salt) == 0 {
		return nil, fmt.Errorf("%w: the key derivation %q", ErrUnsupported, f.KDF)
	}
	if options.Rounds < 1 || options.Rounds > maxBcrypt {
		return nil, fmt.Errorf("%w: %d rounds of bcrypt, the limit is %d; change it: ssh-keygen -p -a 16 -f FILE",
			ErrUnsupported, options.Rounds, maxBcrypt)
	}
	return bcryptPBKDF(passphrase, options.Salt, int(options.Rounds), size), nil
}

// bcryptPBKDF is bcrypt_pbkdf(3) of OpenBSD. x/crypto has it too, but keeps it
// internal. Neither the passphrase nor the salt may be empty.
func bcryptPBKDF(passphrase, salt []byte, rounds, size int) []byte {
	blocks := (size + bcryptSize - 1) / bcryptSize
	key := make([]byte, blocks*bcryptSize)
	hashed := sha512.Sum512(passphrase)
	for block := range blocks {
		sum := bcryptHash(hashed, sha512.Sum512(binary.BigEndian.AppendUint32(salt[:len(salt):len(salt)], uint32(block+1))))
		out := sum
		for range rounds - 1 {
			sum = bcryptHash(hashed, sha512.Sum512(sum[:]))
			for i := range out {
				out[i] ^= sum[i]
			}
		}
		for i, b := range out { // the blocks are interleaved
			key[i*blocks+block] = b
		}
	}
	return key[:size]
}

// bcryptSize is the size in bytes of a hash.
const bcryptSize = 32

func bcryptHash(passphrase, salt [sha512.Size]byte) (out [bcryptSize]byte) {
	c, err := blowfish.NewSaltedCipher(passphrase[:], salt[:])
	if err != nil {
		panic(err) // the sizes are right
	}
	for range 64 {
		blowfish.ExpandKey(salt[:], c)
		blowfish.ExpandKey(passphrase[:], c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for block := out[:]; len(block) > 0; block = block[blowfish.BlockSize:] {
		for range 64 {
			c.Encrypt(block, block)
		}
	}
	for word := out[:]; len(word) > 0; word = word[4:] { // the result is little-endian
		binary.LittleEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	return out
}
