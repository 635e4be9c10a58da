package client_test

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

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestConnect_CancelLate cancels in the last hooks before success: C-CLIENT-12.
// The log stays empty.
func TestConnect_CancelLate(t *testing.T) {
	for name, set := range map[string]func(a *attempt, cancel func()){
		"ServiceStarted":                       func(a *attempt, cancel func()) { a.conn.Started = cancel },
		"ServiceStopped of the authentication": func(a *attempt, cancel func()) { a.auth.stopped = cancel },
		"Progress": func(a *attempt, cancel func()) {
			a.to.Options.Progress = func(p client.Phase, _ string) {
				if p == client.PhaseAuthentication {
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
			cancel := a.conn.Started
			a.conn.Started = func() {
				if started++; cancel != nil {
					cancel()
				}
			}
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				d = a.connect(r)
				return d
			}); !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
			sshtest.OnLoop(t, r, func() {
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

// TestConnect_PanicInAuth: a panic in the first or last hook of the
// authentication fails the attempt, even if the attempt is already over.
func TestConnect_PanicInAuth(t *testing.T) {
	panics := func() { panic(os.ErrProcessDone) }
	for name, row := range map[string]struct {
		set   func(r *reactor.Reactor, a *attempt, cancel func())
		phase client.Phase // empty if the attempt is cancelled
	}{
		"begin": {func(_ *reactor.Reactor, a *attempt, _ func()) { a.auth.started = panics }, client.PhaseAuthentication},
		"end":   {func(_ *reactor.Reactor, a *attempt, _ func()) { a.auth.stopped = panics }, client.PhaseService},
		"cancelled": {func(r *reactor.Reactor, a *attempt, cancel func()) {
			a.auth.stopped = panics
			a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				r.CallLater(0, cancel)
				return never[gossh.PublicKey]()
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			a := newAttempt(t)
			var d deferred.Deferred[struct{}]
			row.set(r, a, func() { d.Cancel() })
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				d = a.connect(r)
				return d
			})
			failed, ok := errors.AsType[*client.ConnectError](err)
			switch {
			case row.phase == "" && !errors.Is(err, deferred.ErrCancelled):
				t.Errorf("got %v", err)
			case row.phase != "" && (!ok || failed.Phase != row.phase || !errors.Is(err, os.ErrProcessDone)):
				t.Errorf("got %v", err)
			}
		})
	}
}

// resetConn is a net.Conn that returns ECONNRESET instead of io.EOF.
type resetConn struct{ net.Conn }

func (c resetConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

// TestConnect_Reset: the connection is reset while the user is asked. The error
// wraps ErrConnectionLost and ECONNRESET: C-CLIENT-9.
func TestConnect_Reset(t *testing.T) {
	r := sshtest.Start(t)
	a := newAttempt(t)
	a.to = a.to.Through(func(c net.Conn) net.Conn { return resetConn{c} })
	a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
		a.server.CloseConnections()
		return never[gossh.PublicKey]()
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
	if !errors.Is(err, conch.ErrConnectionLost) || !errors.Is(err, syscall.ECONNRESET) || strings.Count(err.Error(), "connection lost") != 1 {
		t.Errorf("got %v", err)
	}
}

// TestConnect_DisconnectedWhileAsking: the server disconnects while the user is
// asked. The question is cancelled, and the error contains the server's
// message: C-CLIENT-7.
func TestConnect_DisconnectedWhileAsking(t *testing.T) {
	r := sshtest.Start(t)
	asked := make(chan struct{})
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.PublicKeyCallback, c.MaxAuthTries = nil, nil, 1
		c.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			go func() { _, _ = ask("", "", []string{"one?"}, []bool{true}) }() // ends when the connection is closed
			<-asked
			return nil, io.EOF
		}
	}})
	cancelled := false
	ui := &sshtest.ScriptedUI{Line: func(string, bool) deferred.Deferred[string] {
		close(asked)
		return deferred.New(func(deferred.Deferred[string]) { cancelled = true })
	}}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return to.WithoutKeys(t, ui).Connect(r, &sshtest.PlainConnection{})
	})
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != 2 || !strings.Contains(e.Value, "too many authentication failures") {
		t.Errorf("got %v", err)
	}
	sshtest.OnLoop(t, r, func() {
		if !cancelled {
			t.Error("the question is still there")
		}
	})
}

// TestConnect_Stopped: if the reactor stops in any phase, the error does not
// blame the server.
func TestConnect_Stopped(t *testing.T) {
	for name, set := range map[string]func(r *reactor.Reactor, a *attempt){
		"dial": func(r *reactor.Reactor, a *attempt) {
			a.to.Options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				r.Stop()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
		"key exchange": func(r *reactor.Reactor, a *attempt) {
			a.to.Options.Progress = func(p client.Phase, _ string) {
				if p == client.PhaseBanner {
					r.Stop()
				}
			}
		},
		"host key": func(r *reactor.Reactor, a *attempt) {
			a.verify = func(*client.SSHClientTransport, string, gossh.PublicKey, string) deferred.Deferred[bool] {
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
			failed, ok := errors.AsType[*client.ConnectError](got)
			if !ok || !errors.Is(got, conch.ErrConnectionLost) || !errors.Is(got, conch.ErrClosedLocally) {
				t.Errorf("got %v", got)
			} else if name != "key exchange" && failed.Phase != client.Phase(name) {
				t.Errorf("phase %q", failed.Phase)
			}
		})
	}
}

// TestConnect_AtExit: an attempt that starts while the reactor stops fails, and
// does not delay the end of the reactor.
func TestConnect_AtExit(t *testing.T) {
	reactortest.CheckGoroutines(t)
	a := newAttempt(t)
	r := reactor.New(reactor.Options{ShutdownTimeout: sshtest.Patience})
	// Through dials without the reactor, which refuses to dial while it stops.
	a.to = a.to.Through(func(c net.Conn) net.Conn { return c })
	var got error
	a.conn.Started = func() { r.Stop() }
	a.conn.Stopped = func() {
		a.to.Connect(r, &sshtest.PlainConnection{}).AddErrback(func(err error) (struct{}, error) {
			got = err
			return struct{}{}, nil
		})
	}
	r.CallWhenRunning(func() { a.connect(r) })
	if err := r.Run(); err != nil || !errors.Is(got, conch.ErrClosedLocally) {
		t.Errorf("got %v; the reactor ended with %v", got, err)
	}
}

// TestConnect_SameConnection: of two attempts with one connection object, one
// is refused: C-CONN-4.
func TestConnect_SameConnection(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := &sshtest.PlainConnection{}
	results, err := sshtest.Await(t, r, func() deferred.Deferred[[]deferred.Outcome[struct{}]] {
		both := []deferred.Deferred[struct{}]{to.Connect(r, conn), to.Connect(r, conn)}
		return deferred.List(both, deferred.ConsumeErrors)
	})
	if err != nil || (results[0].Err == nil) == (results[1].Err == nil) {
		t.Errorf("got %v, %v", results, err)
	}
}

// TestAuth_InteractiveAttempts: the limit applies to attempts with
// keyboard-interactive, not to questions within an attempt: C-AUTH-38.
func TestAuth_InteractiveAttempts(t *testing.T) {
	r := sshtest.Start(t)
	attempts := 0
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.PublicKeyCallback = nil, nil
		c.KeyboardInteractiveCallback = func(who gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			permissions, err := askAll([][]string{{"one?"}, {"two?"}, {"three?"}})(who, ask)
			if attempts++; attempts < 3 {
				err = io.EOF
			}
			return permissions, err
		}
	}})
	ui := &sshtest.ScriptedUI{Line: echoing}
	sshtest.Connect(t, r, to.WithoutKeys(t, ui))
	sshtest.OnLoop(t, r, func() {
		if len(ui.Asked) != 9 {
			t.Errorf("asked %q", ui.Asked)
		}
	})
}

// TestAuth_InteractiveEndless: the client gives up if the server never stops
// asking: C-AUTH-15.
func TestAuth_InteractiveEndless(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: askingServer(slices.Repeat([][]string{{}}, 1000))})
	ui := &sshtest.ScriptedUI{Line: echoing}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return to.WithoutKeys(t, ui).Connect(r, &sshtest.PlainConnection{})
	})
	if err == nil || !strings.Contains(err.Error(), "asked more than 64 times") {
		t.Errorf("got %v", err)
	}
}

// TestAuth_AnswerCount: a hook that returns the wrong number of answers is not
// called again, and the error says so: C-AUTH-15.
func TestAuth_AnswerCount(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?"}})})
	a := &hookedAuth{DefaultAuthClient: *client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})}
	times := 0
	a.answers = func() deferred.Deferred[[]string] {
		times++
		return deferred.Succeed([]string{"one", "two"})
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, a)
	})
	if err == nil || !strings.Contains(err.Error(), "2 answers to 1 questions") {
		t.Errorf("got %v", err)
	}
	sshtest.OnLoop(t, r, func() {
		if times != 1 {
			t.Errorf("asked %d times", times)
		}
	})
}

// TestJump_DialTimeout: DialTimeout limits the connection from the jump host
// on. It does not limit the login to the jump host, which may ask the user. The
// connection to the jump host is closed after the failure.
func TestJump_DialTimeout(t *testing.T) {
	r := sshtest.Start(t)
	logins := make(chan gossh.Conn, 1)
	_, jump := sshtest.Embedded(t, conchtest.Options{Forwarding: true, Connected: func(c gossh.Conn) { logins <- c }})
	_, to := sshtest.Embedded(t, conchtest.Options{})
	to.Options.Jump, to.Options.DialTimeout = jump.Client(), 1
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if _, ok := errors.AsType[*client.JumpError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	select {
	case c := <-logins:
		_ = c.Wait() // returns when the client has closed the connection
	case <-time.After(sshtest.Patience):
		t.Error("nobody has logged in to the jump host")
	}
}
