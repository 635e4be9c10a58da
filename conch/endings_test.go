package conch_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestConnect_CancelLate cancels in the last hooks before success: C-CLIENT-12. Nothing is said about it in the log.
func TestConnect_CancelLate(t *testing.T) {
	for name, set := range map[string]func(a *attempt, cancel func()){
		"ServiceStarted":                       func(a *attempt, cancel func()) { a.conn.started = cancel },
		"ServiceStopped of the authentication": func(a *attempt, cancel func()) { a.auth.stopped = cancel },
		"Progress": func(a *attempt, cancel func()) {
			a.to.options.Progress = func(p conch.Phase, _ string) {
				if p == conch.PhaseAuthentication {
					cancel()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			log := reactortest.NewLog(t)
			r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
			a := newAttempt(t)
			var d deferred.Deferred[struct{}]
			started := 0
			set(a, func() { d.Cancel() })
			cancel := a.conn.started
			a.conn.started = func() {
				if started++; cancel != nil {
					cancel()
				}
			}
			if _, err := await(t, r, func() deferred.Deferred[struct{}] {
				d = a.connect(r)
				return d
			}); !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
			onLoop(t, r, func() {
				if (name == "ServiceStarted") != (started == 1) {
					t.Errorf("the service was started %d times", started)
				}
			})
			if panics := log.Take("anic"); len(panics) > 0 {
				t.Errorf("logged %.200q", panics)
			}
		})
	}
}

// TestConnect_PanicInAuth: a panic in a hook at the beginning or the end of authentication fails the attempt, also if that is over anyway.
func TestConnect_PanicInAuth(t *testing.T) {
	panics := func() { panic(os.ErrProcessDone) }
	for name, row := range map[string]struct {
		set   func(r *reactor.Reactor, a *attempt, cancel func())
		phase conch.Phase // empty for an attempt that is cancelled
	}{
		"begin": {func(_ *reactor.Reactor, a *attempt, _ func()) { a.auth.started = panics }, conch.PhaseAuthentication},
		"end":   {func(_ *reactor.Reactor, a *attempt, _ func()) { a.auth.stopped = panics }, conch.PhaseService},
		"cancelled": {func(r *reactor.Reactor, a *attempt, cancel func()) {
			a.auth.stopped = panics
			a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				r.CallLater(0, cancel)
				return never[gossh.PublicKey]()
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			a := newAttempt(t)
			var d deferred.Deferred[struct{}]
			row.set(r, a, func() { d.Cancel() })
			_, err := await(t, r, func() deferred.Deferred[struct{}] {
				d = a.connect(r)
				return d
			})
			failed, ok := errors.AsType[*conch.ConnectError](err)
			switch {
			case row.phase == "" && !errors.Is(err, deferred.ErrCancelled):
				t.Errorf("got %v", err)
			case row.phase != "" && (!ok || failed.Phase != row.phase || !errors.Is(err, os.ErrProcessDone)):
				t.Errorf("got %v", err)
			}
		})
	}
}

// resetConn is a net.Conn whose end looks like that of a connection that the peer has reset.
type resetConn struct{ net.Conn }

func (c resetConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

// TestConnect_Reset: a connection that is reset while the user is asked is lost, and why is kept: C-CLIENT-9.
func TestConnect_Reset(t *testing.T) {
	r := start(t)
	a := newAttempt(t)
	a.to = a.to.through(func(c net.Conn) net.Conn { return resetConn{c} })
	a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
		a.server.CloseConnections()
		return never[gossh.PublicKey]()
	}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
	if !errors.Is(err, conch.ErrConnectionLost) || !errors.Is(err, syscall.ECONNRESET) || strings.Count(err.Error(), "connection lost") != 1 {
		t.Errorf("got %v", err)
	}
}

// TestConnect_DisconnectedWhileAsking: a server that disconnects while the user is asked takes the question back, and what it says is the failure:
// C-CLIENT-7.
func TestConnect_DisconnectedWhileAsking(t *testing.T) {
	r := start(t)
	asked := make(chan struct{})
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.PublicKeyCallback, c.MaxAuthTries = nil, nil, 1
		c.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			go func() { _, _ = ask("", "", []string{"one?"}, []bool{true}) }() // ends with the connection
			<-asked
			return nil, io.EOF
		}
	}})
	cancelled := false
	ui := &scriptedUI{line: func(string, bool) deferred.Deferred[string] {
		close(asked)
		return deferred.New(func(deferred.Deferred[string]) { cancelled = true })
	}}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.withoutKeys(t, ui).connect(r, &plainConnection{}) })
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != 2 || !strings.Contains(e.Value, "too many authentication failures") {
		t.Errorf("got %v", err)
	}
	onLoop(t, r, func() {
		if !cancelled {
			t.Error("the question is still there")
		}
	})
}

// TestConnect_Stopped: the end of the reactor, in any phase, is no fault of the server's.
func TestConnect_Stopped(t *testing.T) {
	for name, set := range map[string]func(r *reactor.Reactor, a *attempt){
		"dial": func(r *reactor.Reactor, a *attempt) {
			a.to.options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				r.Stop()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
		"key exchange": func(r *reactor.Reactor, a *attempt) {
			a.to.options.Progress = func(p conch.Phase, _ string) {
				if p == conch.PhaseBanner {
					r.Stop()
				}
			}
		},
		"host key": func(r *reactor.Reactor, a *attempt) {
			a.verify = func(*conch.SSHClientTransport, string, gossh.PublicKey, string) deferred.Deferred[bool] {
				r.Stop()
				return never[bool]()
			}
		},
		"authentication": func(r *reactor.Reactor, a *attempt) {
			a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				r.Stop()
				return never[gossh.PublicKey]()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			a := newAttempt(t)
			r := reactor.New(reactor.Options{})
			set(r, a)
			var got error
			r.CallWhenRunning(func() {
				a.connect(r).AddErrback(func(err error) (struct{}, error) {
					got = err
					return struct{}{}, nil
				})
			})
			if err := r.Run(); err != nil {
				t.Error(err)
			}
			failed, ok := errors.AsType[*conch.ConnectError](got)
			if !ok || !errors.Is(got, conch.ErrConnectionLost) || !errors.Is(got, conch.ErrClosedLocally) {
				t.Errorf("got %v", got)
			} else if name != "key exchange" && failed.Phase != conch.Phase(name) {
				t.Errorf("phase %q", failed.Phase)
			}
		})
	}
}

// TestConnect_AtExit: an attempt that is made while the reactor ends fails, and does not hold up the end.
func TestConnect_AtExit(t *testing.T) {
	reactortest.CheckGoroutines(t)
	a := newAttempt(t)
	r := reactor.New(reactor.Options{ShutdownTimeout: patience})
	a.to = a.to.through(func(c net.Conn) net.Conn { return c }) // dialled without the reactor, which refuses to by then
	var got error
	a.conn.started = func() { r.Stop() }
	a.conn.stopped = func() {
		a.to.connect(r, &plainConnection{}).AddErrback(func(err error) (struct{}, error) {
			got = err
			return struct{}{}, nil
		})
	}
	r.CallWhenRunning(func() { a.connect(r) })
	if err := r.Run(); err != nil || !errors.Is(got, conch.ErrClosedLocally) {
		t.Errorf("got %v; the reactor ended with %v", got, err)
	}
}

// TestConnect_SameConnection: of two attempts with one connection object one is refused: C-CONN-4.
func TestConnect_SameConnection(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{})
	conn := &plainConnection{}
	results, err := await(t, r, func() deferred.Deferred[[]deferred.Outcome[struct{}]] {
		both := []deferred.Deferred[struct{}]{to.connect(r, conn), to.connect(r, conn)}
		return deferred.List(both, deferred.ConsumeErrors)
	})
	if err != nil || (results[0].Err == nil) == (results[1].Err == nil) {
		t.Errorf("got %v, %v", results, err)
	}
}

// TestAuth_InteractiveAttempts: what counts is how often keyboard-interactive is tried, not how often the server asks in it: C-AUTH-38.
func TestAuth_InteractiveAttempts(t *testing.T) {
	r := start(t)
	attempts := 0
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.PublicKeyCallback = nil, nil
		c.KeyboardInteractiveCallback = func(who gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			permissions, err := askAll([][]string{{"one?"}, {"two?"}, {"three?"}})(who, ask)
			if attempts++; attempts < 3 {
				err = io.EOF
			}
			return permissions, err
		}
	}})
	ui := &scriptedUI{line: echoing}
	connect(t, r, to.withoutKeys(t, ui))
	onLoop(t, r, func() {
		if len(ui.asked) != 9 {
			t.Errorf("asked %q", ui.asked)
		}
	})
}

// TestAuth_InteractiveEndless: a server that asks without end is given up: C-AUTH-15.
func TestAuth_InteractiveEndless(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: askingServer(slices.Repeat([][]string{{}}, 1000))})
	ui := &scriptedUI{line: echoing}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.withoutKeys(t, ui).connect(r, &plainConnection{}) })
	if err == nil || !strings.Contains(err.Error(), "asked more than 64 times") {
		t.Errorf("got %v", err)
	}
}

// TestAuth_AnswerCount: a hook with the wrong number of answers is not asked again, and the failure says so: C-AUTH-15.
func TestAuth_AnswerCount(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?"}})})
	a := &hookedAuth{SSHUserAuthClient: *conch.NewSSHUserAuthClient(to.user, to.options, &plainConnection{})}
	times := 0
	a.answers = func() deferred.Deferred[[]string] {
		times++
		return deferred.Succeed([]string{"one", "two"})
	}
	_, err := await(t, r, func() deferred.Deferred[struct{}] {
		return conch.Connect(r, to.host, to.port, to.options, conch.VerifyHostKey, a)
	})
	if err == nil || !strings.Contains(err.Error(), "2 answers to 1 questions") {
		t.Errorf("got %v", err)
	}
	onLoop(t, r, func() {
		if times != 1 {
			t.Errorf("asked %d times", times)
		}
	})
}

// TestChannel_RefusedText: what a server says stands in one line of bounded length.
func TestChannel_RefusedText(t *testing.T) {
	r := start(t)
	conn, server := peered(t, r)
	onLoop(t, r, func() {
		conn.getChannel = func(string, []byte) (conch.Channel, error) {
			return nil, &conch.ConchError{Value: "no\r\n\x1b[31m" + strings.Repeat("!", 100<<10), Data: conch.OpenResourceShortage}
		}
	})
	_, _, err := server.OpenChannel("x", nil)
	refused, ok := errors.AsType[*gossh.OpenChannelError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if text := conch.OpenRefusal(refused).Error(); !strings.HasPrefix(text, "conch: channel refused: no? ?[31m!") || len(text) > 600 {
		t.Errorf("%d bytes: %.60q", len(text), text)
	}
}

// TestJump_DialTimeout: DialTimeout bounds the way from the jump host on, and not the login there, which may ask the user. That is closed afterwards.
func TestJump_DialTimeout(t *testing.T) {
	r := start(t)
	logins := make(chan gossh.Conn, 1)
	_, jump := embedded(t, conchtest.Options{Forwarding: true, Connected: func(c gossh.Conn) { logins <- c }})
	_, to := embedded(t, conchtest.Options{})
	to.options.Jump, to.options.DialTimeout = jump.target(), 1
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
	if _, ok := errors.AsType[*conch.JumpError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	select {
	case c := <-logins:
		_ = c.Wait() // until the client has closed it
	case <-time.After(patience):
		t.Error("nobody has logged in to the jump host")
	}
}

// TestForwarder_CloseTwice: whoever closes a forwarder is told when it is over.
func TestForwarder_CloseTwice(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Forwarding: true})
	conn := connect(t, r, to)
	f := forward(t, r, func() deferred.Deferred[*conch.Forwarder] {
		return conch.ForwardLocal(conn, "tcp", "127.0.0.1:0", "tcp", "127.0.0.1:1")
	})
	if _, err := await(t, r, func() deferred.Deferred[[]struct{}] {
		return deferred.Gather([]deferred.Deferred[struct{}]{f.Close(), f.Close()})
	}); err != nil {
		t.Error(err)
	}
}

// faultyListener is a net.Listener that fails before it accepts.
type faultyListener struct {
	net.Listener
	faults int // only Accept uses it
}

func (l *faultyListener) Accept() (net.Conn, error) {
	if l.faults > 0 {
		l.faults--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestForwarder_AcceptFails: a forwarder goes on when the process had no file descriptor left for a connection.
func TestForwarder_AcceptFails(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{})
	conn := connect(t, r, to)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var f *conch.Forwarder
	onLoop(t, r, func() {
		f = conch.NewForwarder(conn, &faultyListener{l, 1}, func(_ context.Context, c net.Conn) {
			_, _ = io.WriteString(c, "served") // the comparison shows what is missing
		})
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); string(text) != "served" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := await(t, r, f.Close); err != nil {
		t.Error(err)
	}
}

// TestListen_Cancel: a server that grants the listening after it was cancelled is asked not to.
func TestListen_Cancel(t *testing.T) {
	r := start(t)
	asked := make(chan *gossh.Request, 2)
	_, to := embedded(t, conchtest.Options{Global: func(_ gossh.Conn, req *gossh.Request) bool {
		asked <- req
		return true
	}})
	conn := connect(t, r, to)
	var d deferred.Deferred[*conch.RemoteListener]
	onLoop(t, r, func() { d = conn.Listen("tcp", "127.0.0.1:4000") })
	for _, want := range []string{"tcpip-forward", "cancel-tcpip-forward"} {
		select {
		case req := <-asked:
			onLoop(t, r, func() { d.Cancel() })
			if req.Type != want {
				t.Errorf("asked for %s, want %s", req.Type, want)
			}
			_ = req.Reply(true, nil) // a lost connection fails the test elsewhere
		case <-time.After(patience):
			t.Fatalf("never asked for %s", want)
		}
	}
	if _, err := await(t, r, func() deferred.Deferred[*conch.RemoteListener] { return d }); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// TestListen_Early: a connection that the server passes on before its reply has been seen is not lost.
func TestListen_Early(t *testing.T) {
	r := start(t)
	opened := make(chan error, 1)
	_, to := embedded(t, conchtest.Options{Global: func(server gossh.Conn, req *gossh.Request) bool {
		if req.Type != "tcpip-forward" {
			return false
		}
		go func() { // ends with the client's answer
			at := conch.HostPort{Host: "127.0.0.1", Port: 4000}
			ch, requests, err := server.OpenChannel("forwarded-tcpip", conch.PackOpenDirectTCPIP(at, at))
			if err == nil {
				go gossh.DiscardRequests(requests) // ends with the channel
				err = ch.Close()
			}
			opened <- err
		}()
		go func() { // ends with the client's answer
			_, _, _ = server.SendRequest("seen?", true, nil) // the channel has come by then, as a rule
			_ = req.Reply(true, nil)                         // a lost connection fails the test elsewhere
		}()
		return true
	}})
	conn := connect(t, r, to)
	l, err := await(t, r, func() deferred.Deferred[*conch.RemoteListener] { return conn.Listen("tcp", "127.0.0.1:4000") })
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-opened:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the channel was never answered")
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
