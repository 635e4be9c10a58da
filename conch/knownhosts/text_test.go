package knownhosts

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func containsAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

func TestC_CLIENT_44_Question(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "none"))
	v, err := f.Check(HostPort("host", 2222), "192.0.2.1", ec(1))
	if err != nil {
		t.Fatal(err)
	}
	text := v.Message()
	containsAll(t, text, `"[host]:2222"`, `"[192.0.2.1]:2222"`, " ECDSA key", gossh.FingerprintSHA256(ec(1)), "yes/no")
	if strings.Contains(text, "=") || strings.HasSuffix(text, "\n") {
		t.Errorf("padded fingerprint, or no place for the answer:\n%s", text)
	}
	v, err = f.Check(host("other"), "", ed(1))
	if err != nil {
		t.Fatal(err)
	}
	if text := v.Message(); strings.Contains(text, "address") {
		t.Errorf("there is no address:\n%s", text)
	}
}

func TestC_CLIENT_41_Warning(t *testing.T) {
	v, err := FromPath(tempFile(t, line("host", ec(1)))).Check(host("host"), "192.0.2.1", ec(1))
	if err != nil {
		t.Fatal(err)
	}
	containsAll(t, v.Message(), "ECDSA", `"192.0.2.1"`, `"host"`)
	if text := (Verdict{Outcome: Known, Key: ed(1)}).Message(); text != "" {
		t.Errorf("nothing to say about a known key: %q", text)
	}
}

func TestC_CLIENT_42_ChangedError(t *testing.T) {
	path := tempFile(t, "# 1", line("host", ed(2)))
	_, err := FromPath(path).Check(host("host"), "", ed(1))
	if err == nil {
		t.Fatal("the key has changed")
	}
	containsAll(t, err.Error(), "knownhosts: ", `"host"`, fmt.Sprintf("%q, line 2", path), "remove line 2 of ", "ED25519",
		gossh.FingerprintSHA256(ed(2)), gossh.FingerprintSHA256(ed(1)), fmt.Sprintf("ssh-keygen -f '%s' -R 'host'", path))
}

func TestC_CLIENT_35_RevokedError(t *testing.T) {
	path := tempFile(t, marked(revoked, "*", ed(9)))
	_, err := FromPath(path).Check(host("host"), "", hostCert(ed(1), edSigner(9), nil, nil))
	e, ok := errors.AsType[*RevokedKeyError](err)
	if !ok || !sameKey(e.Revoked, ed(9)) {
		t.Fatal(err)
	}
	containsAll(t, e.Error(), "knownhosts: ", `"host"`, fmt.Sprintf("%q, line 1", path), gossh.FingerprintSHA256(ed(9)))
}

// A file name with control characters does not reach the terminal, and is not
// part of a command to copy.
func TestF26_FileNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a\x1b[2Jb\u202e")
	path := filepath.Join(dir, "known_hosts")
	f := FromPath(path)
	accept(t, f, host("host"))
	_, changed := f.Check(host("host"), "", ed(2))
	_, unreadable := FromPath(dir).Check(host("host"), "", ed(1))
	_, missing := FromPath(dir+"/known_hosts/x").Check(host("host"), "", ed(1))
	unsaved := FromPath(dir).Accept(Verdict{Key: ed(1), Missing: []Name{host("host")}})
	cert := hostCert(ed(1), edSigner(9), nil, func(c *gossh.Certificate) { c.KeyId, c.CertType = "\x1b]0;\a", gossh.UserCert })
	_, certificate := FromPath(tempFile(t, marked(certAuthority, "*", ed(9)))).Check(host("host"), "", cert)
	for _, err := range []error{changed, unreadable, missing, unsaved, certificate} {
		if err == nil || !printable(strings.ReplaceAll(err.Error(), " ", "")) {
			t.Errorf("%q", err)
		}
	}
	if strings.Contains(changed.Error(), "ssh-keygen") {
		t.Errorf("a command with control characters: %q", changed)
	}
}

func TestC_CLIENT_44_KeyTypeName(t *testing.T) {
	for want, key := range map[string]gossh.PublicKey{
		"ED25519": ed(1),
		"ECDSA":   ec(1),
		"RSA":     rsaKey(1),
	} {
		if got := keyTypeName(key); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := keyTypeName(hostCert(ec(1), edSigner(9), nil, nil)); got != "ECDSA" {
		t.Errorf("certificate: %s", got)
	}
}

func TestOutcomeString(t *testing.T) {
	if s := fmt.Sprint(Known, KnownAddIP, Unknown); s != "known known, address not recorded unknown" {
		t.Error(s)
	}
}
