package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

// TestRun runs two commands, one of which fails.
func TestRun(t *testing.T) {
	target := sshdemotest.Server(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte(command + "!"))
		return uint32(len(command) - 1)
	}})
	var out strings.Builder
	want := "a: \"a!\" <nil>\nbb: \"bb!\" client: remote command exited with status 1\n"
	code := task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, []string{"a", "bb"}, &out)
	}, nil, os.Stderr)
	if code == 0 || out.String() != want {
		t.Errorf("exit code %d, %q", code, out.String())
	}
}
