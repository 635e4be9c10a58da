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

// login runs the program and returns its exit code and its error message.
func login(target *client.Target, secret string) (code int, says string) {
	var problem strings.Builder
	code = task.Main(reactor.New(reactor.Options{}), func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		return run(r, target, secret)
	}, nil, &problem)
	return code, problem.String()
}

// TestRun logs in with the right password and with a wrong one. The error
// message must not contain the password.
func TestRun(t *testing.T) {
	target := sshdemotest.Server(t, conchtest.Options{Password: "sesame"})
	if code, says := login(target, "sesame"); code != 0 {
		t.Errorf("exit code %d, %q", code, says)
	}
	if code, says := login(target, "mellon"); code == 0 || says == "" || strings.Contains(says, "mellon") {
		t.Errorf("exit code %d, %q", code, says)
	}
}
