package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// speechlessUI is a UI that cannot ask the user.
type speechlessUI struct{ *sshtest.ScriptedUI }

var errNobody = errors.New("nobody is there")

func (u speechlessUI) Prompt(string) deferred.Deferred[bool] { return deferred.Fail[bool](errNobody) }

// TestVerifyHostKey_NewHosts: C-CLIENT-40 to C-CLIENT-42, for each policy and
// each answer.
func TestVerifyHostKey_NewHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		policy client.HostKeyPolicy
		ui     client.UI
		is     []error // errors that the failure wraps; nil: success
		says   string
	}{
		"asked, yes":    {client.AskAboutNewHosts, &sshtest.ScriptedUI{Yes: true}, nil, ""},
		"asked, no":     {client.AskAboutNewHosts, &sshtest.ScriptedUI{}, []error{client.ErrUserRejectedKey}, ""},
		"nobody to ask": {client.AskAboutNewHosts, speechlessUI{&sshtest.ScriptedUI{}}, []error{client.ErrUnknownHost, errNobody}, "add it to a known-hosts file first: nobody"},
		"accepted":      {client.AcceptNewHosts, sshtest.NoUI{T: t}, nil, ""},
		"refused":       {client.RefuseNewHosts, sshtest.NoUI{T: t}, []error{client.ErrUnknownHost}, "add it to a known-hosts file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			s, to := sshtest.Embedded(t, conchtest.Options{})
			known := filepath.Join(t.TempDir(), "known_hosts")
			to.Options.KnownHosts, to.Options.HostKeys, to.Options.UI = []string{known}, tt.policy, tt.ui
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			saved, _ := os.ReadFile(known)
			if recorded := strings.Contains(string(saved), strings.TrimSpace(string(gossh.MarshalAuthorizedKey(s.HostKey)))); recorded != (tt.is == nil) {
				t.Errorf("recorded: %v", recorded)
			}
			if tt.is == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failed, ok := errors.AsType[*client.ConnectError](err)
			if !ok || failed.Phase != client.PhaseHostKey || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
			for _, is := range tt.is {
				if !errors.Is(err, is) {
					t.Errorf("%v is not %v", err, is)
				}
			}
		})
	}
}

// TestF25_FingerprintVerifier tests each format of a fingerprint.
func TestF25_FingerprintVerifier(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{})
	sha, md5 := gossh.FingerprintSHA256(s.HostKey), gossh.FingerprintLegacyMD5(s.HostKey)
	other := gossh.FingerprintSHA256(newSigner(t).PublicKey())
	for _, row := range []struct {
		fingerprints []string
		ok           bool
		says         string
	}{
		{[]string{sha}, true, ""},
		{[]string{sha + "="}, true, ""},
		{[]string{other, sha}, true, ""},
		{[]string{"MD5:" + md5}, true, ""},
		{[]string{md5}, true, ""},
		{[]string{"MD5:" + strings.ToUpper(md5)}, true, ""},
		{[]string{other}, false, sha + " is not an expected fingerprint"},
		{nil, false, sha + " is not an expected fingerprint"},
		{[]string{sha, "SHA256:short"}, false, `"SHA256:short" is not a fingerprint`},
		{[]string{sha, ""}, false, `"" is not a fingerprint`},
		{[]string{strings.ReplaceAll(md5, ":", "")}, false, "is not a fingerprint"},
		{[]string{strings.ToLower(sha)}, false, "is not a fingerprint"},
	} {
		_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			auth := client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})
			return client.Connect(r, to.Host, to.Port, to.Options, client.FingerprintVerifier(row.fingerprints...), auth)
		})
		if (err == nil) != row.ok || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%q: %v", row.fingerprints, err)
		}
		if strings.Contains(row.says, "expected") && !errors.Is(err, client.ErrHostKeyRefused) {
			t.Errorf("%q: %v", row.fingerprints, err)
		}
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		auth := client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})
		return client.Connect(r, to.Host, to.Port, to.Options, client.AcceptAnyHostKey, auth)
	}); err != nil {
		t.Errorf("AcceptAnyHostKey: %v", err)
	}
}

// TestF20_HostKeyAlias: an alias is looked up and saved without a port, for any
// port of the server. A changed key is refused.
func TestF20_HostKeyAlias(t *testing.T) {
	other := newSigner(t).PublicKey()
	for _, row := range []struct {
		name  string
		known func(s *conchtest.Server) string
		ok    bool
		saved string
	}{
		{"known", func(s *conchtest.Server) string { return "alias " + line(s.HostKey) }, true, ""},
		{"changed", func(*conchtest.Server) string { return "alias " + line(other) }, false, ""},
		{"changed, with the port", func(s *conchtest.Server) string {
			return fmt.Sprintf("[alias]:%d %salias %s", s.Addr.Port, line(s.HostKey), line(other))
		}, false, ""},
		{"new", func(*conchtest.Server) string { return "" }, true, "alias ssh-ed25519 "},
	} {
		for _, verify := range []client.HostKeyVerifier{nil, client.VerifyHostKey} {
			t.Run(row.name, func(t *testing.T) {
				r := sshtest.Start(t)
				s, to := sshtest.Embedded(t, conchtest.Options{})
				to.Options.HostKeyAlias, to.Options.HostKeys = "alias", client.AcceptNewHosts
				file := to.Options.KnownHosts[0]
				if err := os.WriteFile(file, []byte(row.known(s)), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
					return client.Connect(r, to.Host, to.Port, to.Options, verify, client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{}))
				})
				changed, ok := errors.AsType[*knownhosts.HostKeyChangedError](err)
				if (err == nil) != row.ok || err != nil && (!ok || changed.Name != knownhosts.Alias("alias")) {
					t.Errorf("got %v", err)
				}
				if text, _ := os.ReadFile(file); row.saved != "" && !strings.HasPrefix(string(text), row.saved) {
					t.Errorf("saved %q", text)
				}
			})
		}
	}
}

func line(key gossh.PublicKey) string { return string(gossh.MarshalAuthorizedKey(key)) }

// TestF22_KnownHostsFiles: a nil list means the default files, an empty list
// means no files.
func TestF22_KnownHostsFiles(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	elsewhere, missing := filepath.Join(t.TempDir(), "known"), filepath.Join(t.TempDir(), "missing")
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{})
	for _, file := range []string{filepath.Join(home, ".ssh", "known_hosts2"), elsewhere} {
		if err := os.WriteFile(file, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to.Options.HostKeys = client.RefuseNewHosts
	for _, row := range []struct {
		own, global []string
		ok          bool
	}{
		{nil, nil, true},
		{[]string{}, nil, false},
		{[]string{missing, elsewhere}, nil, true},
		{[]string{missing}, []string{elsewhere}, true},
		{[]string{}, []string{elsewhere}, true},
		{nil, []string{}, true},
		{[]string{missing}, []string{}, false},
	} {
		to.Options.KnownHosts, to.Options.GlobalKnownHosts = row.own, row.global
		if err := login(t, r, to); (err == nil) != row.ok || err != nil && !errors.Is(err, client.ErrUnknownHost) {
			t.Errorf("%q, %q: %v", row.own, row.global, err)
		}
	}
	// Without a file to save the key in, the key is still accepted.
	to.Options.KnownHosts, to.Options.GlobalKnownHosts, to.Options.HostKeys = []string{}, []string{}, client.AcceptNewHosts
	to.Options.UI = &sshtest.ScriptedUI{}
	if err := login(t, r, to); err != nil {
		t.Error(err)
	}
	to.Options.KnownHosts, to.Options.HashKnownHosts = []string{missing}, true
	if err := login(t, r, to); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(missing); err != nil || !strings.HasPrefix(string(text), "|1|") {
		t.Errorf("saved %q, %v", text, err)
	}
}

// TestF36_Ed25519First: if a server has several keys, the first connection uses
// the Ed25519 key. Later connections use a type of key that is known.
func TestF36_Ed25519First(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	r := sshtest.Start(t)
	for name, known := range map[string]gossh.PublicKey{gossh.KeyAlgoED25519: nil, gossh.KeyAlgoECDSA256: second.PublicKey()} {
		s, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) { c.AddHostKey(second) }})
		text := ""
		if known != nil {
			text = conchtest.KnownHostsLine(s.Addr, known)
		}
		if err := os.WriteFile(to.Options.KnownHosts[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		presented := ""
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			return client.Connect(r, to.Host, to.Port, to.Options, func(_ *client.SSHClientTransport, _ string, key gossh.PublicKey, _ string) deferred.Deferred[bool] {
				presented = key.Type()
				return deferred.Succeed(true)
			}, client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{}))
		}); err != nil || presented != name {
			t.Errorf("presented %s, %v", presented, err)
		}
	}
}
