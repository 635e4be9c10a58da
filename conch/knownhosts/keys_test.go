package knownhosts

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// edSigner and ecSigner make keys that are the same for the same n, in every process.
func edSigner(n byte) gossh.Signer {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return signer(ed25519.NewKeyFromSeed(seed))
}

func ecSigner(n byte) gossh.Signer {
	scalar := make([]byte, 32)
	scalar[31] = n
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		panic(err)
	}
	return signer(key)
}

func signer(private any) gossh.Signer {
	s, err := gossh.NewSignerFromKey(private)
	if err != nil {
		panic(err)
	}
	return s
}

// rsaKey makes a public key that nobody can sign with.
func rsaKey(n int64) gossh.PublicKey {
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047)
	modulus.Add(modulus, big.NewInt(2*n+1))
	key, err := gossh.NewPublicKey(&rsa.PublicKey{N: modulus, E: 65537})
	if err != nil {
		panic(err)
	}
	return key
}

func ed(n byte) gossh.PublicKey { return edSigner(n).PublicKey() }
func ec(n byte) gossh.PublicKey { return ecSigner(n).PublicKey() }

// hostCert certifies key for the given names, for ever unless change says otherwise.
func hostCert(key gossh.PublicKey, ca gossh.Signer, names []string, change func(*gossh.Certificate)) *gossh.Certificate {
	cert := &gossh.Certificate{
		Key:             key,
		KeyId:           "test host",
		CertType:        gossh.HostCert,
		ValidPrincipals: names,
		ValidBefore:     gossh.CertTimeInfinity,
	}
	if change != nil {
		change(cert)
	}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		panic(err)
	}
	return cert
}

// line returns a line without a marker, marked a line with a marker.
func line(hosts string, key gossh.PublicKey) string { return formatEntry(hosts, key) }

func marked(m marker, hosts string, key gossh.PublicKey) string {
	return string(m) + " " + line(hosts, key)
}

// hashOf returns a host column with a hashed name.
func hashOf(name string) string {
	column, _ := cutColumn(hashNames(name + " x"))
	return column
}

// parsed returns the entry of a line that must be understood.
func parsed(t testing.TB, text string) entry {
	t.Helper()
	e, ok := parseEntry(text)
	if !ok || !e.decode() {
		t.Fatalf("not understood: %q", text)
	}
	return e
}

// host is the Name of a host on port 22.
func host(name string) Name { return HostPort(name, 22) }

// tempFile writes a known_hosts file of these lines and gives its path.
func tempFile(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known_hosts")
	writeFile(t, path, strings.Join(lines, "\n")+"\n")
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// check returns the outcome for a key, or fails.
func check(t testing.TB, f *File, name Name, key gossh.PublicKey) Outcome {
	t.Helper()
	v, err := f.Check(name, "", key)
	if err != nil {
		t.Fatal(err)
	}
	return v.Outcome
}

// accept records key 1 under the names, as a program does without a server.
func accept(t testing.TB, f *File, names ...Name) {
	t.Helper()
	if err := f.Accept(Verdict{Key: ed(1), Missing: names}); err != nil {
		t.Fatal(err)
	}
}
