package keys_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
)

// keygenKinds are the kinds of keys that ssh-keygen makes. Those of DSA it has
// given up in newer versions.
var keygenKinds = []struct {
	args []string
	want string
}{
	{[]string{"-t", "rsa", "-b", "2048"}, "ssh-rsa"},
	{[]string{"-t", "ecdsa", "-b", "256"}, "ecdsa-sha2-nistp256"},
	{[]string{"-t", "ecdsa", "-b", "384"}, "ecdsa-sha2-nistp384"},
	{[]string{"-t", "ecdsa", "-b", "521"}, "ecdsa-sha2-nistp521"},
	{[]string{"-t", "ed25519"}, "ssh-ed25519"},
}

// C-KEYS-2, C-KEYS-3: what ssh-keygen makes is read, in each of its formats,
// encrypted and not, and the fingerprints agree.
func TestC_KEYS_2_KeygenMakes(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, kind := range keygenKinds {
		for _, format := range []string{"RFC4716", "PEM", "PKCS8"} { // the first stands for OpenSSH's own with private keys
			for _, passphrase := range []string{"", "pass phrase"} {
				path := filepath.Join(t.TempDir(), "key")
				run(t, keygen, slices.Concat([]string{"-q", "-N", passphrase, "-a", "1", "-C", "a comment", "-m", format, "-f", path}, kind.args)...)
				private, err := keys.FromFile(path, []byte(passphrase))
				if err != nil {
					t.Errorf("%s as %s with passphrase %q: %v", kind.want, format, passphrase, err)
					continue
				}
				public, err := keys.FromFile(path+".pub", nil)
				if err != nil || private.SSHType() != kind.want || !private.Public().Equal(public) {
					t.Errorf("%s as %s: %v, %v, %v", kind.want, format, private, public, err)
				}
				if passphrase != "" {
					_, err := keys.FromFile(path, []byte("wrong"))
					mustBeBad(t, err, keys.ErrWrongPassphrase)
				}
				agreeOnFingerprints(t, keygen, path+".pub", public)
			}
		}
	}
}

func agreeOnFingerprints(t *testing.T, keygen, path string, k *keys.Key) {
	t.Helper()
	md5, err := k.Fingerprint(keys.MD5Hex)
	if err != nil {
		t.Fatal(err)
	}
	sha256, err := k.Fingerprint(keys.SHA256Base64)
	if err != nil {
		t.Fatal(err)
	}
	for hash, want := range map[string]string{"md5": "MD5:" + md5, "sha256": "SHA256:" + strings.TrimRight(sha256, "=")} {
		if fields := strings.Fields(run(t, keygen, "-l", "-E", hash, "-f", path)); fields[1] != want {
			t.Errorf("%s: ssh-keygen says %q, want %s", hash, fields, want)
		}
	}
}

// C-KEYS-10: ssh-keygen opens what is written here and finds the same public
// key in it.
func TestC_KEYS_10_KeygenReads(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for name, o := range map[string]keys.ToStringOptions{
			"default": {}, "v1": {Subtype: keys.V1, Comment: "a comment"}, "PEM": {Subtype: keys.PEM}, "encrypted": {Passphrase: []byte("pass phrase"), Comment: "a comment"},
		} {
			if o.Passphrase != nil && g.Name != "ed25519" {
				continue // it is slow, and does not depend on the kind of key
			}
			text, err := k.ToString(o)
			if err != nil {
				mustBeBad(t, err, keys.ErrUnsupported) // which of them are refused: TestC_KEYS_10_Refused
				continue
			}
			path := file(t, "key", text)
			line := run(t, keygen, "-y", "-P", string(o.Passphrase), "-f", path)
			want := string(toString(t, k.Public(), keys.ToStringOptions{}))
			if strings.Contains(string(text), "OPENSSH") && o.Comment != "" {
				want += " " + o.Comment
			}
			if strings.TrimSpace(line) != want {
				t.Errorf("%s: ssh-keygen -y gives %q, want %q", name, line, want)
			}
		}
		path := file(t, "key.pub", append(toString(t, k.Public(), keys.ToStringOptions{Comment: "c"}), '\n'))
		agreeOnFingerprints(t, keygen, path, k.Public())
	})
}

func TestC_KEYS_7_KeygenReadsHardwareKeys(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, k := range hardwareKeys(t) {
		path := file(t, "key.pub", toString(t, k, keys.ToStringOptions{Comment: "c"}))
		agreeOnFingerprints(t, keygen, path, k)
	}
}

// ssh-keygen takes a file that PersistentKey made.
func TestC_KEYS_14_KeygenReadsPersistentKey(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	path := filepath.Join(t.TempDir(), "key")
	k, err := keys.PersistentKey(path, keys.Ed25519, 0)
	if err != nil {
		t.Fatal(err)
	}
	if line := run(t, keygen, "-y", "-f", path); strings.TrimSpace(line) != string(toString(t, k.Public(), keys.ToStringOptions{})) {
		t.Error(line)
	}
}

func TestKeygenCertificate(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	dir := t.TempDir()
	authority := filepath.Join(dir, "authority")
	run(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", authority)
	for _, kind := range keygenKinds {
		path := filepath.Join(dir, kind.want)
		run(t, keygen, slices.Concat([]string{"-q", "-N", "", "-f", path}, kind.args)...)
		run(t, keygen, "-q", "-s", authority, "-I", "me", "-n", "user", "-V", "+1h", path+".pub")
		c, err := keys.CertificateFromFile(path + "-cert.pub")
		if err != nil || c.KeyId != "me" {
			t.Errorf("%s: %v, %v", kind.want, c, err)
			continue
		}
		k, err := keys.FromFile(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if signer, err := certSigner(k, c); err != nil || signer.PublicKey().Type() != kind.want+"-cert-v01@openssh.com" {
			t.Errorf("%s: %v, %v", kind.want, signer, err)
		}
	}
	if _, err := os.Stat(authority + "-cert.pub"); err == nil {
		t.Error("the authority has a certificate")
	}
}

// ssh-keygen's signatures are signatures here, through OpenSSH's format for
// signed files.
func TestC_KEYS_11_KeygenVerifies(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	forEachGolden(t, func(t *testing.T, g golden) {
		if g.Name == "dsa" || g.Name == "rsa" {
			return // too weak for it
		}
		signAndCheck(t, keygen, g.key(t), "")
	})
	k, err := keys.Generate(keys.RSA, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"rsa-sha2-256", "rsa-sha2-512"} {
		signAndCheck(t, keygen, k, algorithm)
	}
}
