package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// withServer calls f while a server runs inside this process. It creates a user
// key and a known-hosts file for the server. All files are in a temporary
// directory, which is removed at the end.
func withServer(args *arguments, f func() error) (err error) {
	home, err := os.MkdirTemp("", "sftp-mkdir-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	identity := filepath.Join(home, "id_ed25519")
	key, err := conchtest.NewKeyFile(identity)
	if err != nil {
		return err
	}
	root := filepath.Join(home, "root")
	if err := os.Mkdir(root, 0o700); err != nil {
		return err
	}
	s, err := conchtest.Start(conchtest.Options{Dir: root, AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	known := filepath.Join(home, "known_hosts")
	line := conchtest.KnownHostsLine(s.Addr, s.HostKey)
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		return err
	}
	args.host, args.port = s.HostPort()
	args.user = s.User
	args.options.Identities, args.options.NoAgent = []string{identity}, true
	args.options.KnownHosts = []string{known}
	say("server", "started inside this process, at %s", s.Addr)
	return f()
}
