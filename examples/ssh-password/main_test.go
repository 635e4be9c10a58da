package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// TestRun logs in with the right secret, and with a wrong one, which no error shows.
func TestRun(t *testing.T) {
	target := server(t, conchtest.Options{Password: "sesame"})
	if err := run(target, "sesame"); err != nil {
		t.Error(err)
	}
	if err := run(target, "mellon"); err == nil || strings.Contains(err.Error(), "mellon") {
		t.Errorf("got %v", err)
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
