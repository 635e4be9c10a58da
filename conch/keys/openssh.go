package keys

import (
	"cmp"
	"crypto/aes"
	"crypto/rand"
	"encoding/pem"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// openSSHMagic begins a key in OpenSSH's own format (OpenSSH's PROTOCOL.key).
const openSSHMagic = "openssh-key-v1\x00"

// openSSHFile is the rest of the format.
type openSSHFile struct {
	Cipher, KDF, KDFOptions string
	NumKeys                 uint32
	Public                  []byte
	Private                 []byte // encrypted by Cipher
	Tag                     []byte `ssh:"rest"` // of ciphers that authenticate
}

// parseOpenSSH reads a key in OpenSSH's own format. It decrypts the key itself,
// because x/crypto knows two ciphers only, and has x/crypto parse the result.
func parseOpenSSH(data, passphrase []byte) (*Key, error) {
	body, ok := strings.CutPrefix(string(data), openSSHMagic)
	var file openSSHFile
	if !ok || gossh.Unmarshal([]byte(body), &file) != nil {
		return nil, badKeyf("damaged file in OpenSSH's format")
	}
	public, err := fromBlob(file.Public)
	if err == nil && strings.HasPrefix(public.SSHType(), "sk-") {
		return nil, badKeyf("%w: the private key is held by a hardware key; add it to ssh-agent", ErrUnsupported)
	}
	if file.Cipher != "none" {
		if len(passphrase) == 0 {
			return nil, &EncryptedKeyError{Public: public} // nil if it is of an unknown kind
		}
		if err := file.decrypt(passphrase); err != nil {
			return nil, err
		}
	}
	raw, err := gossh.ParseRawPrivateKey(file.unencrypted())
	if err != nil {
		return nil, badKey(err)
	}
	key, err := New(raw)
	if err != nil {
		return nil, err
	}
	key.comment, _ = trailerV1(file.Private, key.Type())
	return key, nil
}

// decrypt replaces Private by its plain text.
func (f *openSSHFile) decrypt(passphrase []byte) error {
	c, ok := fileCiphers[f.Cipher]
	if !ok {
		return badKeyf("%w: a key file with the cipher %q; change it: ssh-keygen -p -Z aes256-ctr -f FILE", ErrUnsupported, f.Cipher)
	}
	key, err := f.deriveKey(passphrase, c.keySize+c.ivSize)
	if err != nil {
		return badKey(err)
	}
	plain, err := c.open(key[:c.keySize], key[c.keySize:], f.Private, f.Tag)
	if err != nil {
		return wrongPassphrase(err)
	}
	var check struct {
		First, Second uint32
		Rest          []byte `ssh:"rest"`
	}
	if err := gossh.Unmarshal(plain, &check); err != nil || check.First != check.Second {
		return wrongPassphrase(err)
	}
	f.Private = plain
	return nil
}

// unencrypted returns the file as it looks without encryption.
func (f *openSSHFile) unencrypted() []byte {
	plain := openSSHFile{Cipher: "none", KDF: "none", NumKeys: f.NumKeys, Public: f.Public, Private: f.Private}
	return pem.EncodeToMemory(&pem.Block{Type: pemOpenSSH, Bytes: append([]byte(openSSHMagic), gossh.Marshal(plain)...)})
}

// privateV1 writes OpenSSH's own format, encrypted if there is a passphrase.
func (k *Key) privateV1(o ToStringOptions) ([]byte, error) {
	block, err := gossh.MarshalPrivateKey(k.private, o.Comment)
	if err == nil && len(o.Passphrase) > 0 {
		block.Bytes, err = encryptV1(block.Bytes, k.Type(), o.Passphrase, o.Rounds)
	}
	if err != nil {
		return nil, badKey(err)
	}
	return pem.EncodeToMemory(block), nil
}

// The encryption of new files, as x/crypto and ssh-keygen choose it. x/crypto
// does not let its caller choose the rounds.
const (
	defaultCipher = "aes256-ctr"
	defaultRounds = 16
	saltSize      = 16            // bytes
	cipherBlock   = aes.BlockSize // the private part has whole blocks
)

// encryptV1 encrypts a file in OpenSSH's own format. Rounds may be 0.
func encryptV1(data []byte, typ Type, passphrase []byte, rounds int) ([]byte, error) {
	var file openSSHFile
	if err := gossh.Unmarshal(data[len(openSSHMagic):], &file); err != nil {
		return nil, err
	}
	_, padding := trailerV1(file.Private, typ)
	plain := file.Private[:len(file.Private)-len(padding)]
	for i := byte(1); len(plain)%cipherBlock != 0; i++ {
		plain = append(plain, i)
	}
	options := struct {
		Salt   []byte
		Rounds uint32
	}{make([]byte, saltSize), uint32(cmp.Or(rounds, defaultRounds))}
	rand.Read(options.Salt) // returns no error
	file.Cipher, file.KDF, file.KDFOptions = defaultCipher, "bcrypt", string(gossh.Marshal(options))
	c := fileCiphers[defaultCipher]
	key, err := file.deriveKey(passphrase, c.keySize+c.ivSize)
	if err != nil {
		return nil, err
	}
	// In CTR mode decryption is encryption.
	if file.Private, err = c.open(key[:c.keySize], key[c.keySize:], plain, nil); err != nil {
		return nil, err
	}
	return append([]byte(openSSHMagic), gossh.Marshal(file)...), nil
}
