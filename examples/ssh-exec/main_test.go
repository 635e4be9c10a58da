package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/sshconfig"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewServer(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}, Exec: func(string, gossh.Channel) uint32 { return 3 }})
	known := filepath.Join(dir, "known")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := sshconfig.Parse([]byte(fmt.Sprintf("Host it\nHostName 127.0.0.1\nPort %d\nUser %s\nIdentityAgent none\nIdentityFile %s/id\nUserKnownHostsFile %s\n",
		s.Addr.Port, s.User, dir, known)))
	if err != nil {
		t.Fatal(err)
	}
	target, err := config.Target("it")
	if err != nil {
		t.Fatal(err)
	}
	code := task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, "anything")
	}, nil, os.Stderr)
	if code != 3 {
		t.Errorf("exit code %d", code)
	}
}
