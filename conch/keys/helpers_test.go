package keys_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// golden is a key as Twisted has it: testdata/golden.py.
type golden struct {
	Name, Type, SSHType string
	Size                int
	MD5, SHA256         string

	Blob              []byte
	Line              string
	PEM, EncryptedPEM string // empty for Ed25519
	V1                string
	EncryptedV1       string // of Ed25519 only, by ssh-keygen
	Accented          string // PKCS#8, of Ed25519 only; the passphrase has an accent
	PKCS8             string
	EncryptedPKCS8    string
	Signatures        map[string][]byte // of signedData
}

const signedData = "some data"

var goldenPassphrase = []byte("open sesame")

var readGolden = sync.OnceValues(func() ([]golden, error) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		return nil, err
	}
	var all []golden
	return all, json.Unmarshal(text, &all)
})

// forEachGolden runs a subtest per key.
func forEachGolden(t *testing.T, test func(t *testing.T, g golden)) {
	all, err := readGolden()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d golden keys, %v", len(all), err)
	}
	for _, g := range all {
		t.Run(g.Name, func(t *testing.T) { test(t, g) })
	}
}

// key is the private key of a golden one.
func (g golden) key(t testing.TB) *keys.Key {
	t.Helper()
	if g.Name == "dsa" {
		return load(t, []byte(g.PEM), nil)
	}
	return load(t, []byte(g.V1), nil)
}

func goldenKey(t testing.TB, name string) *keys.Key {
	t.Helper()
	all, err := readGolden()
	for _, g := range all {
		if g.Name == name {
			return g.key(t)
		}
	}
	t.Fatalf("no golden key %s, %v", name, err)
	return nil
}

func load(t testing.TB, data, passphrase []byte) *keys.Key {
	t.Helper()
	k, err := keys.FromString(data, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// mustBeBad checks that an error is a BadKeyError which wraps what it should,
// if that is given.
func mustBeBad(t testing.TB, err error, wrapped ...error) {
	t.Helper()
	bad, ok := errors.AsType[*keys.BadKeyError](err)
	if !ok || bad.Err == nil {
		t.Errorf("error %v (%T), want a BadKeyError", err, err)
	}
	for _, w := range wrapped {
		if !errors.Is(err, w) {
			t.Errorf("error %v, want one that wraps %v", err, w)
		}
	}
}

// toString writes a key that has to be writable.
func toString(t testing.TB, k *keys.Key, o keys.ToStringOptions) []byte {
	t.Helper()
	text, err := k.ToString(o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// run gives the output of a program that must succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// file writes a private file and returns its path.
func file(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parseSignature reads a signature in the wire format.
func parseSignature(signature []byte) (*gossh.Signature, error) {
	s := new(gossh.Signature)
	return s, gossh.Unmarshal(signature, s)
}

// certSigner returns a signer that presents the certificate.
func certSigner(k *keys.Key, c *gossh.Certificate) (gossh.Signer, error) {
	signer, err := k.Signer()
	if err != nil {
		return nil, err
	}
	return gossh.NewCertSigner(c, signer)
}
