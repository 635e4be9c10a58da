package main

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

// through runs the command behind the jump host. It returns the exit code, the
// output of the command, and the messages of the program.
func through(jump, host *client.Target) (code int, output, says string) {
	var out, problem strings.Builder
	code = task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, jump, host, "command", &out)
	}, nil, &problem)
	return code, out.String(), problem.String()
}

// TestThrough runs a command behind a jump host, and behind a jump host that
// refuses to forward.
func TestThrough(t *testing.T) {
	host := sshdemotest.Server(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		_, _ = ch.Write([]byte(command + "!"))
		return 3
	}})
	code, out, says := through(sshdemotest.Server(t, conchtest.Options{Forwarding: true}), host)
	if code == 0 || out != "command!" || !strings.Contains(says, "status 3") {
		t.Errorf("exit code %d, %q, %q", code, out, says)
	}
	if code, _, says := through(sshdemotest.Server(t, conchtest.Options{}), host); code == 0 || !strings.Contains(says, "jump host") {
		t.Errorf("got through a host that forwards nothing: %d, %q", code, says)
	}
}
