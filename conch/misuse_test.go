package conch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
)

// TestConnect_Misuse: what cannot be tried fails at once, with an error that says what is missing.
func TestConnect_Misuse(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true})
	options := conch.ClientOptions{}
	auth := func() *conch.SSHUserAuthClient {
		return conch.NewSSHUserAuthClient("user", options, &plainConnection{})
	}
	for name, d := range map[string]deferred.Deferred[struct{}]{
		"needs a host":               conch.Connect(r, "", 22, options, nil, auth()),
		"needs an SSHUserAuthClient": conch.Connect(r, "host", 22, options, nil, nil),
		"with a User":                conch.Connect(r, "host", 22, options, nil, conch.NewSSHUserAuthClient("", options, &plainConnection{})),
	} {
		if err := deferredtest.FailureResultOf(t, d); !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want one with %q", err, name)
		}
	}
	for _, target := range []string{"", "me@", "[me@host]:22", "a host", "host:none"} {
		if err := deferredtest.FailureResultOf(t, conch.OpenSFTP(r, target, conch.SFTPOptions{})); !strings.Contains(err.Error(), "want user@host:port") {
			t.Errorf("target %q: got %v", target, err)
		}
	}
}

// TestOpenChannel_NoName: a channel whose Name was forgotten is a mistake in the program.
func TestOpenChannel_NoName(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{})
	conn := connect(t, r, to)
	onLoop(t, r, func() {
		defer func() {
			if text := fmt.Sprint(recover()); !strings.Contains(text, "without a Name") {
				t.Errorf("got %q", text)
			}
		}()
		conn.OpenChannel(&struct{ conch.SSHChannel }{})
	})
}
