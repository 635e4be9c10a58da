//go:build unix

package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

const agentRequest = "auth-agent-req@openssh.com"

// forwarding returns a session that runs programs, which may use the agent.
func forwarding() server.Session {
	return &server.ProgramSession{Shell: "/bin/sh", Dir: "/", AgentForwarding: true}
}

// clientWithAgent logs in with a client that has a key in its agent.
func (b *bed) clientWithAgent(t *testing.T) (c *gossh.Client, key gossh.PublicKey) {
	t.Helper()
	c = b.alice(t)
	file, signer := sshtest.AgentKey(t)
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
	if err := xagent.ForwardToAgent(c, ring); err != nil {
		t.Fatal(err)
	}
	return c, signer.PublicKey()
}

// askForAgent opens a session and asks for the agent.
func askForAgent(t *testing.T, c *gossh.Client) (s *gossh.Session, granted bool) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	granted, err = s.SendRequest(agentRequest, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, granted
}

// useAgent lists the keys of the agent at a socket, and signs with the first.
func useAgent(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	agent := xagent.NewClient(conn)
	keys, err := agent.List()
	if err != nil || len(keys) != 1 {
		return fmt.Errorf("%d keys, %w", len(keys), err)
	}
	signature, err := agent.Sign(keys[0], []byte("data"))
	if err != nil {
		return err
	}
	return keys[0].Verify([]byte("data"), signature)
}

// TestV_SESSION_17_Agent: programs use the agent of the client through a socket
// in a private directory, which is there until the connection ends.
func TestV_SESSION_17_Agent(t *testing.T) {
	b := serveSession(t, forwarding)
	c, _ := b.clientWithAgent(t)
	s, granted := askForAgent(t, c)
	if !granted {
		t.Fatal("the agent was refused")
	}
	out, err := s.Output("echo $SSH_AUTH_SOCK")
	socket := strings.TrimSpace(string(out))
	if err != nil || len(socket) == 0 || len(socket) > 100 {
		t.Fatalf("%q, %v", socket, err)
	}
	dir, err := os.Stat(filepath.Dir(socket))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", dir, err)
	}
	for range 3 {
		if err := useAgent(socket); err != nil { // the session that has asked has ended
			t.Error(err)
		}
	}
	// A second request of the connection is refused. Its session has the agent.
	s, granted = askForAgent(t, c)
	out, err = s.Output("echo $SSH_AUTH_SOCK")
	if granted || strings.TrimSpace(string(out)) != socket || err != nil {
		t.Errorf("again: %v, %q, %v", granted, out, err)
	}
	// What is connected when the client goes ends with it.
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := xagent.NewClient(conn).List(); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection to the agent lives on")
	}
	await(t, "the end of the directory", func() bool {
		_, err := os.Lstat(filepath.Dir(socket))
		return errors.Is(err, os.ErrNotExist)
	})
}

// TestV_SESSION_17_Refused: the agent is not used unless the session and the key
// allow it, and after the program has started.
func TestV_SESSION_17_Refused(t *testing.T) {
	for name, b := range map[string]*bed{
		"the session": serveSession(t, shell),
		"the key":     serveSession(t, forwarding, cred.Restrictions{NoAgentForwarding: true}),
		"a function":  serveSession(t, instant(0)),
	} {
		c, _ := b.clientWithAgent(t)
		if _, granted := askForAgent(t, c); granted {
			t.Errorf("%s has not refused", name)
		}
	}
	s := serveSession(t, forwarding).rawLogin(t, rawVersion).open()
	s.exec("read x; echo \"<$SSH_AUTH_SOCK>\"")
	if got := s.asked(agentRequest, nil); got != "failure" {
		t.Error(got)
	}
	s.write("\n")
	s.wantRest("data <>\n", "exit-status 0", "eof", "close")
}

// TestV_SESSION_17_NoDirectory: a refusal because of an error can be tried again.
func TestV_SESSION_17_NoDirectory(t *testing.T) {
	b := serveSession(t, forwarding)
	c, _ := b.clientWithAgent(t)
	t.Setenv("TMPDIR", "/nonexistent")
	if _, granted := askForAgent(t, c); granted {
		t.Error("granted without a directory")
	}
	t.Setenv("TMPDIR", "/"+strings.Repeat("long", 30)) // too long for a socket
	s, granted := askForAgent(t, c)
	if out, err := s.Output("echo $SSH_AUTH_SOCK"); !granted || !strings.HasPrefix(string(out), "/tmp/") || err != nil {
		t.Errorf("%v, %q, %v", granted, out, err)
	}
}

// TestV_SESSION_17_Cancelled: a client that goes while the socket is made leaves
// no directory.
func TestV_SESSION_17_Cancelled(t *testing.T) {
	temp := sshtest.ShortDir(t)
	t.Setenv("TMPDIR", temp)
	for range 20 {
		b := serveSession(t, forwarding)
		c := b.rawLogin(t, rawVersion)
		s := c.open()
		s.ask(agentRequest, 0, nil)
		s.close()
		c.open() // the request has arrived
		c.conn.Close()
		await(t, "the end of the connection", func() bool {
			n := 0
			b.onLoop(func() { n = b.f.Connections() })
			return n == 0
		})
		await(t, "the end of the directories", func() bool {
			left, err := os.ReadDir(temp)
			return err == nil && len(left) == 0
		})
	}
}

// TestV_SESSION_17_Function: a function signs with the agent of its client.
func TestV_SESSION_17_Function(t *testing.T) {
	b := serveSession(t, func() server.Session {
		return &server.HandlerSession{AgentForwarding: true, Handle: func(ctx context.Context, c *server.Command) int {
			if c.DialAgent == nil {
				return 1
			}
			conn, err := c.DialAgent(ctx)
			if err != nil {
				fmt.Fprint(c.Stderr, err)
				return 2
			}
			defer conn.Close()
			keys, err := xagent.NewClient(conn).List()
			if err != nil || len(keys) != 1 {
				fmt.Fprint(c.Stderr, err)
				return 3
			}
			fmt.Fprint(c.Stdout, gossh.FingerprintSHA256(keys[0]))
			return 0
		}}
	})
	c, key := b.clientWithAgent(t)
	if out, err := runSession(c, "x", false); err == nil {
		t.Errorf("without a request: %q", out)
	}
	s, granted := askForAgent(t, c)
	out, err := s.Output("x")
	if !granted || err != nil || string(out) != gossh.FingerprintSHA256(key) {
		t.Errorf("%v, %q, %v", granted, out, err)
	}
	// A client that has no agent after all.
	none := b.alice(t)
	s, _ = askForAgent(t, none)
	if exit, ok := s.Run("x").(*gossh.ExitError); !ok || exit.ExitStatus() != 2 {
		t.Errorf("without an agent: %v", exit)
	}
}

// agentNoting is a session that keeps the agent for a test.
type agentNoting struct {
	server.ProgramSession
	agent chan *server.ForwardedAgent
}

func (a *agentNoting) AgentRequested(agent *server.ForwardedAgent) deferred.Deferred[struct{}] {
	a.agent <- agent
	return deferred.Succeed(struct{}{})
}

// TestForwardedAgent_Listen: there is one socket.
func TestForwardedAgent_Listen(t *testing.T) {
	agents := make(chan *server.ForwardedAgent, 1)
	b := serveSession(t, func() server.Session { return &agentNoting{agent: agents} })
	c, _ := b.clientWithAgent(t)
	askForAgent(t, c)
	agent := <-agents
	var paths []string
	for range 2 {
		path, err := sshtest.Await(t, b.r, agent.Listen)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if paths[0] != paths[1] {
		t.Errorf("%q", paths)
	}
	if err := useAgent(paths[0]); err != nil {
		t.Error(err)
	}
}
