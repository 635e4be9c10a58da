package login_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// connect connects as a command line says, and returns what the user is told.
func connect(t *testing.T, args ...string) string {
	t.Helper()
	l, err := newLogin(append([]string{"-F", "none", "--noagent"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	told := "connected"
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		conn := &struct{ conch.SSHConnection }{}
		l.Target.Connect(r, conn).OnResult(func(_ deferred.Void, err error) {
			if err != nil {
				told = login.Explain(l.Target, err)
			}
			_ = r.Stop() // it runs
		})
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestC_CLIENT_52_Errors: the user reads the words of ssh.
func TestC_CLIENT_52_Errors(t *testing.T) {
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewServer(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}})
	known, changed := filepath.Join(dir, "known"), filepath.Join(dir, "changed")
	for path, line := range map[string]string{
		known: conchtest.KnownHostsLine(s.Addr, s.HostKey), changed: conchtest.KnownHostsLine(s.Addr, key.PublicKey()),
	} {
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the system connects
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mute := silent.Addr().(*net.TCPAddr).Port
	host, port := s.HostPort()
	at := []string{"-p", strconv.Itoa(port), s.User + "@" + host, "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=none", "-i", filepath.Join(dir, "id")}
	for _, row := range []struct {
		args []string
		want []string // the beginnings of lines
	}{
		{append(at, "--known-hosts", known), []string{"connected"}},
		{append(at, "--known-hosts", known, "-o", "PreferredAuthentications=password"), []string{"guest@127.0.0.1: Permission denied: "}},
		{append(at, "--known-hosts", changed), []string{"WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!", "the key of host ", "Host key verification failed."}},
		{append(at, "--known-hosts", "none"), []string{"host key is not known", "Host key verification failed."}},
		{append(at, "--known-hosts", "none", "-o", "StrictHostKeyChecking=yes"), []string{"No host key is known for 127.0.0.1", "Host key verification failed."}},
		{append(at, "--known-hosts", known, "-c", "aes128-cbc"), []string{"key exchange with 127.0.0.1:"}},
		{[]string{"-p", strconv.Itoa(nobody), host}, []string{"connect to 127.0.0.1:" + strconv.Itoa(nobody) + ": "}},
		{[]string{"-p", strconv.Itoa(mute), "-o", "ConnectTimeout=1", host}, []string{"banner with 127.0.0.1:" + strconv.Itoa(mute) + ": timed out"}},
		{[]string{"nowhere.invalid"}, []string{"Could not resolve hostname nowhere.invalid: "}},
		{[]string{"-J", "nowhere.invalid", "h"}, []string{"jump host nowhere.invalid: Could not resolve hostname nowhere.invalid: "}},
	} {
		got := connect(t, row.args...)
		lines := strings.Split(got, "\n")
		if len(lines) != len(row.want) {
			t.Errorf("%q: %s", row.args, got)
			continue
		}
		for i, want := range row.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: got %q, want %q", row.args, lines[i], want)
			}
			if rest := strings.TrimPrefix(lines[i], want); strings.Contains(rest, strconv.Itoa(nobody)) || strings.Contains(rest, "nowhere") {
				t.Errorf("%q: %q repeats the address", row.args, lines[i])
			}
		}
	}
}

func TestExplainLost(t *testing.T) {
	target := &client.Target{Host: "h\x1b"}
	for err, want := range map[error]string{
		conch.ErrPeerSilent:     `Timeout, server h\x1b not responding.`,
		conch.ErrConnectionLost: `Connection to h\x1b closed by remote host: connection lost`,
		fmt.Errorf("%w: %w", conch.ErrConnectionLost, io.EOF): `Connection to h\x1b closed by remote host.`,
		os.ErrClosed: "file already closed",
	} {
		if got := login.Explain(target, err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
