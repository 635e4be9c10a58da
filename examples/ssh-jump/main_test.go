package main

import (
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// TestThrough runs a command behind a jump host.
func TestThrough(t *testing.T) {
	ran := ""
	last := server(t, conchtest.Options{Exec: func(command string, _ gossh.Channel) uint32 {
		ran = command
		return 0
	}})
	if err := through(server(t, conchtest.Options{Forwarding: true}), last, "command"); err != nil || ran != "command" {
		t.Errorf("ran %q, %v", ran, err)
	}
	if err := through(server(t, conchtest.Options{}), last, "command"); err == nil {
		t.Error("got through a host that forwards nothing")
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
