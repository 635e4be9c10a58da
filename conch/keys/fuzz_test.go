package keys_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

// FuzzFromString reads anything. What comes out is a key that can be written
// and read again, or one of the two errors.
func FuzzFromString(f *testing.F) {
	all, err := readGolden()
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range all {
		for _, form := range g.forms() {
			if form.passphrase == nil { // opening the others takes too long
				f.Add(form.text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := keys.FromString(data, nil)
		if err != nil {
			_, bad := errors.AsType[*keys.BadKeyError](err)
			_, encrypted := errors.AsType[*keys.EncryptedKeyError](err)
			if !bad && !encrypted {
				t.Fatalf("%v (%T)", err, err)
			}
			return
		}
		if k.Size() < 1 || k.Type() == "" || !k.Public().Equal(load(t, k.Blob(), nil)) {
			t.Fatalf("%v", k)
		}
		text, err := k.ToString(keys.ToStringOptions{})
		if err != nil {
			mustBeBad(t, err, keys.ErrUnsupported)
			return
		}
		if again := load(t, text, nil); !again.Equal(k) {
			t.Fatalf("%v came back as %v", k, again)
		}
	})
}

// FuzzEncrypted damages the formats whose encryption is read here. The seeds
// demand little work.
func FuzzEncrypted(f *testing.F) {
	all, err := readGolden()
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range all {
		f.Add([]byte(g.EncryptedPKCS8))
	}
	for name := range encryptedFixtures {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		k, err := keys.FromString(data, goldenPassphrase)
		if (k == nil) == (err == nil) {
			t.Fatalf("%v, %v", k, err)
		}
	})
}

// FuzzVerify takes anything for a signature: none but the good ones verify.
func FuzzVerify(f *testing.F) {
	all, err := readGolden()
	if err != nil {
		f.Fatal(err)
	}
	for i, g := range all {
		for _, signature := range g.Signatures {
			f.Add(signature, byte(i))
			f.Add(signature[:len(signature)-1], byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, signature []byte, n byte) {
		g := all[int(n)%len(all)]
		if !g.key(t).Public().Verify(signature, []byte(signedData)) {
			return
		}
		for _, good := range g.Signatures {
			if bytes.Equal(good, signature) || bytes.HasSuffix(good, signature) {
				return
			}
		}
		if g.Type == "RSA" || g.Type == "Ed25519" {
			t.Fatalf("%s accepts %x", g.Name, signature)
		}
	})
}

// FuzzCertificate reads anything as a certificate.
func FuzzCertificate(f *testing.F) {
	c := certify(f, goldenKey(f, "ed25519"))
	f.Add(c.Marshal())
	f.Add([]byte("ssh-ed25519-cert-v01@openssh.com AAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := keys.ParseCertificate(data)
		if _, bad := errors.AsType[*keys.BadKeyError](err); bad == (c != nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
