package keys_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

func TestC_KEYS_11_Sign(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for algorithm := range g.Signatures {
			for _, asked := range []string{algorithm, ""} {
				signature, err := k.Sign([]byte(signedData), asked)
				if err != nil {
					t.Errorf("%q: %v", asked, err)
					continue
				}
				want := asked
				if asked == "" {
					want = g.SSHType
				}
				if s, err := parseSignature(signature); err != nil || s.Format != want {
					t.Errorf("%q: a signature of type %v, %v", asked, s, err)
				}
				if !k.Public().Verify(signature, []byte(signedData)) || k.Verify(signature, []byte("other data")) {
					t.Errorf("%q: Verify is wrong about it", asked)
				}
				if deterministic := g.Type == "RSA" || g.Type == "Ed25519"; deterministic && !bytes.Equal(signature, g.Signatures[want]) {
					t.Errorf("%q: differs from Twisted's", asked)
				}
			}
		}
		for _, wrong := range []string{"ssh-foo", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-999"} {
			_, err := k.Sign(nil, wrong)
			bad, ok := errors.AsType[*keys.BadSignatureAlgorithmError](err)
			if !ok || bad.Algorithm != wrong || bad.SSHType != g.SSHType || len(bad.Supported) != len(g.Signatures) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	})
}

func TestC_KEYS_12_VerifyTwistedsSignatures(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t).Public()
		for algorithm, signature := range g.Signatures {
			if !k.Verify(signature, []byte(signedData)) {
				t.Errorf("%s: refused", algorithm)
			}
			if k.Verify(signature, []byte("other data")) {
				t.Errorf("%s: accepted for other data", algorithm)
			}
			for i := range signature {
				damaged := slices.Clone(signature)
				damaged[i] ^= 1
				if k.Verify(damaged, []byte(signedData)) {
					t.Fatalf("%s: accepted with byte %d changed", algorithm, i)
				}
				if k.Verify(signature[:i], []byte(signedData)) {
					t.Fatalf("%s: accepted when cut to %d bytes", algorithm, i)
				}
			}
			if k.Verify(append(slices.Clone(signature), 0), []byte(signedData)) {
				t.Errorf("%s: accepted with a byte behind it", algorithm)
			}
		}
	})
}

func TestC_KEYS_12_FormatThatDoesNotFit(t *testing.T) {
	all, err := readGolden()
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range all {
		for _, verifying := range all {
			for algorithm, signature := range signed.Signatures {
				if got := verifying.key(t).Verify(signature, []byte(signedData)); got != (signed.Name == verifying.Name) {
					t.Errorf("%s of %s by %s: %v", algorithm, signed.Name, verifying.Name, got)
				}
			}
		}
	}
}

func TestC_KEYS_12_BareDSASignature(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, signature := range g.Signatures {
			bare := signature[max(len(signature)-40, 0):]
			if got := g.key(t).Verify(bare, []byte(signedData)); got != (g.Name == "dsa") {
				t.Errorf("accepted: %v", got)
			}
		}
	})
}

// A signature by a key in hardware, as OpenSSH's PROTOCOL.u2f has it: over the
// application, what the device says of itself, and the data.
func TestC_KEYS_12_HardwareSignature(t *testing.T) {
	inner := goldenKey(t, "ed25519")
	k := hardwareKey(t, inner)
	sign := func(application string, flags byte, data string) []byte {
		device := []byte{flags, 0, 0, 0, 7}
		app, sum := sha256.Sum256([]byte(application)), sha256.Sum256([]byte(data))
		plain, err := inner.Sign(slices.Concat(app[:], device, sum[:]), "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseSignature(plain)
		if err != nil {
			t.Fatal(err)
		}
		return gossh.Marshal(gossh.Signature{Format: k.SSHType(), Blob: s.Blob, Rest: device})
	}
	for name, tt := range map[string]struct {
		signature []byte
		want      bool
	}{
		"good":                {sign("ssh:", 1, signedData), true},
		"nobody there":        {sign("ssh:", 0, signedData), false},
		"another application": {sign("ssh:x", 1, signedData), false},
		"other data":          {sign("ssh:", 1, "other data"), false},
		"cut":                 {sign("ssh:", 1, signedData)[:50], false},
	} {
		if got := k.Verify(tt.signature, []byte(signedData)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestC_KEYS_13_SupportedSignatureAlgorithms(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		want := []string{g.SSHType}
		if g.Type == "RSA" {
			want = []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}
		}
		for _, k := range []*keys.Key{g.key(t), g.key(t).Public()} {
			if got := k.SupportedSignatureAlgorithms(); !slices.Equal(got, want) {
				t.Errorf("%v: %v, want %v", k, got, want)
			}
		}
	})
}

// A signer that makes fewer types of signatures than its key could.
func TestC_KEYS_13_RestrictedSigner(t *testing.T) {
	signer, err := goldenKey(t, "rsa").Signer()
	if err != nil {
		t.Fatal(err)
	}
	only256, err := gossh.NewSignerWithAlgorithms(signer.(gossh.AlgorithmSigner), []string{gossh.KeyAlgoRSASHA256})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		signer gossh.Signer
		want   string
	}{{only256, gossh.KeyAlgoRSASHA256}, {plain{signer}, gossh.KeyAlgoRSA}} {
		k, err := keys.New(tt.signer)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.SupportedSignatureAlgorithms(); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%v, want %s", got, tt.want)
		}
		if signature, err := k.Sign([]byte(signedData), tt.want); err != nil || !k.Verify(signature, []byte(signedData)) {
			t.Errorf("%s: %v", tt.want, err)
		}
		if _, err := k.Sign([]byte(signedData), gossh.KeyAlgoRSASHA512); !errors.As(err, new(*keys.BadSignatureAlgorithmError)) {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

// plain is a signer that makes one type of signature.
type plain struct{ gossh.Signer }

// failing is a signer whose device is not there.
type failing struct{ gossh.Signer }

var errDevice = errors.New("no device")

func (failing) Sign(io.Reader, []byte) (*gossh.Signature, error) { return nil, errDevice }

func TestSignPassesTheSignersErrorOn(t *testing.T) {
	signer, err := goldenKey(t, "ed25519").Signer()
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(failing{signer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign(nil, ""); !errors.Is(err, errDevice) {
		t.Error(err)
	}
}
