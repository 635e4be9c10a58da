package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

type handlerRealm struct {
	handle func(ctx context.Context, c *server.Command) int
}

func (h handlerRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	u := &server.ConchUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(u, func() server.Session { return &server.HandlerSession{Handle: h.handle} }),
	}
	return deferred.Succeed[server.Avatar](u)
}

// dial logs in to a new server whose commands are served by handle.
func dial(t *testing.T, handle func(ctx context.Context, c *server.Command) int) *gossh.Client {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{})
	portal := cred.NewPortal(handlerRealm{handle}, cred.InMemory(map[string]string{"alice": "secret"}))
	addr := listen(t, r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{newKey(t)}})
	c, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{User: "alice", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestHandlerSession(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int {
		in, _ := io.ReadAll(c.Stdin)
		fmt.Fprintf(c.Stdout, "%s %s %s %s", c.Login.User, c.Line, c.Env, in)
		fmt.Fprint(c.Stderr, strings.Repeat("e", 1<<20))
		return 7
	})
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	s.Stdin, s.Stderr = strings.NewReader("input"), &stderr
	if err := s.Setenv("A", "b"); err != nil {
		t.Error(err)
	}
	out, err := s.Output("run this")
	if exit, ok := err.(*gossh.ExitError); !ok || exit.ExitStatus() != 7 {
		t.Error(err)
	}
	if string(out) != "alice run this [A=b] input" || stderr.Len() != 1<<20 {
		t.Errorf("%q, %d bytes of stderr", out, stderr.Len())
	}
}

func TestHandlerSession_Panic(t *testing.T) {
	c := dial(t, func(context.Context, *server.Command) int { panic("as planned") })
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if exit, ok := s.Run("x").(*gossh.ExitError); !ok || exit.ExitStatus() != 255 {
		t.Error(exit)
	}
}

func TestHandlerSession_ClientGoes(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, func(ctx context.Context, c *server.Command) int {
		<-ctx.Done()
		_, err := c.Stdout.Write(make([]byte, 10<<20))
		ended <- err
		return 0
	})
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("x"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-ended; err == nil {
		t.Error("a write succeeded")
	}
}

func TestV_LIMITS_20_MaxSessions(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int { return 0 })
	for i := range server.DefaultMaxSessions {
		if _, err := c.NewSession(); err != nil {
			t.Fatal(i, err)
		}
	}
	_, err := c.NewSession()
	if refused, ok := err.(*gossh.OpenChannelError); !ok || refused.Reason != gossh.ConnectionFailed {
		t.Error(err)
	}
}

func TestV_FORWARD_11_NoMoreSessions(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int { return 0 })
	if _, _, err := c.SendRequest("no-more-sessions@openssh.com", true, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.NewSession(); err == nil {
		t.Error("a session was opened")
	}
}
