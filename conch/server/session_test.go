package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"encoding/pem"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

type shellRealm struct{}

func (shellRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	u := &server.ConchUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(u, func() server.Session { return &server.ProgramSession{} }),
	}
	return deferred.Succeed[server.Avatar](u)
}

func TestOpenSSHClient(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	raw := rawKey(t)
	signer, _ := gossh.NewSignerFromKey(raw)
	block, err := gossh.MarshalPrivateKey(raw, "")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	portal := cred.NewPortal(shellRealm{}, keyDB{"alice": signer.PublicKey()})
	addr := listen(t, r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{newKey(t)}})
	port := addr[strings.LastIndex(addr, ":")+1:]
	run := func(args ...string) (string, int) {
		c := exec.Command("ssh", append([]string{"-F", "none", "-i", key, "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "alice@127.0.0.1"}, args...)...)
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		command string
		out     string
		code    int
	}{
		{"echo hi; exit 3", "hi\n", 3},
		{"echo err >&2", "err\n", 0},
		{"kill -9 $$", "", 255},
		{"head -c 100000 /dev/zero | tr '\\0' x", strings.Repeat("x", 100000), 0},
		{"cat", "", 0},
		{"sleep 1 & exit 3", "", 3},
		{"env | grep SSH_CL | sed 's/=.*//'", "SSH_CLIENT\n", 0},
	} {
		if out, code := run(c.command); out != c.out || code != c.code {
			t.Errorf("%s: %d, %.100q", c.command, code, out)
		}
	}
}
