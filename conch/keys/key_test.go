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
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
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
	var all []*keys.Key
	for _, c := range []keys.Components{goldenKey(t, "ec256").Public().Data(), goldenKey(t, "ed25519").Public().Data()} {
		k, err := keys.FromComponents(keys.SecurityKeyComponents{Key: c, Application: "ssh:"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	for line, typ := range hardwareLines {
		k := load(t, []byte(line), keys.Guess, nil)
		if k.Type() != typ {
			t.Errorf("%s", k.Type())
		}
		all = append(all, k)
	}
	return all
}

func TestC_KEYS_7_HardwareKeys(t *testing.T) {
	for i, k := range hardwareKeys(t) {
		if !strings.HasPrefix(k.SSHType(), "sk-") || k.Size() != 256 || !k.IsPublic() {
			t.Errorf("%v, %s", k, k.SSHType())
		}
		data, ok := k.Data().(keys.SecurityKeyComponents)
		if !ok || data.Application != "ssh:" {
			t.Errorf("%+v", k.Data())
		}
		for _, again := range []func() (*keys.Key, error){
			func() (*keys.Key, error) { return keys.FromComponents(data) },
			func() (*keys.Key, error) { return keys.FromString(k.Blob(), keys.Guess, nil) },
			func() (*keys.Key, error) {
				return keys.FromString(toString(t, k, keys.OpenSSH, keys.ToStringOptions{}), keys.Guess, nil)
			},
		} {
			if got, err := again(); err != nil || !got.Equal(k) {
				t.Errorf("%d: %v, %v", i, got, err)
			}
		}
		if _, err := k.PrivateBlob(); !errors.Is(err, keys.ErrPublicKey) {
			t.Error(err)
		}
		_, err := k.ToString(keys.LSH, keys.ToStringOptions{})
		mustBeBad(t, err, keys.ErrUnsupported)
	}
	_, err := keys.FromComponents(keys.SecurityKeyComponents{Key: goldenKey(t, "rsa").Data()})
	mustBeBad(t, err, keys.ErrUnsupported)
	_, err = keys.FromComponents(keys.SecurityKeyComponents{Key: goldenKey(t, "ec384").Data()})
	mustBeBad(t, err)
	_, err = keys.FromComponents(keys.SecurityKeyComponents{Key: keys.ECComponents{}})
	mustBeBad(t, err)
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
		if blob, err := k.PrivateBlob(); err != nil || !bytes.Equal(blob, g.PrivateBlob) {
			t.Errorf("PrivateBlob differs from Twisted's: %v", err)
		}
		_, err := k.Public().PrivateBlob()
		mustBeBad(t, err, keys.ErrPublicKey)
	})
}

// components puts Data in Twisted's terms.
func components(c keys.Components) map[string]string {
	m := make(map[string]string)
	number := func(name string, n *big.Int) {
		if n != nil {
			m[name] = n.String()
		}
	}
	switch c := c.(type) {
	case keys.RSAComponents:
		number("n", c.N)
		number("e", c.E)
		number("d", c.D)
		number("p", c.P)
		number("q", c.Q)
		number("u", c.U)
	case keys.DSAComponents:
		number("p", c.P)
		number("q", c.Q)
		number("g", c.G)
		number("y", c.Y)
		number("x", c.X)
	case keys.ECComponents:
		m["curve"] = c.Curve
		number("x", c.X)
		number("y", c.Y)
		number("privateValue", c.PrivateValue)
	case keys.Ed25519Components:
		m["a"] = hex.EncodeToString(c.A)
		if c.K != nil {
			m["k"] = hex.EncodeToString(c.K)
		}
	}
	return m
}

func TestC_KEYS_8_Data(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		if got := components(k.Data()); !maps.Equal(got, g.Data) {
			t.Errorf("got %v\nwant %v", got, g.Data)
		}
		if got := components(k.Public().Data()); !maps.Equal(got, g.PublicData) {
			t.Errorf("public: got %v\nwant %v", got, g.PublicData)
		}
		for _, k := range []*keys.Key{k, k.Public()} {
			if again, err := keys.FromComponents(k.Data()); err != nil || !again.Equal(k) {
				t.Errorf("from components: %v, %v", again, err)
			}
		}
	})
}

// What Data returns is the caller's: writing to it does not change the key.
func TestC_KEYS_8_DataIsACopy(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		switch c := k.Data().(type) {
		case keys.RSAComponents:
			c.N.SetInt64(1)
			c.D.SetInt64(1)
			c.P.SetInt64(1)
		case keys.DSAComponents:
			c.P.SetInt64(1)
			c.X.SetInt64(1)
		case keys.ECComponents:
			c.X.SetInt64(1)
			c.PrivateValue.SetInt64(1)
		case keys.Ed25519Components:
			clear(c.A)
			clear(c.K)
		}
		if got := components(k.Data()); !maps.Equal(got, g.Data) {
			t.Errorf("the key became %v", got)
		}
	})
}

func TestC_KEYS_8_Equality(t *testing.T) {
	var all []*keys.Key
	forEachGolden(t, func(t *testing.T, g golden) { all = append(all, g.key(t), g.key(t).Public()) })
	again := make([]*keys.Key, 0, len(all))
	forEachGolden(t, func(t *testing.T, g golden) { again = append(again, g.key(t), load(t, g.Blob, keys.Guess, nil)) })
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
			if bad, ok := errors.AsType[*keys.BadFingerPrintFormatError](err); !ok || bad.Format != "sha1" {
				t.Errorf("sha1: %v", err)
			}
		}
	})
}

// TestNewFromCrypto makes keys of what the standard library and x/crypto have, and gives them back.
func TestNewFromCrypto(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		public, err := keys.New(k.CryptoPublicKey())
		if err != nil || !public.Equal(k.Public()) {
			t.Errorf("public: %v, %v", public, err)
		}
		signer, err := k.Signer()
		if err != nil {
			t.Fatal(err)
		}
		opaque, err := keys.FromSigner(signer)
		if err != nil || opaque.IsPublic() || !opaque.Equal(k) {
			t.Errorf("from a signer: %v, %v", opaque, err)
		}
		if fromPublic, err := keys.FromPublicKey(signer.PublicKey()); err != nil || !fromPublic.Equal(k.Public()) {
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
		if again, err := keys.New(private); err != nil || !again.Equal(k) || !maps.Equal(components(again.Data()), g.Data) {
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
	if c := k.Data().(keys.ECComponents); c.PrivateValue != nil {
		t.Errorf("%+v", c)
	}
	_, err = k.PrivateBlob()
	mustBeBad(t, err, keys.ErrOpaque)
	_, err = k.ToString(keys.OpenSSH, keys.ToStringOptions{})
	mustBeBad(t, err, keys.ErrOpaque)
}

func TestPublicKeyHasNoPrivateUse(t *testing.T) {
	k := goldenKey(t, "rsa").Public()
	_, err := k.Signer()
	mustBeBad(t, err, keys.ErrPublicKey)
	_, err = k.CryptoSigner()
	mustBeBad(t, err, keys.ErrPublicKey)
	_, err = k.Sign(nil, "")
	mustBeBad(t, err, keys.ErrPublicKey)
	_, err = k.ToString(keys.AgentV3, keys.ToStringOptions{})
	mustBeBad(t, err, keys.ErrPublicKey)
}

// Numbers that are missing, out of range or do not belong together make no key.
func TestNewRefusesBadNumbers(t *testing.T) {
	rsaSigner, _ := goldenKey(t, "rsa").CryptoSigner()
	r := rsaSigner.(*rsa.PrivateKey)
	ecSigner, _ := goldenKey(t, "ec256").CryptoSigner()
	e := ecSigner.(*ecdsa.PrivateKey)
	edSigner, _ := goldenKey(t, "ed25519").CryptoSigner()
	ed := edSigner.(ed25519.PrivateKey)
	d := goldenKey(t, "dsa").Data().(keys.DSAComponents)
	dsaPublic := dsa.PublicKey{Parameters: dsa.Parameters{P: d.P, Q: d.Q, G: d.G}, Y: d.Y}
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

func TestFromComponentsRefusesBadNumbers(t *testing.T) {
	r := goldenKey(t, "rsa").Data().(keys.RSAComponents)
	d := goldenKey(t, "dsa").Data().(keys.DSAComponents)
	e := goldenKey(t, "ec521").Data().(keys.ECComponents)
	ed := goldenKey(t, "ed25519").Data().(keys.Ed25519Components)
	other := goldenKey(t, "ec384").Data().(keys.ECComponents)
	huge := new(big.Int).Lsh(big.NewInt(1), 600)
	for name, c := range map[string]keys.Components{
		"nil": nil, "RSA nothing": keys.RSAComponents{}, "DSA nothing": keys.DSAComponents{}, "EC nothing": keys.ECComponents{}, "Ed25519 nothing": keys.Ed25519Components{},
		"RSA exponent": keys.RSAComponents{N: r.N, E: huge}, "RSA exponent of 25 bits": keys.RSAComponents{N: r.N, E: big.NewInt(1<<24 + 1)},
		"RSA no primes": keys.RSAComponents{N: r.N, E: r.E, D: r.D}, "RSA primes of 0": keys.RSAComponents{N: r.N, E: r.E, D: r.D, P: new(big.Int), Q: new(big.Int)},
		"DSA wrong x":         keys.DSAComponents{P: d.P, Q: d.Q, G: d.G, Y: d.Y, X: big.NewInt(1)},
		"EC unknown curve":    keys.ECComponents{Curve: "ecdsa-sha2-nistp224", X: e.X, Y: e.Y},
		"EC another curve":    keys.ECComponents{Curve: other.Curve, X: e.X, Y: e.Y},
		"EC huge coordinate":  keys.ECComponents{Curve: e.Curve, X: huge, Y: e.Y},
		"EC another key's":    keys.ECComponents{Curve: e.Curve, X: e.X, Y: e.Y, PrivateValue: other.PrivateValue},
		"EC huge value":       keys.ECComponents{Curve: e.Curve, X: e.X, Y: e.Y, PrivateValue: huge},
		"EC value of 0":       keys.ECComponents{Curve: e.Curve, X: e.X, Y: e.Y, PrivateValue: new(big.Int)},
		"EC value out of it":  keys.ECComponents{Curve: e.Curve, X: e.X, Y: e.Y, PrivateValue: new(big.Int).Lsh(big.NewInt(1), 522)},
		"Ed25519 short seed":  keys.Ed25519Components{A: ed.A, K: ed.K[1:]},
		"Ed25519 empty seed":  keys.Ed25519Components{A: ed.A, K: []byte{}},
		"Ed25519 wrong seed":  keys.Ed25519Components{A: ed.A, K: make([]byte, 32)},
		"Ed25519 short other": keys.Ed25519Components{A: ed.A[1:], K: ed.K},
	} {
		_, err := keys.FromComponents(c)
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
