package conch_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// withoutKeys leaves the target only what ui answers.
func (to target) withoutKeys(t *testing.T, ui conch.UI) target {
	to.options.Identities = []string{filepath.Join(t.TempDir(), "none")}
	to.options.UI = ui
	return to
}

func answering(line string) func(string, bool) deferred.Deferred[string] {
	return func(string, bool) deferred.Deferred[string] { return deferred.Succeed(line) }
}

// TestAuth_Password: C-AUTH-12, C-AUTH-37.
func TestAuth_Password(t *testing.T) {
	r := start(t)
	s, to := embedded(t, conchtest.Options{Password: "right"})
	ui := &scriptedUI{line: answering("right")}
	connect(t, r, to.withoutKeys(t, ui))
	want := []string{s.User + "@127.0.0.1's password: "}
	onLoop(t, r, func() {
		if !slices.Equal(ui.asked, want) {
			t.Errorf("asked %q, want %q", ui.asked, want)
		}
	})
}

// TestAuth_WrongPassword: C-CLIENT-6, C-AUTH-5, C-AUTH-7.
func TestAuth_WrongPassword(t *testing.T) {
	for name, server := range map[string]func(t *testing.T) target{
		"embedded": func(t *testing.T) target { _, to := embedded(t, conchtest.Options{}); return to },
		"OpenSSH":  func(t *testing.T) target { _, to := openssh(t); return to },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			ui := &scriptedUI{line: answering("wrong")}
			to := server(t).withoutKeys(t, ui)
			_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
			failed, ok := errors.AsType[*conch.ConnectError](err)
			denied, also := errors.AsType[*conch.ConchError](err)
			if !ok || !also || failed.Phase != conch.PhaseAuthentication || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "tried password") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("text %q", err)
			}
			onLoop(t, r, func() {
				if len(ui.asked) != 3 || !strings.HasPrefix(ui.asked[1], "Permission denied, please try again.\n") {
					t.Errorf("asked %q", ui.asked)
				}
			})
		})
	}
}

// TestAuth_NoPassword: C-AUTH-13, a hook that fails is not asked again.
func TestAuth_NoPassword(t *testing.T) {
	r := start(t)
	a := newAttempt(t)
	asked := 0
	a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] { return deferred.Succeed[gossh.PublicKey](nil) }
	a.auth.password = func() deferred.Deferred[string] {
		asked++
		return deferred.Fail[string](errors.New("no idea"))
	}
	var denied *conch.ConchError
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
	if !errors.As(err, &denied) || !strings.Contains(denied.Value, "tried nothing") {
		t.Errorf("got %v", err)
	}
	onLoop(t, r, func() {
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestAuth_Interrupted: an interrupted question ends the walk.
func TestAuth_Interrupted(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{})
	ui := &scriptedUI{line: func(string, bool) deferred.Deferred[string] { return deferred.Fail[string](conch.ErrInterrupted) }}
	to = to.withoutKeys(t, ui)
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
	if !errors.Is(err, conch.ErrInterrupted) || len(ui.asked) != 1 {
		t.Errorf("got %v after %q", err, ui.asked)
	}
}

// TestAuth_Passphrase opens an encrypted key at the third try: C-AUTH-35, C-AUTH-36.
func TestAuth_Passphrase(t *testing.T) {
	r := start(t)
	file, key := encryptedKey(t)
	_, to := embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key}})
	answers := []string{"open", "please", "sesame"}
	ui := &scriptedUI{}
	ui.line = func(string, bool) deferred.Deferred[string] {
		answer := answers[0]
		answers = answers[1:]
		return deferred.Succeed(answer)
	}
	to.options.Identities, to.options.UI = []string{file}, ui
	connect(t, r, to)
	onLoop(t, r, func() {
		if len(ui.asked) != 3 || ui.asked[0] != "Enter passphrase for key '"+file+"': " {
			t.Errorf("asked %q", ui.asked)
		}
	})
}

// TestHostKey compares what is asked, what is saved and what is refused: C-CLIENT-5, 42, 44, 45.
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
			if !errors.Is(err, conch.ErrUserRejectedKey) {
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
			r := start(t)
			s, to := embedded(t, conchtest.Options{})
			ui := &scriptedUI{yes: row.yes}
			to.options.UI = ui
			file := to.options.KnownHosts[0]
			if err := os.WriteFile(file, []byte(row.known(s)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
			if row.check == nil && err != nil || row.check != nil && err == nil {
				t.Fatalf("got %v", err)
			}
			if failed, ok := errors.AsType[*conch.ConnectError](err); err != nil && (!ok || failed.Phase != conch.PhaseHostKey) {
				t.Errorf("got %v", err)
			}
			if row.check != nil {
				row.check(t, err)
			}
			onLoop(t, r, func() {
				if len(ui.asked) != row.asked || row.asked == 1 && !strings.Contains(ui.asked[0], fingerprint(s.HostKey)) {
					t.Errorf("asked %q", ui.asked)
				}
			})
			if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != row.lines {
				t.Errorf("known_hosts is %q, %v", text, err)
			}
		})
	}
}

// TestAuth_Agent logs in with a key that only the agent has: C-AUTH-31, C-AUTH-32, C-AUTH-34, C-AUTH-39.
func TestAuth_Agent(t *testing.T) {
	r := start(t)
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
	_, to := embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{unknown, key}})
	to.options.Identities, to.options.NoAgent = []string{filepath.Join(t.TempDir(), "none")}, false
	connect(t, r, to)
	<-served // the connection to the agent is closed
}

// TestAuth_AgentGone: an agent that cannot be reached is as good as none.
func TestAuth_AgentGone(t *testing.T) {
	r := start(t)
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "gone"))
	_, to := embedded(t, conchtest.Options{})
	to.options.NoAgent = false
	connect(t, r, to)
}

func mustKey(t *testing.T) any {
	t.Helper()
	private, _, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// serveAgent serves one connection at SSH_AUTH_SOCK; the channel is closed when that has ended.
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
	go func() { // ends with the connection, or with the listener
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_ = xagent.ServeAgent(keys, c) // the end of the connection
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
