package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

// stopper stops the reactor when it has received the text "line".
type stopper struct {
	r    *reactor.Reactor
	seen strings.Builder
}

func (s *stopper) Write(p []byte) (int, error) {
	s.seen.Write(p)
	if strings.Contains(s.seen.String(), "line") {
		_ = s.r.Stop() // an error means that Stop was called before
	}
	return len(p), nil
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var asked string
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewServer(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}, Exec: func(command string, ch gossh.Channel) uint32 {
		asked = command
		_, _ = ch.Write([]byte("line\n"))
		_, _ = ch.Read(make([]byte, 1)) // blocks until the connection ends
		return 0
	}})
	known := filepath.Join(dir, "known")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port := s.HostPort()
	target := &client.Target{User: s.User, Host: host, Port: port, Options: client.Options{
		NoAgent: true, Identities: []string{filepath.Join(dir, "id")}, KnownHosts: []string{known},
	}}
	out := &stopper{r: reactor.New(reactor.Options{})}
	code := task.Main(out.r, func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, "it's", out)
	}, nil, os.Stderr)
	if code != 0 || out.seen.String() != "line\n" || asked != `tail -f -- 'it'\''s'` {
		t.Errorf("got %q for %q, exit code %d", out.seen.String(), asked, code)
	}
}
