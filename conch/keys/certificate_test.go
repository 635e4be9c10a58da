package keys_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// certify makes a certificate of the key for a user.
func certify(t testing.TB, k *keys.Key) *gossh.Certificate {
	t.Helper()
	authority, err := goldenKey(t, "ec384").Signer()
	if err != nil {
		t.Fatal(err)
	}
	c := &gossh.Certificate{Key: k.PublicKey(), CertType: gossh.UserCert, KeyId: "id", ValidPrincipals: []string{"user"}, ValidBefore: gossh.CertTimeInfinity}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestC_KEYS_7_CertificatesAreNotKeys(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		c := certify(t, g.key(t))
		line := gossh.MarshalAuthorizedKey(c)
		for _, data := range [][]byte{line, c.Marshal()} {
			_, err := keys.FromString(data, nil)
			mustBeCertificate(t, err)
		}
		_, err := keys.New(c)
		mustBeCertificate(t, err)
		signer, err := certSigner(g.key(t), c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = keys.New(signer)
		mustBeCertificate(t, err)
	})
}

func mustBeCertificate(t *testing.T, err error) {
	t.Helper()
	if mustBeBad(t, err); err == nil || !strings.Contains(err.Error(), "CertificateFromFile") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}

func TestCertificateBesideAKey(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		want := certify(t, k)
		path := file(t, "key", nil)
		if _, err := keys.CertificateFromFile(path + "-cert.pub"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("none there: %v", err)
		}
		for _, data := range [][]byte{append([]byte("# comment\n"), gossh.MarshalAuthorizedKey(want)...), want.Marshal()} {
			if err := os.WriteFile(path+"-cert.pub", data, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := keys.CertificateFromFile(path + "-cert.pub")
			if err != nil || string(got.Marshal()) != string(want.Marshal()) {
				t.Fatalf("%v, %v", got, err)
			}
			signer, err := certSigner(k, got)
			if err != nil || string(signer.PublicKey().Marshal()) != string(want.Marshal()) {
				t.Fatalf("%v, %v", signer, err)
			}
			signature, err := signer.Sign(rand.Reader, []byte(signedData))
			if err != nil || !k.Verify(gossh.Marshal(signature), []byte(signedData)) {
				t.Errorf("signed with the certificate: %v", err)
			}
		}
	})
}

func TestCertificateRefused(t *testing.T) {
	k := goldenKey(t, "ed25519")
	line := gossh.MarshalAuthorizedKey(certify(t, k))
	for name, data := range map[string][]byte{
		"empty": nil, "a key": toString(t, k.Public(), keys.ToStringOptions{}), "a key's blob": k.Blob(), "zeros": make([]byte, 9),
		"half": line[:len(line)/2], "private": toString(t, k, keys.ToStringOptions{}),
	} {
		_, err := keys.ParseCertificate(data)
		if mustBeBad(t, err); t.Failed() {
			t.Fatal(name)
		}
	}
	path := file(t, "file", []byte("junk"))
	_, err := keys.CertificateFromFile(path)
	mustBeBad(t, err)
	if bad, ok := errors.AsType[*keys.BadKeyError](err); !ok || bad.Path != path {
		t.Errorf("%v", err)
	}
}
