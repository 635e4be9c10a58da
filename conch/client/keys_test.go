package client_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) (ed25519.PrivateKey, gossh.PublicKey, error) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, err
	}
	key, err := gossh.NewPublicKey(public)
	return private, key, err
}

// encryptedKey returns a copy of a private key file with the passphrase
// "sesame". The file needs one round of bcrypt, so that decryption is fast.
func encryptedKey(t *testing.T) (file string, key gossh.PublicKey) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "id_sesame"))
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "id_encrypted")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.ParsePrivateKeyWithPassphrase(text, []byte("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	return file, signer.PublicKey()
}
