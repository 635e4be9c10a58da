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

// TestForwardAgent_OpenSSH: programs on a real server see the keys of the agent here and sign with them, at the same time too: C-KEYS-24.
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

// TestForwardAgent_Off: nobody asks the server for it, and a server that tries is refused, with a line in the log.
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

// forwarding connects to an embedded server, with an agent at the socket forwarded, and returns the server's end of the connection. What sessions
// ask for is noted.
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
	go gossh.DiscardRequests(requests) // ends with the channel
	return ch
}

// TestForwardAgent_Asks: commands and shells ask, first of all and without wanting an answer; subsystems do not.
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
			for err == nil { // until the channel is closed
				_, err = ch.SendRequest("still there?", true, nil)
			}
		})
	}
}

// TestForwardAgent_NoAgent: with no agent at all the server's channel is closed.
func TestForwardAgent_NoAgent(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	r := sshtest.Start(t)
	_, server, _ := forwarding(t, r, "")
	if got, err := io.ReadAll(openAgent(t, server)); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestForwardAgent_Flood: a server that floods an agent which does not read is held back by its window, and the end of the connection ends all.
func TestForwardAgent_Flood(t *testing.T) {
	r := sshtest.Start(t)
	ended := make(chan struct{})
	socket := sshtest.AgentSocket(t, func(c net.Conn) {
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
	sshtest.OnLoop(t, r, conn.LoseConnection)
	<-over
	close(ended)
}

// TestForwardAgent_TooMany: more than MaxAgentChannels at the same time are refused; one that ends makes room.
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
	_, _ = io.ReadAll(open[0])                     // until its end
	for err = errors.New("not yet"); err != nil; { // until the end of the first has come round
		if _, _, err = server.OpenChannel("auth-agent@openssh.com", nil); err != nil && !strings.Contains(fmt.Sprint(err), "too many") {
			t.Fatal(err)
		}
	}
}

// TestForwardAgent_Authenticates: the same agent logs in, by the path of the options, with ~ for the home directory: C-AUTH-31.
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
