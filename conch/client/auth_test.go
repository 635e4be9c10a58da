package client_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// TestAuth_Password: C-AUTH-12, C-AUTH-37.
func TestAuth_Password(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{Password: "right"})
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering("right")}
	sshtest.Connect(t, r, to.WithoutKeys(t, ui))
	want := []string{s.User + "@127.0.0.1's password: "}
	sshtest.OnLoop(t, r, func() {
		if !slices.Equal(ui.Asked, want) {
			t.Errorf("asked %q, want %q", ui.Asked, want)
		}
	})
}

// TestAuth_WrongPassword: C-CLIENT-6, C-AUTH-5, C-AUTH-7.
func TestAuth_WrongPassword(t *testing.T) {
	for name, server := range map[string]func(t *testing.T) sshtest.Target{
		"embedded": func(t *testing.T) sshtest.Target { _, to := sshtest.Embedded(t, conchtest.Options{}); return to },
		"OpenSSH":  func(t *testing.T) sshtest.Target { _, to := sshtest.OpenSSH(t); return to },
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			ui := &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
			to := server(t).WithoutKeys(t, ui)
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			failed, ok := errors.AsType[*client.ConnectError](err)
			denied, also := errors.AsType[*conch.ConchError](err)
			if !ok || !also || failed.Phase != client.PhaseAuthentication || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "tried password") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("text %q", err)
			}
			sshtest.OnLoop(t, r, func() {
				if len(ui.Asked) != 3 || !strings.HasPrefix(ui.Asked[1], "Permission denied, please try again.\n") {
					t.Errorf("asked %q", ui.Asked)
				}
			})
		})
	}
}

// TestAuth_NoPassword: C-AUTH-13. A hook that fails is not called again.
func TestAuth_NoPassword(t *testing.T) {
	r := sshtest.Start(t)
	a := newAttempt(t)
	asked := 0
	a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] { return deferred.Succeed[gossh.PublicKey](nil) }
	a.auth.password = func() deferred.Deferred[string] {
		asked++
		return deferred.Fail[string](errors.New("no idea"))
	}
	var denied *conch.ConchError
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
	if !errors.As(err, &denied) || !strings.Contains(denied.Value, "tried nothing") {
		t.Errorf("got %v", err)
	}
	sshtest.OnLoop(t, r, func() {
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestAuth_Interrupted: an interrupted question ends the authentication.
func TestAuth_Interrupted(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	ui := &sshtest.ScriptedUI{Line: func(string, bool) deferred.Deferred[string] { return deferred.Fail[string](client.ErrInterrupted) }}
	to = to.WithoutKeys(t, ui)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if !errors.Is(err, client.ErrInterrupted) || len(ui.Asked) != 1 {
		t.Errorf("got %v after %q", err, ui.Asked)
	}
}

// TestAuth_Passphrase opens an encrypted key at the third attempt: C-AUTH-35,
// C-AUTH-36.
func TestAuth_Passphrase(t *testing.T) {
	r := sshtest.Start(t)
	file, key := encryptedKey(t)
	_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key}})
	answers := []string{"open", "please", "sesame"}
	ui := &sshtest.ScriptedUI{}
	ui.Line = func(string, bool) deferred.Deferred[string] {
		answer := answers[0]
		answers = answers[1:]
		return deferred.Succeed(answer)
	}
	to.Options.Identities, to.Options.UI = []string{file}, ui
	sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		if len(ui.Asked) != 3 || ui.Asked[0] != "Enter passphrase for key '"+file+"': " {
			t.Errorf("asked %q", ui.Asked)
		}
	})
}

// TestHostKey checks the questions to the user, the saved keys and the refused
// keys: C-CLIENT-5, 42, 44, 45.
func TestHostKey(t *testing.T) {
	_, other, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		known func(s *conchtest.Server) string
		yes   bool
		asked int
		check func(t *testing.T, err error)
		lines int
	}{
		{"unknown, accepted", func(*conchtest.Server) string { return "" }, true, 1, nil, 1},
		{"unknown, rejected", func(*conchtest.Server) string { return "" }, false, 1, func(t *testing.T, err error) {
			if !errors.Is(err, client.ErrUserRejectedKey) {
				t.Errorf("got %v", err)
			}
		}, 0},
		{"changed", func(s *conchtest.Server) string { return conchtest.KnownHostsLine(s.Addr, other) }, true, 0, func(t *testing.T, err error) {
			changed, ok := errors.AsType[*knownhosts.HostKeyChangedError](err)
			bad, also := errors.AsType[*conch.ConchError](err)
			if !ok || !also || bad.Data != conch.DisconnectHostKeyNotVerifiable || !strings.Contains(changed.Error(), `known_hosts", line 1`) {
				t.Errorf("got %v", err)
			}
		}, 1},
		{"revoked", func(s *conchtest.Server) string { return "@revoked " + conchtest.KnownHostsLine(s.Addr, s.HostKey) }, true, 0, func(t *testing.T, err error) {
			if _, ok := errors.AsType[*knownhosts.RevokedKeyError](err); !ok {
				t.Errorf("got %v", err)
			}
		}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			s, to := sshtest.Embedded(t, conchtest.Options{})
			ui := &sshtest.ScriptedUI{Yes: row.yes}
			to.Options.UI = ui
			file := to.Options.KnownHosts[0]
			if err := os.WriteFile(file, []byte(row.known(s)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			if row.check == nil && err != nil || row.check != nil && err == nil {
				t.Fatalf("got %v", err)
			}
			if failed, ok := errors.AsType[*client.ConnectError](err); err != nil && (!ok || failed.Phase != client.PhaseHostKey) {
				t.Errorf("got %v", err)
			}
			if row.check != nil {
				row.check(t, err)
			}
			sshtest.OnLoop(t, r, func() {
				if len(ui.Asked) != row.asked || row.asked == 1 && !strings.Contains(ui.Asked[0], sshtest.Fingerprint(s.HostKey)) {
					t.Errorf("asked %q", ui.Asked)
				}
			})
			if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != row.lines {
				t.Errorf("known_hosts is %q, %v", text, err)
			}
		})
	}
}

// TestAuth_Agent logs in with a key that only the agent has: C-AUTH-31,
// C-AUTH-32, C-AUTH-34, C-AUTH-39.
func TestAuth_Agent(t *testing.T) {
	r := sshtest.Start(t)
	private, key, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	_, unknown, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	keys := xagent.NewKeyring()
	for _, k := range []any{mustKey(t), private} {
		if err := keys.Add(xagent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	served := serveAgent(t, keys)
	_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{unknown, key}})
	to.Options.Identities, to.Options.NoAgent = []string{filepath.Join(t.TempDir(), "none")}, false
	sshtest.Connect(t, r, to)
	<-served // the connection to the agent is closed
}

// TestAuth_AgentGone: an agent that cannot be reached is ignored.
func TestAuth_AgentGone(t *testing.T) {
	r := sshtest.Start(t)
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "gone"))
	_, to := sshtest.Embedded(t, conchtest.Options{})
	to.Options.NoAgent = false
	sshtest.Connect(t, r, to)
}

func mustKey(t *testing.T) any {
	t.Helper()
	private, _, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// serveAgent serves one connection at SSH_AUTH_SOCK. The channel is closed when
// the connection has ended.
func serveAgent(t *testing.T, keys xagent.Agent) <-chan struct{} {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	served := make(chan struct{})
	go func() { // ends when the connection or the listener is closed
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_ = xagent.ServeAgent(keys, c) // returns an error when the connection ends
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
		os.RemoveAll(dir)
	})
	return served
}
