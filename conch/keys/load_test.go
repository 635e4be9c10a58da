package keys_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

// written is a key in one of the forms of a golden one.
type written struct {
	text       []byte
	passphrase []byte
	private    bool
}

// forms lists what this package reads of a golden key, but for EncryptedV1,
// which is slow to open.
func (g golden) forms() []written {
	forms := []written{{g.Blob, nil, false}, {[]byte(g.Line), nil, false}}
	for _, f := range []struct {
		text       string
		passphrase []byte
	}{{g.PEM, nil}, {g.EncryptedPEM, goldenPassphrase}, {g.V1, nil}, {g.PKCS8, nil}, {g.EncryptedPKCS8, goldenPassphrase}} {
		forms = append(forms, written{[]byte(f.text), f.passphrase, true})
	}
	return slices.DeleteFunc(forms, func(f written) bool { return len(f.text) == 0 || g.notRead(f) })
}

// notRead lists what Twisted writes and this package cannot read: DSA in
// OpenSSH's own format and in PKCS#8, which neither x/crypto nor the standard
// library know.
func (g golden) notRead(f written) bool {
	traditional := strings.Contains(string(f.text), "BEGIN DSA PRIVATE KEY")
	return g.Name == "dsa" && f.private && !traditional
}

// C-KEYS-1, C-KEYS-2: each format Twisted writes is read, named or recognised.
func TestC_KEYS_1_EachFormat(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		want := g.key(t)
		for _, f := range g.forms() {
			k, err := keys.FromString(f.text, f.passphrase)
			if err != nil {
				t.Errorf("%.40q: %v", f.text, err)
				continue
			}
			if k.IsPublic() == f.private || !k.Public().Equal(want.Public()) || f.private && !k.Equal(want) {
				t.Errorf("%.40q: %v, want %v", f.text, k, want)
			}
		}
	})
}

func TestC_KEYS_1_FromFile(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, f := range g.forms() {
			if k, err := keys.FromFile(file(t, "key", f.text), f.passphrase); err != nil || k.IsPublic() == f.private {
				t.Errorf("%.40q: %v, %v", f.text, k, err)
			}
		}
	})
}

func TestC_KEYS_1_FromFileErrorsNameTheFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := keys.FromFile(missing, nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "keys: ") {
		t.Errorf("missing: %v", err)
	}
	if _, err := keys.FromFile(t.TempDir(), nil); err == nil || !strings.HasPrefix(err.Error(), "keys: ") {
		t.Errorf("a directory: %v", err)
	}
	junk := file(t, "junk", []byte("junk"))
	_, err := keys.FromFile(junk, nil)
	mustBeBad(t, err)
	if !strings.Contains(err.Error(), junk) {
		t.Errorf("junk: %v", err)
	}
	large := file(t, "large", append([]byte("ssh-ed25519 AAAA"), bytes.Repeat([]byte(" "), 1<<20)...))
	_, err = keys.FromFile(large, nil)
	mustBeBad(t, err)
}

func TestC_KEYS_1_NotRecognised(t *testing.T) {
	blob := goldenKey(t, "ed25519").Blob()
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "BOM": []byte("\ufeffssh-rsa AAAA"), "blob of another type": []byte("\x00\x00\x00\x03abc"),
		"lying length": {0, 0xff, 0xff, 0xff, 's', 's', 'h', '-'}, "truncated": blob[:10], "zeros": make([]byte, 20),
	} {
		_, err := keys.FromString(data, nil)
		if mustBeBad(t, err); t.Failed() {
			t.Fatal(name)
		}
	}
}

// C-KEYS-2: PKCS#8 is accepted (TestC_KEYS_1_EachFormat); what cannot be read
// of DSA says so.
func TestC_KEYS_2_DSAOnlyInTraditionalPEM(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		if g.Name != "dsa" {
			return
		}
		for _, text := range []string{g.V1, g.PKCS8} {
			_, err := keys.FromString([]byte(text), nil)
			mustBeBad(t, err)
		}
	})
}

func TestC_KEYS_3_Passphrases(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, f := range g.forms() {
			if f.passphrase == nil {
				continue
			}
			_, err := keys.FromString(f.text, nil)
			encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err)
			if !ok {
				t.Errorf("%.40q without passphrase: %v", f.text, err)
				continue
			}
			if encrypted.Public != nil {
				t.Errorf("%.40q: the error has the public key %v", f.text, encrypted.Public)
			}
			if _, err = keys.FromString(f.text, []byte{}); err == nil || errors.As(err, new(*keys.BadKeyError)) {
				t.Errorf("%.40q with an empty passphrase: %v", f.text, err)
			}
			for _, wrong := range []string{"wrong", "open sesame ", "Open sesame", "\x00"} {
				_, err = keys.FromString(f.text, []byte(wrong))
				mustBeBad(t, err, keys.ErrWrongPassphrase)
			}
			path := file(t, "key", f.text)
			_, err = keys.FromFile(path, nil)
			if encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err); !ok || encrypted.Path != path {
				t.Errorf("from a file: %v", err)
			}
		}
	})
}

// OpenSSH's own format shows the public key, and tells a wrong passphrase from
// damage.
func TestC_KEYS_3_EncryptedV1(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		if g.EncryptedV1 == "" {
			return
		}
		_, err := keys.FromString([]byte(g.EncryptedV1), nil)
		if encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err); !ok || !encrypted.Public.Equal(g.key(t).Public()) {
			t.Errorf("without passphrase: %v", err)
		}
		_, err = keys.FromString([]byte(g.EncryptedV1), []byte("wrong"))
		mustBeBad(t, err, keys.ErrWrongPassphrase)
		if k := load(t, []byte(g.EncryptedV1), goldenPassphrase); !k.Equal(g.key(t)) {
			t.Errorf("%v", k)
		}
	})
}

func TestC_KEYS_4_PassphraseForUnencryptedKey(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, f := range g.forms() {
			if f.passphrase != nil {
				continue
			}
			k, err := keys.FromString(f.text, []byte("not needed"))
			if f.private {
				if err != nil || !k.Equal(g.key(t)) {
					t.Errorf("%.40q: %v, %v", f.text, k, err)
				}
			} else {
				mustBeBad(t, err)
			}
		}
	})
}

// C-KEYS-5: an empty passphrase is none; text is taken byte by byte, so the two
// ways to write an accented letter are two passphrases.
func TestC_KEYS_5_PassphraseBytes(t *testing.T) {
	composed, decomposed := []byte("caf\u00e9"), []byte("cafe\u0301")
	forEachGolden(t, func(t *testing.T, g golden) {
		if g.Accented == "" {
			return
		}
		if k := load(t, []byte(g.Accented), composed); !k.Equal(g.key(t)) {
			t.Error("another key")
		}
		_, err := keys.FromString([]byte(g.Accented), decomposed)
		mustBeBad(t, err, keys.ErrWrongPassphrase)
	})
	plain := toString(t, goldenKey(t, "ed25519"), keys.ToStringOptions{Passphrase: []byte{}})
	load(t, plain, nil)
}

func TestC_KEYS_6_DamagedPublicLines(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		fields := strings.Fields(g.Line)
		for _, line := range []string{
			fields[0], fields[0] + " ", fields[0] + " %%%", fields[0] + " " + fields[1][:len(fields[1])/2], fields[0] + " AAAA",
			fields[0] + " " + fields[1] + "AAAA", "ssh-foo " + fields[1], fields[0] + "x " + fields[1], "# comment\n\n", "restrict " + g.Line,
			`command="x" ` + g.Line, fields[0] + " AAAA\n" + g.Line,
		} {
			_, err := keys.FromString([]byte(line), nil)
			if mustBeBad(t, err); t.Failed() {
				t.Fatalf("%.60q", line)
			}
		}
		for cut := range g.Line[:len(fields[0])+1+len(fields[1])-4] {
			_, err := keys.FromString([]byte(g.Line[:cut]), nil)
			if mustBeBad(t, err); t.Failed() {
				t.Fatalf("cut to %d bytes", cut)
			}
		}
		for name, line := range map[string]string{
			"CRLF": g.Line + "\r\n", "comment first": "# comment\n\n  " + g.Line + "\n", "two keys": g.Line + "\nssh-rsa AAAA\n", "tab": fields[0] + "\t" + fields[1],
		} {
			if k, err := keys.FromString([]byte(line), nil); err != nil || !k.Equal(g.key(t).Public()) {
				t.Errorf("%s: %v, %v", name, k, err)
			}
		}
	})
}

// Every prefix of every format is refused with one of this package's errors,
// and so is anything behind a key on the wire.
func TestTruncatedEverywhere(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, f := range g.forms() {
			if f.private || string(f.text) == g.Line {
				continue
			}
			for cut := range f.text {
				_, err := keys.FromString(f.text[:cut], nil)
				if mustBeBad(t, err); t.Failed() {
					t.Fatalf("%.40q cut to %d bytes", f.text, cut)
				}
			}
			_, err := keys.FromString(append(slices.Clone(f.text), 'x'), nil)
			if mustBeBad(t, err); t.Failed() {
				t.Fatalf("%.40q with a byte behind it", f.text)
			}
		}
	})
}

func TestDamagedPrivateFiles(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		for _, f := range g.forms() {
			if !f.private {
				continue
			}
			lines := strings.SplitAfter(string(f.text), "\n")
			body := len(lines) - 3 // the last line of base64
			for name, text := range map[string]string{
				"no end":      strings.Join(lines[:len(lines)-2], ""),
				"line lost":   strings.Join(slices.Delete(slices.Clone(lines), body-1, body), ""),
				"empty":       lines[0] + lines[len(lines)-2],
				"other type":  strings.ReplaceAll(string(f.text), "PRIVATE KEY", "PUBLIC KEY"),
				"other magic": lines[0] + base64.StdEncoding.EncodeToString([]byte("nothing that is a key")) + "\n" + lines[len(lines)-2],
			} {
				_, err := keys.FromString([]byte(text), goldenPassphrase)
				if mustBeBad(t, err); t.Failed() {
					t.Fatalf("%s: %s: %v", lines[0], name, err)
				}
			}
		}
	})
}

// A key can come through a pipe, as from the shell's process substitution.
func TestFromFilePipe(t *testing.T) {
	if _, err := os.Stat("/dev/fd"); err != nil {
		t.Skip("this system has no /dev/fd")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	k := goldenKey(t, "ed25519")
	if _, err := w.Write(toString(t, k, keys.ToStringOptions{})); err != nil { // small enough for the pipe
		t.Fatal(err)
	}
	w.Close()
	if got, err := keys.FromFile(filepath.Join("/dev/fd", fdName(r)), nil); err != nil || !got.Equal(k) {
		t.Errorf("%v, %v", got, err)
	}
}
