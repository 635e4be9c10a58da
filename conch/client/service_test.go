package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// keptConnection is the connection of a service.
type keptConnection struct {
	conch.SSHConnection
	number int // counts the connections of the service
}

// service returns a service, and the numbers of failures that its retry policy
// was called with.
func service(t *testing.T, r *reactor.Reactor, to sshtest.Target) (s *client.Service[*keptConnection], failures *[]int) {
	t.Helper()
	made := 0
	failures = new([]int)
	return client.NewService(r, to.Client(), func() *keptConnection {
		made++
		return &keptConnection{number: made}
	}, func(n int) time.Duration {
		*failures = append(*failures, n)
		return 0
	}), failures
}

// TestF74_Service: a service reconnects after the server was stopped and
// started again. It counts and logs the failures meanwhile. StopService ends
// it.
func TestF74_Service(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	server, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	down := false // used on the loop only
	refused := errors.New("the server is down")
	to.Options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		isDown, err := reactor.Await(ctx, r, func() deferred.Deferred[bool] { return deferred.Succeed(down) })
		if isDown || err != nil {
			return nil, errors.Join(refused, err)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	s, failures := service(t, r, to)
	sshtest.OnLoop(t, r, func() { _ = s.StartService() })
	first, err := sshtest.Await(t, r, func() deferred.Deferred[*keptConnection] { return s.WhenConnected(1) })
	if err != nil || first.number != 1 {
		t.Fatalf("got %+v, %v", first, err)
	}
	if out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(first, "cat", []byte("x")) }); err != nil || string(out.Stdout) != "x" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	_, err = sshtest.Await(t, r, func() deferred.Deferred[*keptConnection] {
		down = true
		d := deferred.ThenBothDeferred(first.Transport().WhenClosed(), func(struct{}, error) deferred.Deferred[*keptConnection] {
			return s.WhenConnected(3)
		})
		server.CloseConnections()
		return d
	})
	if failed, ok := errors.AsType[*client.ConnectError](err); !ok || failed.Phase != client.PhaseDial || !errors.Is(err, refused) {
		t.Errorf("while the server is down: %v", err)
	}
	second, err := sshtest.Await(t, r, func() deferred.Deferred[*keptConnection] {
		down = false
		return s.WhenConnected(0)
	})
	if err != nil || second.number < 4 {
		t.Fatalf("got %+v, %v", second, err)
	}
	if _, err := sshtest.Await(t, r, s.StopService); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, func() {
		if second.Transport().Lost() == nil {
			t.Error("the connection is open after StopService")
		}
		if n := len(*failures); n < 3 || (*failures)[0] != 1 || (*failures)[2] != 3 {
			t.Errorf("the policy was asked about %v", *failures)
		}
	})
	if len(log.Take("no connection, trying again")) == 0 || len(log.Take("connected again")) == 0 {
		t.Error("the retries were not logged")
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[*keptConnection] { return s.WhenConnected(0) }); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("after StopService: %v", err)
	}
}

// TestF74_ServiceEndsWithReactor: a reactor that stops also stops a service,
// connected or not. There is no further attempt.
func TestF74_ServiceEndsWithReactor(t *testing.T) {
	for _, connected := range []bool{true, false} {
		t.Run(map[bool]string{true: "connected", false: "connecting"}[connected], func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			log := reactortest.NewLog(t)
			r := reactor.New(reactor.Options{NoSignals: true, Logger: log.Logger()})
			_, to := sshtest.Embedded(t, conchtest.Options{})
			s, failures := service(t, r, to)
			var made *keptConnection
			r.CallWhenRunning(func() {
				s.StartService()
				if !connected {
					_ = r.Stop() // an error is impossible: the reactor runs
					return
				}
				s.WhenConnected(1).OnResult(func(c *keptConnection, err error) {
					if made = c; err != nil {
						t.Error(err)
					}
					_ = r.Stop() // an error is impossible: the reactor runs
				})
			})
			if err := r.Run(); err != nil {
				t.Error(err)
			}
			if connected && (made == nil || made.Transport().Lost() == nil) {
				t.Error("the connection was not closed")
			}
			if len(*failures) != 0 || len(log.Take("trying again")) != 0 {
				t.Errorf("tried again: %v", *failures)
			}
		})
	}
}

// TestF74_ServiceRestart: StopService ends an attempt. A service may be started
// again.
func TestF74_ServiceRestart(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	s, _ := service(t, r, to)
	for range 2 {
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			s.StartService()
			return s.StopService() // the attempt has just begun
		}); err != nil {
			t.Error(err)
		}
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[*keptConnection] {
		s.StartService()
		return s.WhenConnected(1)
	}); err != nil {
		t.Error(err)
	}
	if _, err := sshtest.Await(t, r, s.StopService); err != nil {
		t.Error(err)
	}
}

// openFrom and greet show that the interfaces can be used as parameter types.
func openFrom(conn conch.Connection, ch conch.Channel) { conn.OpenChannel(ch) }

func greet(ch conch.Channel) {
	if ch.Conn().Transport() != nil {
		ch.Write([]byte("hello"))
		ch.LoseConnection()
	}
}

// namedConnection is a connection that a channel obtains with Self.
type namedConnection struct {
	conch.SSHConnection
	name string
	said deferred.Deferred[string]
}

func (c *namedConnection) heard(text string) { _ = c.said.TryCallback(c.name + " heard " + text) }

// helloChannel uses its connection as a *namedConnection.
type helloChannel struct{ conch.SSHChannel }

func (c *helloChannel) Name() string { return "session" }

func (c *helloChannel) ChannelOpen([]byte) {
	c.Conn().SendRequest(c, "exec", conch.NS("cat"), true).OnValue(func([]byte) {
		c.Write([]byte("hello"))
		c.LoseWriteConnection()
	})
}

func (c *helloChannel) DataReceived(p []byte) { c.Conn().Self().(*namedConnection).heard(string(p)) }

// TestF71_Self: a channel obtains the program's own connection. Functions
// accept any connection and channel.
func TestF71_Self(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	conn := &namedConnection{name: "mine", said: deferred.New[string]()}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); err != nil {
		t.Fatal(err)
	}
	said, err := sshtest.Await(t, r, func() deferred.Deferred[string] {
		openFrom(conn, &helloChannel{})
		return conn.said
	})
	if said != "mine heard hello" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
	ch := client.NewClientSession(client.Command{Line: "cat"})
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		openFrom(conn, ch)
		ch.Started().OnValue(func(deferred.Void) { greet(ch) })
		return ch.WhenClosed()
	}); err != nil {
		t.Error(err)
	}
}

// TestF76_NilPointers: a connection or channel that embeds a nil pointer panics
// with a text that says what to do instead.
func TestF76_NilPointers(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	says := func(f func()) (text string) {
		defer func() { text, _ = recover().(string) }()
		f()
		return ""
	}
	sshtest.OnLoop(t, r, func() {
		for name, f := range map[string]func(){
			"channel":    func() { conn.OpenChannel(struct{ *conch.SSHChannel }{}) },
			"connection": func() { to.Client().Connect(r, struct{ *conch.SSHConnection }{}) },
		} {
			if text := says(f); !strings.Contains(text, "by value") {
				t.Errorf("%s: %q", name, text)
			}
		}
	})
}
