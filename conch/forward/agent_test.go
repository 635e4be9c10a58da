package forward_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestForwardAgent_OpenSSH: programs on a real server list the keys of the
// local agent and sign with them, also concurrently: C-KEYS-24.
func TestForwardAgent_OpenSSH(t *testing.T) {
	for name, begin := range sshtest.Agents {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			file, key := sshtest.AgentKey(t)
			_, to := sshtest.OpenSSH(t)
			to.Options.ForwardAgent, to.Options.AgentSocket = true, begin(t, r, file)
			conn := sshtest.Connect(t, r, to)
			out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "ssh-add -L", nil) })
			if err != nil || !strings.Contains(string(out.Stdout), strings.Fields(string(gossh.MarshalAuthorizedKey(key.PublicKey())))[1]) {
				t.Errorf("the server sees %q, %v", out.Stdout, err)
			}
			signed, err := sshtest.Await(t, r, func() deferred.Deferred[[]client.Output] {
				var all []deferred.Deferred[client.Output]
				for range 4 {
					all = append(all, client.Exec(conn, "ssh-add -T "+file+".pub", nil))
				}
				return deferred.Gather(all)
			})
			if err != nil || len(signed) != 4 {
				t.Errorf("signing: %v", err)
			}
			sshtest.OnLoop(t, r, conn.LoseConnection)
		})
	}
}

// TestForwardAgent_Off: without ForwardAgent no request is sent. A server that
// opens an agent channel is refused, and the refusal is logged.
func TestForwardAgent_Off(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	t.Setenv("SSH_AUTH_SOCK", sshtest.AgentSocket(t, func(net.Conn) { t.Error("the agent was used") }))
	_, to := sshtest.OpenSSH(t)
	conn := sshtest.Connect(t, r, to)
	out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, `echo "$SSH_AUTH_SOCK"`, nil) })
	if err != nil || string(out.Stdout) != "\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	sshtest.OnLoop(t, r, conn.LoseConnection)

	_, server := sshtest.Peered(t, r)
	_, _, err = server.OpenChannel("auth-agent@openssh.com", nil)
	if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || e.Reason != gossh.Prohibited {
		t.Errorf("got %v", err)
	}
	if len(log.Take("Peer wants to use the agent")) != 1 {
		t.Errorf("logged %q", log.Records())
	}
}

// forwarding connects to an embedded server and forwards the agent at socket.
// It returns our connection, the server's connection, and a log of the
// sessions' requests.
func forwarding(t *testing.T, r *reactor.Reactor, socket string) (*sshtest.PlainConnection, gossh.Conn, *sshtest.RequestLog) {
	t.Helper()
	conns := make(chan gossh.Conn, 1)
	log := &sshtest.RequestLog{Want: -1}
	_, to := sshtest.Embedded(t, conchtest.Options{Session: log.Grant, Connected: func(c gossh.Conn) { conns <- c }})
	to.Options.ForwardAgent, to.Options.ForwardAgentSocket = true, socket
	conn := sshtest.Connect(t, r, to)
	return conn, <-conns, log
}

func openAgent(t *testing.T, server gossh.Conn) gossh.Channel {
	t.Helper()
	ch, requests, err := server.OpenChannel("auth-agent@openssh.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends when the channel is closed
	return ch
}

// TestForwardAgent_Asks: commands and shells request agent forwarding first,
// without a reply. Subsystems do not request it.
func TestForwardAgent_Asks(t *testing.T) {
	r := sshtest.Start(t)
	conn, _, log := forwarding(t, r, "/nowhere")
	for _, command := range []client.Command{{Line: "x", Env: [][2]string{{"A", "B"}}}, {Line: "sftp", Subsystem: true}} {
		s := client.NewClientSession(command)
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			conn.OpenChannel(s)
			return s.Started()
		}); err != nil {
			t.Fatal(err)
		}
	}
	log.Mu.Lock()
	defer log.Mu.Unlock()
	want := fmt.Sprintf("auth-agent-req@openssh.com false |env false %x|exec true %x|subsystem true %x",
		conch.PackRequestEnv("A", "B"), conch.NS("x"), conch.NS("sftp"))
	if got := strings.Join(log.Seen, "|"); got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

// TestForwardAgent_Ends: the agent is missing, ends during a request, or ends
// after its last reply, or the server ends after its last request. The channel
// is always closed, and all data arrives before.
func TestForwardAgent_Ends(t *testing.T) {
	for _, row := range []struct {
		name, want string
		agent      func(net.Conn)
		ask        func(gossh.Channel)
	}{
		{"not there", "", nil, func(gossh.Channel) {}},
		{"dies in the middle", "", func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 3)) }, func(ch gossh.Channel) {
			_, _ = ch.Write([]byte("question")) // an error means that the channel is closed
		}},
		{"last word", "answer", func(c net.Conn) { _, _ = io.WriteString(c, "answer") }, func(gossh.Channel) {}},
		{"last question", "question", func(c net.Conn) { _, _ = io.Copy(c, c) }, func(ch gossh.Channel) {
			_, _ = ch.Write([]byte("question"))
			_ = ch.CloseWrite()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			socket := "/nowhere"
			if row.agent != nil {
				socket = sshtest.AgentSocket(t, row.agent)
			}
			_, server, _ := forwarding(t, r, socket)
			ch := openAgent(t, server)
			row.ask(ch)
			got, err := io.ReadAll(ch)
			if string(got) != row.want || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			for err == nil { // ends when the channel is closed
				_, err = ch.SendRequest("still there?", true, nil)
			}
		})
	}
}

// TestForwardAgent_NoAgent: without an agent the server's channel is closed.
func TestForwardAgent_NoAgent(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	r := sshtest.Start(t)
	_, server, _ := forwarding(t, r, "")
	if got, err := io.ReadAll(openAgent(t, server)); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestForwardAgent_Flood: if an agent does not read, the channel window stops a
// server that floods it. The end of the connection ends all goroutines.
func TestForwardAgent_Flood(t *testing.T) {
	r := sshtest.Start(t)
	ended := make(chan struct{})
	socket := sshtest.AgentSocket(t, func(c net.Conn) {
		<-ended
		_, _ = io.Copy(io.Discard, c) // ends when c is closed
	})
	conn, server, _ := forwarding(t, r, socket)
	ch := openAgent(t, server)
	var written atomic.Int64
	stuck, over := make(chan struct{}), make(chan struct{})
	go func() { // ends when the connection is closed
		defer close(over)
		chunk := make([]byte, 32<<10)
		for err := error(nil); err == nil; _, err = ch.Write(chunk) {
			if written.Add(int64(len(chunk))) == 2<<20 { // window size of x/crypto/ssh
				close(stuck)
			}
		}
	}()
	<-stuck
	for range 100 { // time for further writes
		if _, _, err := server.SendRequest("ping", true, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := written.Load(); n > 4<<20 {
		t.Errorf("the server could send %d bytes", n)
	}
	sshtest.OnLoop(t, r, conn.LoseConnection)
	<-over
	close(ended)
}

// TestForwardAgent_TooMany: at most MaxAgentChannels channels are open at the
// same time. When one is closed, another can be opened.
func TestForwardAgent_TooMany(t *testing.T) {
	r := sshtest.Start(t)
	socket := sshtest.AgentSocket(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	_, server, _ := forwarding(t, r, socket)
	var open []gossh.Channel
	for range forward.MaxAgentChannels {
		open = append(open, openAgent(t, server))
	}
	_, _, err := server.OpenChannel("auth-agent@openssh.com", nil)
	if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || e.Reason != gossh.ResourceShortage {
		t.Errorf("got %v", err)
	}
	_ = open[0].CloseWrite()
	_, _ = io.ReadAll(open[0])                     // reads until the channel is closed
	for err = errors.New("not yet"); err != nil; { // until the client has seen the close
		if _, _, err = server.OpenChannel("auth-agent@openssh.com", nil); err != nil && !strings.Contains(fmt.Sprint(err), "too many") {
			t.Fatal(err)
		}
	}
}

// TestForwardAgent_Authenticates logs in with an agent. The path of its socket
// is in the options, with ~ for the home directory: C-AUTH-31.
func TestForwardAgent_Authenticates(t *testing.T) {
	r := sshtest.Start(t)
	file, key := sshtest.AgentKey(t)
	socket := sshtest.Agents["x/crypto"](t, r, file)
	t.Setenv("HOME", filepath.Dir(socket))
	_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}})
	to.Options.Identities, to.Options.NoAgent = []string{filepath.Join(t.TempDir(), "none")}, false
	to.Options.AgentSocket = "~/" + filepath.Base(socket)
	conn := sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, conn.LoseConnection)
}
