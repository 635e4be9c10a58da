package knownhosts

import (
	"errors"
	"fmt"
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
	path := tempFile(t, line("[host]:2222", rsaKey(1)))
	v, err := FromPath(path).Check("host", 2222, "192.0.2.1", ec(1))
	if err != nil {
		t.Fatal(err)
	}
	text := v.Question()
	containsAll(t, text, "[host]:2222", "[192.0.2.1]:2222", " ECDSA key", gossh.FingerprintSHA256(ec(1)), "yes/no", "RSA", path+", line 1")
	if strings.Contains(text, "=") || strings.HasSuffix(text, "\n") {
		t.Errorf("padded fingerprint, or no place for the answer:\n%s", text)
	}
	v, err = FromPath(path).Check("other", 22, "", ed(1))
	if err != nil {
		t.Fatal(err)
	}
	if text := v.Question(); strings.Contains(text, "(") != strings.Contains(text, "(yes/no)") || strings.Contains(text, "Beware") {
		t.Errorf("no address and no other key to tell of:\n%s", text)
	}
}

func TestC_CLIENT_41_Warning(t *testing.T) {
	v, err := FromPath(tempFile(t, line("host", ec(1)))).Check("host", 22, "192.0.2.1", ec(1))
	if err != nil {
		t.Fatal(err)
	}
	containsAll(t, v.Warning(), "ECDSA", "192.0.2.1", "host")
}

func TestC_CLIENT_42_ChangedWarning(t *testing.T) {
	path := tempFile(t, "# 1", line("host", ed(2)))
	_, err := FromPath(path).Check("host", 22, "", ed(1))
	e, ok := errors.AsType[*HostKeyChangedError](err)
	if !ok {
		t.Fatal(err)
	}
	want, got := gossh.FingerprintSHA256(ed(2)), gossh.FingerprintSHA256(ed(1))
	if e.Want != want || e.Got != got {
		t.Errorf("want %s, got %s", e.Want, e.Got)
	}
	remedy := fmt.Sprintf("ssh-keygen -f '%s' -R 'host'", path)
	containsAll(t, e.Warning(), "@@@@", "host", path+", line 2", "remove line 2 of "+path, want, got, "ED25519", remedy)
	containsAll(t, e.Error(), "knownhosts: ", "host", path+", line 2", want, got, remedy)
}

func TestC_CLIENT_35_RevokedWarning(t *testing.T) {
	path := tempFile(t, marked(Revoked, "*", ed(9)))
	_, err := FromPath(path).Check("host", 22, "", hostCert(ed(1), edSigner(9), nil, nil))
	e, ok := errors.AsType[*RevokedKeyError](err)
	if !ok {
		t.Fatal(err)
	}
	containsAll(t, e.Warning(), "@@@@", "host", path+", line 1", gossh.FingerprintSHA256(ed(9)))
	containsAll(t, e.Error(), "knownhosts: ", "host", path+", line 1", gossh.FingerprintSHA256(ed(9)))
}

func TestC_CLIENT_44_KeyTypeName(t *testing.T) {
	for want, key := range map[string]gossh.PublicKey{
		"ED25519": ed(1),
		"ECDSA":   ec(1),
		"RSA":     rsaKey(1),
	} {
		if got := KeyTypeName(key); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := KeyTypeName(hostCert(ec(1), edSigner(9), nil, nil)); got != "ECDSA" {
		t.Errorf("certificate: %s", got)
	}
}

func TestOutcomeString(t *testing.T) {
	if s := fmt.Sprint(Known, KnownAddIP, Unknown); s != "known known, address not recorded unknown" {
		t.Error(s)
	}
}
