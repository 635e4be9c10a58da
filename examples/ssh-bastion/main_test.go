package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

func TestBastion(t *testing.T) {
	inside := func() string {
		return sshdemotest.Serve(t, &server.Server{
			Passwords: map[string]string{"me": "secret"},
			Handle:    func(context.Context, *server.Command) int { return 0 },
		}, reactortest.NewLog(t))
	}
	listed, other := inside(), inside()
	key, err := conchtest.NewKeyFile(filepath.Join(t.TempDir(), "id"))
	if err != nil {
		t.Fatal(err)
	}
	bastion := sshdemotest.Serve(t, newServer(string(gossh.MarshalAuthorizedKey(key.PublicKey())), []string{listed}), reactortest.NewLog(t))
	for addr, reachable := range map[string]bool{listed: true, other: false} {
		target := target(t, "me", addr)
		target.Options.Password = "secret"
		target.Options.Jump = targetWithKey(t, bastion, key)
		_, err := target.Run(t.Context(), "true", nil)
		if (err == nil) != reachable {
			t.Errorf("listed %v: %v", reachable, err)
		}
	}
	if out, err := targetWithKey(t, bastion, key).Run(t.Context(), "ls", nil); err == nil {
		t.Errorf("a command ran: %s", out.Stdout)
	} else if !strings.Contains(err.Error(), "status 1") {
		t.Error(err)
	}
}

func targetWithKey(t *testing.T, addr string, key gossh.Signer) *client.Target {
	to := target(t, "user", addr)
	to.Options.Signers = []gossh.Signer{key}
	return to
}

func target(t *testing.T, user, addr string) *client.Target {
	t.Helper()
	to, err := client.ParseTarget(user + "@" + addr)
	if err != nil {
		t.Fatal(err)
	}
	to.Verify = client.AcceptAnyHostKey
	return to
}
