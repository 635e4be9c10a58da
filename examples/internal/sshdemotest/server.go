// Package sshdemotest starts servers for the tests of the SSH examples.
package sshdemotest

import (
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// Server starts a server that is closed when the test ends. It returns a target
// that logs in with a key.
func Server(t *testing.T, opts conchtest.Options) *client.Target {
	t.Helper()
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	opts.AuthorizedKeys = []gossh.PublicKey{key.PublicKey()}
	s := conchtest.NewServer(t, opts)
	host, port := s.HostPort()
	return &client.Target{User: s.User, Host: host, Port: port, Options: client.Options{
		NoAgent: true, Identities: []string{filepath.Join(dir, "id")}, KnownHosts: []string{filepath.Join(dir, "known")},
		HostKeys: client.AcceptNewHosts,
	}}
}
