package conch_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// agentSocket listens on a UNIX socket and has each connection served, until the test ends.
func agentSocket(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	socket := filepath.Join(shortDir(t), "a")
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

// agentKey makes a key pair in files for an agent to have.
func agentKey(t *testing.T) (file string, key gossh.Signer) {
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

// agents are agents that hold the key of a file; each is given the reactor that it may use and answers with its socket.
var agents = map[string]func(t *testing.T, r *reactor.Reactor, file string) string{
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
		return agentSocket(t, func(c net.Conn) { _ = xagent.ServeAgent(ring, c) }) // the end of the connection
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
		socket := filepath.Join(shortDir(t), "a")
		if _, err := await(t, r, func() deferred.Deferred[struct{}] {
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
		socket := filepath.Join(shortDir(t), "a")
		if _, err := osexec.LookPath("ssh-agent"); err != nil {
			conchtest.MissingPeer(t, "ssh-agent of OpenSSH")
		}
		cmd := osexec.Command("ssh-agent", "-D", "-a", socket)
		out := serverProcess(t, cmd)
		t.Cleanup(func() { _ = cmd.Process.Kill() })         // before it is waited for
		if _, err := out.Read(make([]byte, 1)); err != nil { // it tells the environment when it listens
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

// TestForwardAgent_OpenSSH: programs on a real server see the keys of the agent here and sign with them, at the same time too: C-KEYS-24.
func TestForwardAgent_OpenSSH(t *testing.T) {
	for name, begin := range agents {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			file, key := agentKey(t)
			_, to := openssh(t)
			to.options.ForwardAgent, to.options.AgentSocket = true, begin(t, r, file)
			conn := connect(t, r, to)
			out, err := await(t, r, func() deferred.Deferred[conch.Output] { return conch.Exec(conn, "ssh-add -L", nil) })
			if err != nil || !strings.Contains(string(out.Stdout), strings.Fields(string(gossh.MarshalAuthorizedKey(key.PublicKey())))[1]) {
				t.Errorf("the server sees %q, %v", out.Stdout, err)
			}
			signed, err := await(t, r, func() deferred.Deferred[[]conch.Output] {
				var all []deferred.Deferred[conch.Output]
				for range 4 {
					all = append(all, conch.Exec(conn, "ssh-add -T "+file+".pub", nil))
				}
				return deferred.Gather(all)
			})
			if err != nil || len(signed) != 4 {
				t.Errorf("signing: %v", err)
			}
			onLoop(t, r, conn.LoseConnection)
		})
	}
}

// TestForwardAgent_Off: nobody asks the server for it, and a server that tries is refused, with a line in the log.
func TestForwardAgent_Off(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	t.Setenv("SSH_AUTH_SOCK", agentSocket(t, func(net.Conn) { t.Error("the agent was used") }))
	_, to := openssh(t)
	conn := connect(t, r, to)
	out, err := await(t, r, func() deferred.Deferred[conch.Output] { return conch.Exec(conn, `echo "$SSH_AUTH_SOCK"`, nil) })
	if err != nil || string(out.Stdout) != "\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	onLoop(t, r, conn.LoseConnection)

	_, server := peered(t, r)
	_, _, err = server.OpenChannel("auth-agent@openssh.com", nil)
	if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || e.Reason != gossh.Prohibited {
		t.Errorf("got %v", err)
	}
	if len(log.Take("Server wants to use the agent")) != 1 {
		t.Errorf("logged %q", log.Records())
	}
}

// forwarding connects to an embedded server, with an agent at the socket forwarded, and returns the server's end of the connection. What sessions
// ask for is noted.
func forwarding(t *testing.T, r *reactor.Reactor, socket string) (*plainConnection, gossh.Conn, *requestLog) {
	t.Helper()
	conns := make(chan gossh.Conn, 1)
	log := &requestLog{want: -1}
	_, to := embedded(t, conchtest.Options{Session: log.grant, Connected: func(c gossh.Conn) { conns <- c }})
	to.options.ForwardAgent, to.options.ForwardAgentSocket = true, socket
	conn := connect(t, r, to)
	return conn, <-conns, log
}

func openAgent(t *testing.T, server gossh.Conn) gossh.Channel {
	t.Helper()
	ch, requests, err := server.OpenChannel("auth-agent@openssh.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	return ch
}

// TestForwardAgent_Asks: commands and shells ask, first of all and without wanting an answer; subsystems do not.
func TestForwardAgent_Asks(t *testing.T) {
	r := start(t)
	conn, _, log := forwarding(t, r, "/nowhere")
	for _, command := range []conch.Command{{Line: "x", Env: [][2]string{{"A", "B"}}}, {Line: "sftp", Subsystem: true}} {
		s := conch.NewClientSession(command)
		if _, err := await(t, r, func() deferred.Deferred[struct{}] {
			conn.OpenChannel(s)
			return s.Started()
		}); err != nil {
			t.Fatal(err)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	want := fmt.Sprintf("auth-agent-req@openssh.com false |env false %x|exec true %x|subsystem true %x",
		conch.PackRequestEnv("A", "B"), conch.NS("x"), conch.NS("sftp"))
	if got := strings.Join(log.seen, "|"); got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

// TestForwardAgent_Ends: an agent that is not there, one that dies in the middle of a request, one that has said its last word, and a server that
// has asked its last question: the channel ends each time, and all that was said has arrived.
func TestForwardAgent_Ends(t *testing.T) {
	for _, row := range []struct {
		name, want string
		agent      func(net.Conn)
		ask        func(gossh.Channel)
	}{
		{"not there", "", nil, func(gossh.Channel) {}},
		{"dies in the middle", "", func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 3)) }, func(ch gossh.Channel) {
			_, _ = ch.Write([]byte("question")) // the channel may be gone
		}},
		{"last word", "answer", func(c net.Conn) { _, _ = io.WriteString(c, "answer") }, func(gossh.Channel) {}},
		{"last question", "question", func(c net.Conn) { _, _ = io.Copy(c, c) }, func(ch gossh.Channel) {
			_, _ = ch.Write([]byte("question"))
			_ = ch.CloseWrite()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t)
			socket := "/nowhere"
			if row.agent != nil {
				socket = agentSocket(t, row.agent)
			}
			_, server, _ := forwarding(t, r, socket)
			ch := openAgent(t, server)
			row.ask(ch)
			got, err := io.ReadAll(ch)
			if string(got) != row.want || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			for err == nil { // until the channel is closed
				_, err = ch.SendRequest("still there?", true, nil)
			}
		})
	}
}

// TestForwardAgent_NoAgent: with no agent at all the server's channel is closed.
func TestForwardAgent_NoAgent(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	r := start(t)
	_, server, _ := forwarding(t, r, "")
	if got, err := io.ReadAll(openAgent(t, server)); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestForwardAgent_Flood: a server that floods an agent which does not read is held back by its window, and the end of the connection ends all.
func TestForwardAgent_Flood(t *testing.T) {
	r := start(t)
	ended := make(chan struct{})
	socket := agentSocket(t, func(c net.Conn) {
		<-ended
		_, _ = io.Copy(io.Discard, c) // until it is closed
	})
	conn, server, _ := forwarding(t, r, socket)
	ch := openAgent(t, server)
	var written atomic.Int64
	stuck, over := make(chan struct{}), make(chan struct{})
	go func() { // ends with the connection
		defer close(over)
		chunk := make([]byte, 32<<10)
		for err := error(nil); err == nil; _, err = ch.Write(chunk) {
			if written.Add(int64(len(chunk))) == 2<<20 { // the window of x/crypto/ssh
				close(stuck)
			}
		}
	}()
	<-stuck
	for range 100 { // time for the flood to go on
		if _, _, err := server.SendRequest("ping", true, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := written.Load(); n > 4<<20 {
		t.Errorf("the server could send %d bytes", n)
	}
	onLoop(t, r, conn.LoseConnection)
	<-over
	close(ended)
}

// TestForwardAgent_TooMany: more than MaxAgentChannels at the same time are refused; one that ends makes room.
func TestForwardAgent_TooMany(t *testing.T) {
	r := start(t)
	socket := agentSocket(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	_, server, _ := forwarding(t, r, socket)
	var open []gossh.Channel
	for range conch.MaxAgentChannels {
		open = append(open, openAgent(t, server))
	}
	_, _, err := server.OpenChannel("auth-agent@openssh.com", nil)
	if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || e.Reason != gossh.ResourceShortage {
		t.Errorf("got %v", err)
	}
	_ = open[0].CloseWrite()
	_, _ = io.ReadAll(open[0])                     // until its end
	for err = errors.New("not yet"); err != nil; { // until the end of the first has come round
		if _, _, err = server.OpenChannel("auth-agent@openssh.com", nil); err != nil && !strings.Contains(fmt.Sprint(err), "too many") {
			t.Fatal(err)
		}
	}
}

// TestForwardAgent_Authenticates: the same agent logs in, by the path of the options, with ~ for the home directory: C-AUTH-31.
func TestForwardAgent_Authenticates(t *testing.T) {
	r := start(t)
	file, key := agentKey(t)
	socket := agents["x/crypto"](t, r, file)
	t.Setenv("HOME", filepath.Dir(socket))
	_, to := embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}})
	to.options.Identities, to.options.NoAgent = []string{filepath.Join(t.TempDir(), "none")}, false
	to.options.AgentSocket = "~/" + filepath.Base(socket)
	conn := connect(t, r, to)
	onLoop(t, r, conn.LoseConnection)
}
