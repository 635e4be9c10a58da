package server_test

import (
	"bufio"
	"crypto/ed25519"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"encoding/pem"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/forward"
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
	u.Forwarding = forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll}
	return deferred.Succeed[server.Avatar](u)
}

func TestOpenSSHClient(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	_, raw, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(raw, "")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	portal := cred.NewPortal(shellRealm{}, cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"alice": {{Key: signer.PublicKey()}}}))
	addr := listen(t, r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{newKey(t)}})
	port := addr[strings.LastIndex(addr, ":")+1:]
	sshArgs := func(args ...string) []string {
		return append([]string{"-F", "none", "-i", key, "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "alice@127.0.0.1"}, args...)
	}
	run := func(args ...string) (string, int) {
		c := exec.Command("ssh", sshArgs(args...)...)
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
	tty := exec.Command("ssh", sshArgs("-tt", "stty -a | grep -o 'rows [0-9]*'; test -t 0 && test -t 1 && echo terminal; exit 4")...)
	tty.Stdin = strings.NewReader("")
	shown, _ := tty.CombinedOutput()
	if string(shown) != "rows 0\r\nterminal\r\n" || tty.ProcessState.ExitCode() != 4 {
		t.Errorf("%d %q", tty.ProcessState.ExitCode(), shown)
	}
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	c := exec.Command("ssh", sshArgs("-W", echo.Addr().String())...)
	c.Stdin = strings.NewReader("through and back")
	out, err := c.CombinedOutput()
	if string(out) != "through and back" || err != nil {
		t.Errorf("%v %q", err, out)
	}
	// -R: the server listens, the client connects to echo.
	c = exec.Command("ssh", sshArgs("-N", "-v", "-R", "0:"+echo.Addr().String())...)
	stderr, _ := c.StderrPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "Allocated port "); ok {
			port, _, _ := strings.Cut(rest, " ")
			n, err := net.Dial("tcp", "localhost:"+port)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(n, "remote")
			n.(*net.TCPConn).CloseWrite()
			back, err := io.ReadAll(n)
			if string(back) != "remote" || err != nil {
				t.Errorf("%q %v", back, err)
			}
			return
		}
	}
	t.Error("no port was allocated")
}
