package keys_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// fixture returns a file that testdata/files.sh made.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "files", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// encryptedFixtures are the encrypted files, and the public key in them.
var encryptedFixtures = map[string]string{
	"openssh-3des-cbc": "ed25519.pub", "openssh-aes128-cbc": "ed25519.pub", "openssh-aes192-cbc": "ed25519.pub", "openssh-aes256-cbc": "ed25519.pub",
	"openssh-aes128-ctr": "ed25519.pub", "openssh-aes192-ctr": "ed25519.pub", "openssh-aes256-ctr": "ed25519.pub",
	"openssh-aes128-gcm@openssh.com": "ed25519.pub", "openssh-aes256-gcm@openssh.com": "ed25519.pub", "openssh-chacha20-poly1305@openssh.com": "ed25519.pub",
	"ec-encrypted": "ec.pub", "ec-parameters-encrypted": "ec.pub",
	"pkcs8-scrypt": "ec.pub", "pkcs8-scrypt-aes128": "ec.pub",
	"pkcs8-pbkdf2-aes256": "ec.pub", "pkcs8-pbkdf2-aes192-sha512": "ec.pub", "pkcs8-pbkdf2-sha1": "ec.pub", "pkcs8-pbkdf2-3des": "ec.pub",
}

func TestF28_EncryptedFiles(t *testing.T) {
	for name, public := range encryptedFixtures {
		t.Run(name, func(t *testing.T) {
			want := load(t, fixture(t, public), nil)
			data := fixture(t, name)
			if k := load(t, data, goldenPassphrase); k.IsPublic() || !k.Public().Equal(want) {
				t.Errorf("another key: %v", k)
			}
			_, err := keys.FromString(data, []byte("wrong"))
			mustBeBad(t, err, keys.ErrWrongPassphrase)
			_, err = keys.FromString(data, nil)
			encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err)
			if !ok || strings.HasPrefix(name, "openssh-") != (encrypted.Public != nil) || encrypted.Public != nil && !encrypted.Public.Equal(want) {
				t.Errorf("without a passphrase: %v", err)
			}
		})
	}
}

func TestF28_ECParametersFirst(t *testing.T) {
	if k := load(t, fixture(t, "ec-parameters"), nil); k.IsPublic() || !k.Public().Equal(load(t, fixture(t, "ec.pub"), nil)) {
		t.Errorf("%v", k)
	}
}

// TestF28_EachCipherOfSshKeygen: no cipher of the ssh that is installed is
// missing.
func TestF28_EachCipherOfSshKeygen(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, cipher := range strings.Fields(run(t, conchtest.Program(t, "ssh"), "-Q", "cipher")) {
		path := filepath.Join(t.TempDir(), "key")
		run(t, keygen, "-q", "-t", "ed25519", "-a", "1", "-Z", cipher, "-N", "pass phrase", "-f", path)
		k, err := keys.FromFile(path, []byte("pass phrase"))
		if err != nil || !k.Public().Equal(load(t, fixtureFile(t, path+".pub"), nil)) {
			t.Errorf("%s: %v, %v", cipher, k, err)
		}
	}
}

func fixtureFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestF28_OtherFiles: the error says what a file is and names the command that
// helps.
func TestF28_OtherFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		data []byte
		says []string
	}{
		"ppk":          {fixture(t, "putty.ppk"), []string{".ppk", "puttygen FILE -O private-openssh"}},
		"ppk 2":        {[]byte("PuTTY-User-Key-File-2: ssh-rsa\r\n"), []string{".ppk", "puttygen"}},
		"RFC 4716":     {fixture(t, "rfc4716"), []string{"RFC 4716", "ssh-keygen -i -f"}},
		"PKCS#8":       {fixture(t, "pkcs8-public"), []string{"public key", "ssh-keygen -i -m PKCS8"}},
		"ssh.com":      {[]byte("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n"), []string{"ssh.com", "ssh-keygen -i"}},
		"SSH 1":        {[]byte("SSH PRIVATE KEY FILE FORMAT 1.1\n\x00"), []string{"version 1"}},
		"PBES1":        {fixture(t, "pkcs8-pbes1"), []string{"PKCS#8", "ssh-keygen -p"}},
		"other cipher": {otherCipher(t), []string{"aes999", "ssh-keygen -p"}},
	} {
		for _, passphrase := range []string{"", "open sesame"} {
			_, err := keys.FromString(tt.data, []byte(passphrase))
			if passphrase == "" && errors.As(err, new(*keys.EncryptedKeyError)) {
				continue // nothing else is wrong yet
			}
			mustBeBad(t, err, keys.ErrUnsupported)
			for _, part := range tt.says {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %v; want %q in it", name, err, part)
				}
			}
		}
	}
}

// openSSHParts is a file in OpenSSH's format behind its magic.
type openSSHParts struct {
	Cipher, KDF, Options string
	Keys                 uint32
	Public, Private      []byte
	Rest                 []byte `ssh:"rest"`
}

const openSSHMagic = "openssh-key-v1\x00"

// rewrite changes a fixture in OpenSSH's format.
func rewrite(t testing.TB, name string, change func(*openSSHParts)) []byte {
	t.Helper()
	block, _ := pem.Decode(fixture(t, name))
	var parts openSSHParts
	if err := gossh.Unmarshal(block.Bytes[len(openSSHMagic):], &parts); err != nil {
		t.Fatal(err)
	}
	change(&parts)
	block.Bytes = append([]byte(openSSHMagic), gossh.Marshal(parts)...)
	return pem.EncodeToMemory(block)
}

func otherCipher(t *testing.T) []byte {
	return rewrite(t, "openssh-aes256-ctr", func(p *openSSHParts) { p.Cipher = "aes999" })
}

// TestF28_Damaged: a damaged file is an error of this package, never a panic.
func TestF28_Damaged(t *testing.T) {
	for name := range encryptedFixtures {
		if !strings.HasPrefix(name, "openssh-") {
			continue
		}
		for what, change := range map[string]func(*openSSHParts){
			"byte after it":  func(p *openSSHParts) { p.Rest = append(p.Rest, 1) },
			"one byte fewer": func(p *openSSHParts) { p.Private = p.Private[1:] },
			"nothing":        func(p *openSSHParts) { p.Private = nil },
			"other KDF":      func(p *openSSHParts) { p.KDF = "none" },
			"no options":     func(p *openSSHParts) { p.Options = "" },
			"no salt":        func(p *openSSHParts) { p.Options = "\x00\x00\x00\x00\x00\x00\x00\x01" },
			"two keys":       func(p *openSSHParts) { p.Keys = 2 },
		} {
			_, err := keys.FromString(rewrite(t, name, change), goldenPassphrase)
			if mustBeBad(t, err); t.Failed() {
				t.Fatalf("%s: %s", name, what)
			}
		}
	}
}

// TestF28_WorkIsBounded: a file that demands more work than the limit is
// refused before any of the work is done.
func TestF28_WorkIsBounded(t *testing.T) {
	bcrypt := func(rounds string) []byte {
		return rewrite(t, "openssh-aes256-ctr", func(p *openSSHParts) { p.Options = p.Options[:len(p.Options)-4] + rounds })
	}
	for name, data := range map[string][]byte{
		"bcrypt, one round too many": bcrypt("\x00\x00\x08\x01"),
		"bcrypt, 4 billion rounds":   bcrypt("\xff\xff\xff\xff"),
		"bcrypt, no round":           bcrypt("\x00\x00\x00\x00"),
		"scrypt, memory":             scryptFile(t, 1<<17, 8, 1),
		"scrypt, N":                  scryptFile(t, 1<<40, 1, 1),
		"scrypt, r":                  scryptFile(t, 2, 1<<40, 1),
		"scrypt, p":                  scryptFile(t, 1<<14, 8, 33),
		"scrypt, huge p":             scryptFile(t, 2, 1, 1<<50),
		"scrypt, none":               scryptFile(t, 0, 0, 0),
		"scrypt, negative":           scryptFile(t, -2, -1, -1),
		"PBKDF2":                     pbkdf2File(t, 10_000_001),
		"PBKDF2, none":               pbkdf2File(t, 0),
	} {
		_, err := keys.FromString(data, goldenPassphrase)
		if mustBeBad(t, err, keys.ErrUnsupported); t.Failed() {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// replaceKDF replaces the parameters of the key derivation in a PKCS#8 fixture.
func replaceKDF(t *testing.T, name string, change func(old asn1.RawValue) any) []byte {
	t.Helper()
	block, _ := pem.Decode(fixture(t, name))
	type algorithm struct {
		ID     asn1.ObjectIdentifier
		Params asn1.RawValue
	}
	var file struct {
		Algorithm struct {
			ID     asn1.ObjectIdentifier
			Params struct{ KDF, Cipher algorithm }
		}
		Data []byte
	}
	if _, err := asn1.Unmarshal(block.Bytes, &file); err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(change(file.Algorithm.Params.KDF.Params))
	if err != nil {
		t.Fatal(err)
	}
	file.Algorithm.Params.KDF.Params = asn1.RawValue{FullBytes: der}
	if block.Bytes, err = asn1.Marshal(file); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func scryptFile(t *testing.T, n, r, p int) []byte {
	return replaceKDF(t, "pkcs8-scrypt", func(asn1.RawValue) any {
		return struct {
			Salt    []byte
			N, R, P int
		}{make([]byte, 8), n, r, p}
	})
}

func pbkdf2File(t *testing.T, rounds int) []byte {
	return replaceKDF(t, "pkcs8-pbkdf2-sha1", func(asn1.RawValue) any {
		return struct {
			Salt   []byte
			Rounds int
		}{make([]byte, 8), rounds}
	})
}

// TestF24_PermissionsOfPrivateKeys: ssh's rule, on systems with modes.
func TestF24_PermissionsOfPrivateKeys(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	golden := goldenKey(t, "ed25519")
	private := toString(t, golden, keys.ToStringOptions{})
	public := append(toString(t, golden.Public(), keys.ToStringOptions{}), '\n')
	for _, tt := range []struct {
		name    string
		data    []byte
		mode    os.FileMode
		refused bool
	}{
		{"private", private, 0o600, false}, {"private", private, 0o400, false}, {"private", private, 0o700, false},
		{"private", private, 0o640, true}, {"private", private, 0o604, true}, {"private", private, 0o620, true}, {"private", private, 0o601, true},
		{"encrypted", fixture(t, "openssh-aes256-ctr"), 0o644, true}, {"after parameters", fixture(t, "ec-parameters"), 0o644, true},
		{"public", public, 0o644, false}, {"public", public, 0o666, false},
	} {
		path := file(t, "key", tt.data)
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := keys.FromFile(path, nil)
		_, signerErr := keys.SignerFromFile(path, goldenPassphrase)
		if !tt.refused {
			if err != nil && !errors.As(err, new(*keys.EncryptedKeyError)) {
				t.Errorf("%s with mode %o: %v", tt.name, tt.mode, err)
			}
			continue
		}
		for _, err := range []error{err, signerErr} {
			mustBeBad(t, err, keys.ErrBadPermissions)
			if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%s with mode %o: the error does not say what to do: %v", tt.name, tt.mode, err)
			}
		}
	}
}

func TestF76_SignerFromFile(t *testing.T) {
	data := fixture(t, "openssh-aes256-gcm@openssh.com")
	path := file(t, "key", data)
	signer, err := keys.SignerFromFile(path, goldenPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	if want := load(t, fixture(t, "ed25519.pub"), nil); !bytes.Equal(signer.PublicKey().Marshal(), want.Blob()) {
		t.Error("another key")
	}
	if _, err := keys.SignerFromFile(path, nil); !errors.As(err, new(*keys.EncryptedKeyError)) || !strings.Contains(err.Error(), path) {
		t.Errorf("without the passphrase: %v", err)
	}
	_, err = keys.SignerFromFile(path, []byte("wrong"))
	mustBeBad(t, err, keys.ErrWrongPassphrase)
	public := file(t, "key.pub", fixture(t, "ed25519.pub"))
	_, err = keys.SignerFromFile(public, nil)
	mustBeBad(t, err, keys.ErrPublicKey)
	if !strings.Contains(err.Error(), public) {
		t.Errorf("a public key: %v", err)
	}
	if _, err := keys.SignerFromFile(filepath.Join(t.TempDir(), "missing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestF26_ErrorsShowNoForeignText: a damaged file cannot write to the terminal.
func TestF26_ErrorsShowNoForeignText(t *testing.T) {
	for _, data := range [][]byte{
		[]byte("ssh-\x1b]0;x\a AAAA"),
		[]byte("-----BEGIN \x1b[2J PRIVATE KEY-----\nAAAA\n-----END \x1b[2J PRIVATE KEY-----\n"),
		rewrite(t, "openssh-aes256-ctr", func(p *openSSHParts) { p.Cipher = "\x1b[2J" + strings.Repeat("x", 1<<16) }),
		gossh.Marshal(struct{ Type, Rest string }{"ssh-\x1b[2J", "x"}),
	} {
		_, err := keys.FromString(data, goldenPassphrase)
		mustBeBad(t, err)
		if err != nil && (strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 600) {
			t.Errorf("%q", err)
		}
	}
	_, err := goldenKey(t, "ed25519").Sign(nil, "\x1b[2J")
	if err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q", err)
	}
}
