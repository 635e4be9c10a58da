package keys_test

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 the package under test supports it
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

func fdName(f *os.File) string { return strconv.Itoa(int(f.Fd())) }

func TestC_KEYS_7_TypeAndSize(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, k := range []*keys.Key{g.key(t), g.key(t).Public()} {
			if string(k.Type()) != g.Type || k.SSHType() != g.SSHType || k.Size() != g.Size {
				t.Errorf("%s, %s, %d; want %s, %s, %d", k.Type(), k.SSHType(), k.Size(), g.Type, g.SSHType, g.Size)
			}
		}
	})
}

// The public halves of keys in hardware, as ssh-keygen writes them.
var hardwareLines = map[string]keys.Type{
	"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHAAAABHNzaDo=": keys.Ed25519,
}

func hardwareKeys(t *testing.T) []*keys.Key {
	t.Helper()
	ec, err := goldenKey(t, "ec256").Signer()
	if err != nil {
		t.Fatal(err)
	}
	var parts struct {
		Type, Curve string
		Point       []byte
	}
	if err := gossh.Unmarshal(ec.PublicKey().Marshal(), &parts); err != nil {
		t.Fatal(err)
	}
	all := []*keys.Key{
		load(t, gossh.Marshal(struct {
			Type, Curve string
			Point       []byte
			Application string
		}{gossh.KeyAlgoSKECDSA256, "nistp256", parts.Point, "ssh:"}), nil),
		hardwareKey(t, goldenKey(t, "ed25519")),
	}
	for line, typ := range hardwareLines {
		k := load(t, []byte(line), nil)
		if k.Type() != typ {
			t.Errorf("%s", k.Type())
		}
		all = append(all, k)
	}
	return all
}

// hardwareKey returns the public half of a hardware key that signs as an
// Ed25519 key does.
func hardwareKey(t *testing.T, inner *keys.Key) *keys.Key {
	t.Helper()
	var parts struct{ Type, Point string }
	if err := gossh.Unmarshal(inner.Blob(), &parts); err != nil {
		t.Fatal(err)
	}
	return load(t, gossh.Marshal(struct{ Type, Point, Application string }{gossh.KeyAlgoSKED25519, parts.Point, "ssh:"}), nil)
}

func TestC_KEYS_7_HardwareKeys(t *testing.T) {
	for i, k := range hardwareKeys(t) {
		if !strings.HasPrefix(k.SSHType(), "sk-") || k.Size() != 256 || !k.IsPublic() {
			t.Errorf("%v, %s", k, k.SSHType())
		}
		for _, text := range [][]byte{k.Blob(), toString(t, k, keys.ToStringOptions{})} {
			if got, err := keys.FromString(text, nil); err != nil || !got.Equal(k) {
				t.Errorf("%d: %v, %v", i, got, err)
			}
		}
	}
}

func TestC_KEYS_8_PublicAndBlobs(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		public := k.Public()
		if k.IsPublic() || !public.IsPublic() || public.Public() != public {
			t.Error("IsPublic or Public is wrong")
		}
		if !bytes.Equal(k.Blob(), g.Blob) || !bytes.Equal(k.Public().Blob(), g.Blob) {
			t.Error("Blob differs from Twisted's")
		}
	})
}

func TestC_KEYS_8_Equality(t *testing.T) {
	var all []*keys.Key
	forEachGolden(t, func(t *testing.T, g golden) { all = append(all, g.key(t), g.key(t).Public()) })
	again := make([]*keys.Key, 0, len(all))
	forEachGolden(t, func(t *testing.T, g golden) { again = append(again, g.key(t), load(t, g.Blob, nil)) })
	for i, a := range all {
		for j, b := range again {
			if a.Equal(b) != (i == j) {
				t.Errorf("%v equals %v: %v", a, b, a.Equal(b))
			}
		}
		if a.Equal(nil) {
			t.Errorf("%v equals nil", a)
		}
	}
}

func TestC_KEYS_9_Fingerprint(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, k := range []*keys.Key{g.key(t), g.key(t).Public()} {
			for format, want := range map[keys.FingerprintFormat]string{"": g.MD5, keys.MD5Hex: g.MD5, keys.SHA256Base64: g.SHA256} {
				if got, err := k.Fingerprint(format); err != nil || got != want {
					t.Errorf("%q: %s, %v; want %s", format, got, err, want)
				}
			}
			_, err := k.Fingerprint("sha1")
			mustBeBad(t, err, keys.ErrUnsupported)
		}
	})
}

// TestNewFromCrypto makes keys of what the standard library and x/crypto have,
// and gives them back.
func TestNewFromCrypto(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		public, err := keys.New(k.PublicKey().(gossh.CryptoPublicKey).CryptoPublicKey())
		if err != nil || !public.Equal(k.Public()) {
			t.Errorf("public: %v, %v", public, err)
		}
		signer, err := k.Signer()
		if err != nil {
			t.Fatal(err)
		}
		opaque, err := keys.New(signer)
		if err != nil || opaque.IsPublic() || !opaque.Equal(k) {
			t.Errorf("from a signer: %v, %v", opaque, err)
		}
		if fromPublic, err := keys.New(signer.PublicKey()); err != nil || !fromPublic.Equal(k.Public()) {
			t.Errorf("from a public key: %v, %v", fromPublic, err)
		}
		private, err := k.CryptoSigner()
		if g.Name == "dsa" {
			mustBeBad(t, err, keys.ErrUnsupported)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if again, err := keys.New(private); err != nil || !again.Equal(k) {
			t.Errorf("private: %v, %v", again, err)
		}
	})
}

// foreign is a signer of which the private key is elsewhere.
type foreign struct{ crypto.Signer }

func TestNewFromForeignSigner(t *testing.T) {
	private, err := goldenKey(t, "ec256").CryptoSigner()
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(foreign{private})
	if err != nil || k.IsPublic() {
		t.Fatalf("%v, %v", k, err)
	}
	signature, err := k.Sign([]byte(signedData), "")
	if err != nil || !k.Public().Verify(signature, []byte(signedData)) {
		t.Errorf("%x, %v", signature, err)
	}
	if s, err := k.CryptoSigner(); err != nil || s != (foreign{private}) {
		t.Errorf("%v, %v", s, err)
	}
	_, err = k.ToString(keys.ToStringOptions{})
	mustBeBad(t, err, keys.ErrUnsupported)
}

func TestPublicKeyHasNoPrivateUse(t *testing.T) {
	k := goldenKey(t, "rsa").Public()
	_, err := k.Signer()
	mustBeBad(t, err, keys.ErrPublicKey)
	_, err = k.CryptoSigner()
	mustBeBad(t, err, keys.ErrPublicKey)
	_, err = k.Sign(nil, "")
	mustBeBad(t, err, keys.ErrPublicKey)
}

// goldenDSA returns the DSA key as the standard library has it.
func goldenDSA(t *testing.T) *dsa.PrivateKey {
	t.Helper()
	all, err := readGolden()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if g.Name == "dsa" {
			raw, err := gossh.ParseRawPrivateKey([]byte(g.PEM))
			if err != nil {
				t.Fatal(err)
			}
			return raw.(*dsa.PrivateKey)
		}
	}
	t.Fatal("no golden DSA key")
	return nil
}

// Numbers that are missing, out of range or do not belong together make no key.
func TestNewRefusesBadNumbers(t *testing.T) {
	rsaSigner, _ := goldenKey(t, "rsa").CryptoSigner()
	r := rsaSigner.(*rsa.PrivateKey)
	ecSigner, _ := goldenKey(t, "ec256").CryptoSigner()
	e := ecSigner.(*ecdsa.PrivateKey)
	edSigner, _ := goldenKey(t, "ed25519").CryptoSigner()
	ed := edSigner.(ed25519.PrivateKey)
	d := goldenDSA(t)
	dsaPublic := d.PublicKey
	_, otherEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mixed := *e
	mixed.PublicKey = otherEC.PublicKey
	plus := func(n *big.Int, k int64) *big.Int { return new(big.Int).Add(n, big.NewInt(k)) }
	for name, key := range map[string]any{
		"nil": nil, "text": "key", "RSA nothing": &rsa.PrivateKey{}, "RSA public nothing": &rsa.PublicKey{},
		"RSA wrong d":       &rsa.PrivateKey{PublicKey: r.PublicKey, D: plus(r.D, 2), Primes: r.Primes},
		"RSA wrong p":       &rsa.PrivateKey{PublicKey: r.PublicKey, D: r.D, Primes: []*big.Int{plus(r.Primes[0], 2), r.Primes[1]}},
		"RSA no d":          &rsa.PrivateKey{PublicKey: r.PublicKey, Primes: r.Primes},
		"RSA no primes":     &rsa.PrivateKey{PublicKey: r.PublicKey, D: r.D},
		"RSA three primes":  &rsa.PrivateKey{PublicKey: r.PublicKey, D: r.D, Primes: []*big.Int{r.Primes[0], r.Primes[1], big.NewInt(3)}},
		"RSA negative":      &rsa.PrivateKey{PublicKey: r.PublicKey, D: new(big.Int).Neg(r.D), Primes: r.Primes},
		"RSA huge prime":    &rsa.PrivateKey{PublicKey: r.PublicKey, D: r.D, Primes: []*big.Int{new(big.Int).Lsh(r.Primes[0], 8000), r.Primes[1]}},
		"RSA huge d":        &rsa.PrivateKey{PublicKey: r.PublicKey, D: new(big.Int).Lsh(r.D, 16000), Primes: r.Primes},
		"RSA even exponent": &rsa.PublicKey{N: r.N, E: 4},
		"RSA huge modulus":  &rsa.PublicKey{N: new(big.Int).Lsh(r.N, 16000), E: 3},
		"EC wrong point":    &mixed,
		"EC other curve":    p224, "EC other curve, public": &p224.PublicKey,
		"Ed25519 short": ed[:63], "Ed25519 other public half": append(slices.Clone(ed[:32]), otherEd[32:]...), "Ed25519 public short": ed25519.PublicKey(ed[:31]),
		"DSA nothing": &dsa.PrivateKey{}, "DSA public nothing": &dsa.PublicKey{},
		"DSA wrong x":    &dsa.PrivateKey{PublicKey: dsaPublic, X: plus(d.X, -1)},
		"DSA x too big":  &dsa.PrivateKey{PublicKey: dsaPublic, X: plus(d.Q, 0)},
		"DSA wrong size": &dsa.PublicKey{Parameters: dsa.Parameters{P: plus(d.Q, 0), Q: d.Q, G: big.NewInt(2)}, Y: big.NewInt(2)},
	} {
		_, err := keys.New(key)
		if mustBeBad(t, err); t.Failed() {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// Nothing secret gets into a log.
func TestStringHasNoSecrets(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			text := fmt.Sprintf(format, k)
			if !strings.Contains(text, fmt.Sprintf("%s private key, %d bits, SHA256:", g.Type, g.Size)) || len(text) > 100 {
				t.Errorf("%s: %s", format, text)
			}
		}
		if text := k.Public().String(); !strings.Contains(text, " public key, ") {
			t.Error(text)
		}
	})
}
