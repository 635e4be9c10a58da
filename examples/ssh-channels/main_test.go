package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// TestRun runs two commands, one of which fails.
func TestRun(t *testing.T) {
	target := server(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte(command + "!"))
		return uint32(len(command) - 1)
	}})
	var out strings.Builder
	want := "a: \"a!\" <nil>\nbb: \"\" conch: remote command exited with status 1\n"
	if err := run(target, []string{"a", "bb"}, &out); err != nil || out.String() != want {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// server starts a server and returns how to log in to it.
func server(t *testing.T, opts conchtest.Options) *conch.Target {
	t.Helper()
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	opts.AuthorizedKeys = []gossh.PublicKey{key.PublicKey()}
	s := conchtest.NewServer(t, opts)
	host, port := s.HostPort()
	return &conch.Target{User: s.User, Host: host, Port: port, Options: conch.ClientOptions{
		NoAgent: true, Identities: []string{filepath.Join(dir, "id")}, KnownHosts: []string{filepath.Join(dir, "known")}, HostKeys: conch.AcceptNewHosts,
	}}
}
