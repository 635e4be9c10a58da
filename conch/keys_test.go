package conch_test

import (
	"crypto/ed25519"
	"encoding/pem"
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

// encryptedKey writes a private key that a passphrase opens.
func encryptedKey(t *testing.T, passphrase string) (file string, key gossh.PublicKey) {
	t.Helper()
	private, key, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "id_encrypted")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, key
}
