package keys_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

var allFormats = []keys.Format{
	keys.Guess, keys.FormatPublicOpenSSH, keys.FormatPrivateOpenSSH, keys.FormatBlob, keys.FormatPrivateBlob, keys.FormatAgentV3, keys.FormatPublicLSH,
	keys.FormatPrivateLSH,
}

// FuzzFromString reads anything as any format. What comes out is a key that can be written and read again, or one of the two errors.
func FuzzFromString(f *testing.F) {
	all, err := readGolden()
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range all {
		for _, form := range g.forms() {
			if form.passphrase == nil { // opening the others takes too long
				f.Add(form.text, byte(0))
			}
		}
		f.Add(g.PrivateBlob, byte(4))
	}
	f.Fuzz(func(t *testing.T, data []byte, format byte) {
		k, err := keys.FromString(data, allFormats[int(format)%len(allFormats)], nil)
		if err != nil {
			_, bad := errors.AsType[*keys.BadKeyError](err)
			_, encrypted := errors.AsType[*keys.EncryptedKeyError](err)
			if !bad && !encrypted {
				t.Fatalf("%v (%T)", err, err)
			}
			return
		}
		again, err := keys.FromComponents(k.Data())
		if err != nil || !again.Equal(k) {
			t.Fatalf("%v has components that make %v, %v", k, again, err)
		}
		if k.Size() < 1 || k.Type() == "" || !k.Public().Equal(again.Public()) {
			t.Fatalf("%v", k)
		}
		if k.IsPublic() {
			return
		}
		blob, err := k.PrivateBlob()
		if err != nil {
			t.Fatal(err)
		}
		if again = load(t, blob, keys.FormatPrivateBlob, nil); !again.Equal(k) {
			t.Fatalf("%v came back as %v", k, again)
		}
	})
}

// FuzzEncryptedPKCS8 damages the one format whose encryption is read here. Rounds are kept few.
func FuzzEncryptedPKCS8(f *testing.F) {
	all, err := readGolden()
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range all {
		f.Add([]byte(g.EncryptedPKCS8))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		k, err := keys.FromString(data, keys.FormatPrivateOpenSSH, goldenPassphrase)
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
		c, err := keys.CertificateFromString(data)
		if _, bad := errors.AsType[*keys.BadKeyError](err); bad == (c != nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
