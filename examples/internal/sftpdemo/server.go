package sftpdemo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// withServer runs the program against a server inside this process. It makes a
// user key and a known-hosts file for the server. All files are in a temporary
// directory, which is removed at the end.
func (p Program) withServer(e *Env) (err error) {
	home, err := os.MkdirTemp("", p.Name+"-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	at := func(name string) string { return filepath.Join(home, name) }
	key, err := conchtest.NewKeyFile(at("id_ed25519"))
	if err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(at("server"), 0o700), os.Mkdir(at("local"), 0o700)); err != nil {
		return err
	}
	options := p.Server
	options.Dir, options.AuthorizedKeys = at("server"), []gossh.PublicKey{key.PublicKey()}
	s, err := conchtest.Start(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := os.WriteFile(at("known_hosts"), []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		return err
	}
	if e.Args, err = p.Demo(at("server"), at("local")); err != nil {
		return err
	}
	e.Server, e.target = s, s.Addr.String()
	e.options.User, e.options.Identities, e.options.NoAgent = s.User, []string{at("id_ed25519")}, true
	e.options.KnownHosts = []string{at("known_hosts")}
	fmt.Fprintf(e.Out, "a server in this process, at %s\n", s.Addr)
	return p.run(e)
}
