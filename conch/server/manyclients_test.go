//go:build unix

package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// echoRealm gives each user shells that echo, and commands that say what they
// are.
type echoRealm struct{}

func (echoRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	u := &server.ConchUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(u, func() server.Session {
		return &echoSession{server.HandlerSession{Handle: func(_ context.Context, c *server.Command) int {
			_, _ = io.Copy(io.Discard, c.Stdin) // until its end
			fmt.Fprint(c.Stdout, "ran ", c.Line)
			return 0
		}}}
	})}
	return deferred.Succeed[server.Avatar](u)
}

type echoSession struct{ server.HandlerSession }

func (s *echoSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	p.ConnectProtocol(new(echoProtocol))
	return deferred.Succeed(struct{}{})
}

type echoProtocol struct{ reactor.BaseProtocol }

func (e *echoProtocol) DataReceived(p []byte) { e.Transport().Write(p) }

// serveEchoes starts a server of ours.
func serveEchoes(tb testing.TB, host gossh.Signer) (*reactor.Reactor, *server.SSHFactory, string) {
	r := reactortest.Start(tb, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	f := &server.SSHFactory{
		PrivateKeys: []gossh.Signer{host}, Portal: cred.NewPortal(echoRealm{}, cred.InMemory(map[string]string{"u": "secret"})),
		MaxStartups: server.MaxStartups{Start: 5000, Rate: 100, Full: 5000},
	}
	port, err := reactor.Await(tb.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r, f, port.GetHost().String()
}

// serveCrypto starts a server of x/crypto/ssh that does the same. subsystem, if
// not nil, serves a subsystem.
func serveCrypto(tb testing.TB, host gossh.Signer, subsystem func(gossh.Channel)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	config := &gossh.ServerConfig{PasswordCallback: func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) { return nil, nil }}
	config.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
	config.AddHostKey(host)
	var work sync.WaitGroup
	tb.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	work.Go(func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { // ends with the connection
				_, channels, requests, err := gossh.NewServerConn(c, config)
				if err != nil {
					return
				}
				go gossh.DiscardRequests(requests) // ends with the connection
				for one := range channels {
					ch, requests, err := one.Accept()
					if err == nil {
						go cryptoSession(ch, requests, subsystem) // ends with the channel
					}
				}
			})
		}
	})
	return l.Addr().String()
}

func cryptoSession(ch gossh.Channel, requests <-chan *gossh.Request, subsystem func(gossh.Channel)) {
	for req := range requests {
		_ = req.Reply(true, nil)
		work := map[string]func(){
			"shell":     func() { _, _ = io.Copy(ch, ch) },
			"exec":      func() { fmt.Fprint(ch, "ran ", string(req.Payload[4:])) },
			"subsystem": func() { subsystem(ch) },
		}[req.Type]
		if work != nil {
			go func() { // ends with the channel
				work()
				_, _ = ch.SendRequest("exit-status", false, make([]byte, 4))
				ch.Close()
			}()
		}
	}
}

// clientAddress and clientCount make TestManyClientsChild the client of another
// process.
const (
	clientAddress = "HAWSER_TEST_SERVER"
	clientCount   = "HAWSER_TEST_CLIENTS"
)

// TestManyClientsChild opens connections with a session each. It says "ready",
// and then obeys the lines of its input: "run" runs a command on each connection,
// and the end closes them.
func TestManyClientsChild(t *testing.T) {
	addr := os.Getenv(clientAddress)
	if addr == "" {
		return // it is no child
	}
	n, err := strconv.Atoi(os.Getenv(clientCount))
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*gossh.Client, n)
	each := func(f func(i int) error) {
		var work sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range n {
			slots <- struct{}{}
			work.Go(func() {
				defer func() { <-slots }()
				if err := f(i); err != nil {
					fmt.Println("connection", i, err)
					os.Exit(1)
				}
			})
		}
		work.Wait()
	}
	config := &gossh.ClientConfig{User: "u", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
	each(func(i int) (err error) {
		if conns[i], err = gossh.Dial("tcp", addr, config); err != nil {
			return err
		}
		s, err := conns[i].NewSession()
		if err != nil {
			return err
		}
		in, err1 := s.StdinPipe()
		out, err2 := s.StdoutPipe()
		if err := errors.Join(err1, err2, s.Shell()); err != nil {
			return err
		}
		if _, err := io.WriteString(in, "hello"); err != nil {
			return err
		}
		back := make([]byte, 5)
		if _, err := io.ReadFull(out, back); err != nil || string(back) != "hello" {
			return fmt.Errorf("%q, %v", back, err)
		}
		return nil
	})
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); fmt.Println("ready") {
		each(func(i int) error {
			s, err := conns[i].NewSession()
			if err != nil {
				return err
			}
			line := fmt.Sprint("command ", i)
			out, err := s.Output(line)
			if err != nil || string(out) != "ran "+line {
				return fmt.Errorf("%q, %v", out, err)
			}
			return nil
		})
	}
	each(func(i int) error { return conns[i].Close() })
}

// manyClients are clients in another process.
type manyClients struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startClients starts n clients, and waits until each has a session.
func startClients(tb testing.TB, addr string, n int) *manyClients {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := &manyClients{tb: tb, cmd: exec.CommandContext(tb.Context(), self, "-test.run=^TestManyClientsChild$")}
	c.cmd.Env = append(os.Environ(), clientAddress+"="+addr, clientCount+"="+strconv.Itoa(n))
	in, err1 := c.cmd.StdinPipe()
	out, err2 := c.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, c.cmd.Start()); err != nil {
		tb.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	c.ready()
	return c
}

func (c *manyClients) ready() {
	c.tb.Helper()
	if line, err := c.out.ReadString('\n'); line != "ready\n" {
		c.tb.Fatalf("a client says %q, %v", line, err)
	}
}

// run runs a command on each connection.
func (c *manyClients) run() {
	c.tb.Helper()
	if _, err := io.WriteString(c.in, "run\n"); err != nil {
		c.tb.Fatal(err)
	}
	c.ready()
}

// end closes the connections.
func (c *manyClients) end() {
	c.tb.Helper()
	c.in.Close()
	rest, err := io.ReadAll(c.out)
	if err := errors.Join(err, c.cmd.Wait()); err != nil || !strings.Contains(string(rest), "PASS") {
		c.tb.Errorf("%v: %s", err, rest)
	}
}

// memoryInUse returns the bytes of the heap and of the stacks in use.
func memoryInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first may leave objects with finalizers
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestManyConnections: one reactor serves many clients with an idle session each,
// runs a command for each, and forgets them.
func TestManyConnections(t *testing.T) {
	n := 100
	if os.Getenv("HAWSER_LONG") != "" {
		n = 1000
	}
	reactortest.CheckGoroutines(t)
	r, f, addr := serveEchoes(t, newKey(t))
	before := memoryInUse()
	clients := startClients(t, addr, n)
	idle := memoryInUse()
	clients.run()
	after := memoryInUse()
	clients.end()
	waitForNone(t, r, f)
	each := func(bytes uint64) uint64 { return (bytes - min(bytes, before)) / uint64(n) >> 10 }
	t.Logf("%d connections, KiB of each: %d with an idle session, %d after a command, %d after the end", n, each(idle), each(after), each(memoryInUse()))
	if each(after) > 2*each(idle)+10 {
		t.Errorf("%d KiB for each connection after a command, %d KiB before", each(after), each(idle))
	}
	if each(memoryInUse()) > each(idle)/2 {
		t.Errorf("%d KiB for each connection are left after its end", each(memoryInUse()))
	}
}

// waitForNone waits until the server has no connection.
func waitForNone(t *testing.T, r *reactor.Reactor, f *server.SSHFactory) {
	t.Helper()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		d := deferred.New[struct{}]()
		var look func()
		look = func() {
			if f.Connections() == 0 {
				d.Callback(struct{}{})
				return
			}
			r.CallLater(time.Millisecond, look)
		}
		look()
		return d
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkIdle is the memory of a connection with an idle session, and its
// goroutines. The clients are in another process.
func BenchmarkIdle(b *testing.B) {
	const n = 300
	host := newKey(b)
	for _, name := range []string{"hawser", "crypto"} {
		b.Run(fmt.Sprintf("connections=%d/server=%s", n, name), func(b *testing.B) {
			addr := ""
			if name == "hawser" {
				_, _, addr = serveEchoes(b, host)
			} else {
				addr = serveCrypto(b, host, nil)
			}
			for b.Loop() {
				before, goroutines := memoryInUse(), runtime.NumGoroutine()
				clients := startClients(b, addr, n)
				b.ReportMetric(float64(memoryInUse()-before)/n, "B/conn")
				b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/n, "goroutines/conn")
				clients.end()
			}
		})
	}
}
