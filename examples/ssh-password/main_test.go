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
)

// login returns the exit code of the program, and its message.
func login(target *client.Target, secret string) (code int, says string) {
	var problem strings.Builder
	code = task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, secret)
	}, nil, &problem)
	return code, problem.String()
}

// TestRun logs in with the right secret, and with a wrong one, which no error shows.
func TestRun(t *testing.T) {
	target := sshdemotest.Server(t, conchtest.Options{Password: "sesame"})
	if code, says := login(target, "sesame"); code != 0 {
		t.Errorf("exit code %d, %q", code, says)
	}
	if code, says := login(target, "mellon"); code == 0 || says == "" || strings.Contains(says, "mellon") {
		t.Errorf("exit code %d, %q", code, says)
	}
}
