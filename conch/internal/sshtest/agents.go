package sshtest

import (
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// AgentKey writes a new key pair to a file and its .pub file, for an agent.
func AgentKey(t *testing.T) (file string, key gossh.Signer) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "forwarded")
	key, err := conchtest.NewKeyFile(file)
	if err == nil {
		err = os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(key.PublicKey()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file, key
}

// Agents has a function for each kind of agent. The function starts an agent
// that has the key of the file, until the test ends. It returns the path of the
// agent's socket.
var Agents = map[string]func(t *testing.T, r *reactor.Reactor, file string) string{
	"x/crypto": func(t *testing.T, _ *reactor.Reactor, file string) string {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		private, err := gossh.ParseRawPrivateKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		ring := xagent.NewKeyring()
		if err := ring.Add(xagent.AddedKey{PrivateKey: private}); err != nil {
			t.Fatal(err)
		}
		return AgentSocket(t, func(c net.Conn) { _ = xagent.ServeAgent(ring, c) }) // io.EOF
	},
	"hawser": func(t *testing.T, r *reactor.Reactor, file string) string {
		key, err := keys.FromFile(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		ring := agent.NewKeyring()
		if err := ring.AddIdentity(key, agent.AddOptions{Comment: "forwarded"}); err != nil {
			t.Fatal(err)
		}
		socket := filepath.Join(ShortDir(t), "a")
		if _, err := Await(t, r, func() deferred.Deferred[struct{}] {
			factory := reactor.ForProtocol(func() reactor.Protocol { return agent.NewSSHAgentServer(r, ring) })
			if _, err := r.ListenUNIX(socket, factory, reactor.UNIXOptions{Mode: 0o600}); err != nil {
				return deferred.Fail[struct{}](err)
			}
			return deferred.Succeed(deferred.Void{})
		}); err != nil {
			t.Fatal(err)
		}
		return socket
	},
	"ssh-agent": func(t *testing.T, _ *reactor.Reactor, file string) string {
		socket := filepath.Join(ShortDir(t), "a")
		if _, err := osexec.LookPath("ssh-agent"); err != nil {
			conchtest.MissingPeer(t, "ssh-agent of OpenSSH")
		}
		cmd := osexec.Command("ssh-agent", "-D", "-a", socket)
		out := ServerProcess(t, cmd)
		t.Cleanup(func() { _ = cmd.Process.Kill() })         // before ServerProcess waits for it
		if _, err := out.Read(make([]byte, 1)); err != nil { // it prints its environment when it listens
			t.Fatal(err)
		}
		add := osexec.Command("ssh-add", "-q", file)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v, %s", err, out)
		}
		return socket
	},
}

// AgentSocket listens on a UNIX socket, and calls serve with each connection on
// a goroutine of its own. The test waits for all of them. It returns the path
// of the socket.
func AgentSocket(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	socket := filepath.Join(ShortDir(t), "a")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { // ends with the connection
				serve(c)
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	return socket
}
