package server

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// LoadHostKeys returns the private keys of the files ssh_host_*_key in a
// directory, such as /etc/ssh. It is Twisted's OpenSSHFactory. A file that cannot
// be used is skipped. The error is about such files, or says that there are no
// keys; keys that were found are returned with it.
func LoadHostKeys(dir string) (found []gossh.Signer, err error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "ssh_host_*_key"))
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	var failed []error
	for _, file := range files {
		signer, err := keys.SignerFromFile(file, nil)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, signer)
	}
	if len(found) == 0 {
		failed = append(failed, fmt.Errorf("server: no host key in %s", filepath.Join(dir, "ssh_host_*_key")))
	}
	return found, errors.Join(failed...)
}

// escapeGlob returns a pattern that matches the directory alone.
func escapeGlob(dir string) string {
	var escaped []rune
	for _, c := range dir {
		switch {
		case c == '*' || c == '?' || c == '[':
			escaped = append(escaped, '[', c, ']')
		default:
			escaped = append(escaped, c)
		}
	}
	return string(escaped)
}

// MakeHostKeys is LoadHostKeys for a directory of the server's own. If it has no
// key, MakeHostKeys makes an Ed25519 key there, which only its owner can read,
// and the directory if need be.
func MakeHostKeys(dir string) ([]gossh.Signer, error) {
	if found, err := LoadHostKeys(dir); len(found) > 0 {
		return found, err
	}
	key, err := keys.PersistentKey(filepath.Join(dir, "ssh_host_ed25519_key"), keys.Ed25519, 0)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	signer, err := key.Signer()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return []gossh.Signer{signer}, nil
}

// hostKeys returns the host keys of a connection.
func (t *SSHServerTransport) hostKeys(allowed []string) (all []gossh.Signer) {
	limit := &rekeyLimit{t: t, what: "key exchanges"}
	for _, key := range t.factory.PrivateKeys {
		if names := signatureNames(key, allowed); len(names) > 0 {
			all = append(all, &hostKey{key, names, limit})
		}
	}
	return all
}

// signatureNames returns the allowed algorithms with which a key can sign.
func signatureNames(key gossh.Signer, allowed []string) []string {
	names := []string{plain(key.PublicKey()).Type()}
	switch k := key.(type) {
	case gossh.MultiAlgorithmSigner:
		names = slices.Clone(k.Algorithms())
	case gossh.AlgorithmSigner:
		if names[0] == gossh.KeyAlgoRSA {
			names = []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(allowed, name) })
}

// hostKey is a host key of one connection. It signs once in each key exchange,
// so it is where they are counted.
type hostKey struct {
	gossh.Signer
	names []string
	limit *rekeyLimit
}

// Algorithms implements gossh.MultiAlgorithmSigner.
func (k *hostKey) Algorithms() []string { return k.names }

// Sign implements gossh.Signer.
func (k *hostKey) Sign(random io.Reader, data []byte) (*gossh.Signature, error) {
	return k.sign(func() (*gossh.Signature, error) { return k.Signer.Sign(random, data) })
}

// SignWithAlgorithm implements gossh.AlgorithmSigner.
func (k *hostKey) SignWithAlgorithm(random io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	able, ok := k.Signer.(gossh.AlgorithmSigner)
	if !ok {
		return k.Sign(random, data)
	}
	return k.sign(func() (*gossh.Signature, error) { return able.SignWithAlgorithm(random, data, algorithm) })
}

// sign runs on a goroutine of x/crypto/ssh, which a panic of the key must not
// reach.
func (k *hostKey) sign(f func() (*gossh.Signature, error)) (s *gossh.Signature, err error) {
	if err := k.limit.exchange(); err != nil {
		return nil, err
	}
	if panicked := hook.Call(func() { s, err = f() }); panicked != nil {
		return nil, panicked
	}
	return s, err
}
