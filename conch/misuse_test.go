package conch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
)

// TestConnect_Misuse: wrong arguments fail at once, and the error says which
// argument is missing.
func TestConnect_Misuse(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true})
	options := client.Options{}
	auth := func() *client.SSHUserAuthClient {
		return client.NewSSHUserAuthClient("user", &sshtest.PlainConnection{})
	}
	for name, d := range map[string]deferred.Deferred[struct{}]{
		"needs a host":               client.Connect(r, "", 22, options, nil, auth()),
		"needs an SSHUserAuthClient": client.Connect(r, "host", 22, options, nil, nil),
		"with a User":                client.Connect(r, "host", 22, options, nil, client.NewSSHUserAuthClient("", &sshtest.PlainConnection{})),
	} {
		if err := deferredtest.FailureResultOf(t, d); !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want one with %q", err, name)
		}
	}
	for _, target := range []string{"", "me@", "[me@host]:22", "a host", "host:none"} {
		if err := deferredtest.FailureResultOf(t, sftp.Open(r, target, sftp.OpenOptions{})); !strings.Contains(err.Error(), "use user@host:port") {
			t.Errorf("target %q: got %v", target, err)
		}
	}
}

// TestOpenChannel_NoName: a channel must have a Name method.
func TestOpenChannel_NoName(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		defer func() {
			if text := fmt.Sprint(recover()); !strings.Contains(text, "without a Name") {
				t.Errorf("got %q", text)
			}
		}()
		conn.OpenChannel(&struct{ conch.SSHChannel }{})
	})
}
