package client_test

import (
	"context"
	"errors"
	"net"
	"os/user"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
)

// TestParseTarget checks each form of a target, its text form, and invalid
// targets.
func TestParseTarget(t *testing.T) {
	for name, want := range map[string]string{
		"example.org":                          "example.org:22",
		"you@example.org":                      "you@example.org:22",
		"example.org:2222":                     "example.org:2222",
		"a@b@example.org:2222":                 "a@b@example.org:2222",
		"::1":                                  "[::1]:22",
		"[::1]":                                "[::1]:22",
		"you@[::1]:2222":                       "you@[::1]:2222",
		"ssh://a%20b@example.org":              "a b@example.org:22",
		"ssh://you:secret@[::1]:2222":          "you@[::1]:2222",
		"sftp://you@example.org:2222/ignored/": "you@example.org:2222",
	} {
		if to, err := client.ParseTarget(name); err != nil || to.String() != want {
			t.Errorf("%s: %v, %v, want %s", name, to, err, want)
		}
	}
	for _, name := range []string{"", "@", "me@", "host:0", "host:99999", "host:ssh", "-oProxyCommand=x", "me@-x", "a/b", "a b", "ftp://host", "ssh://"} {
		if to, err := client.ParseTarget(name); err == nil {
			t.Errorf("%q: %v", name, to)
		}
	}
}

// TestTarget_NoUser: the default user is the user who runs the program.
func TestTarget_NoUser(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r := sshtest.Start(t)
	conn := &struct{ conch.SSHConnection }{}
	dialled := errors.New("dialled")
	who := ""
	to := client.Target{Host: "example.org", Options: client.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, dialled }}}
	to.Auth = func(user string, instance conch.Connection) client.UserAuthClient {
		who = user
		return client.NewSSHUserAuthClient(user, instance)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); !errors.Is(err, dialled) || who != me.Username {
		t.Errorf("as %q, %v", who, err)
	}
}
