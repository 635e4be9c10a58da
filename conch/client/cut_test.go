package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// scissors is a net.Conn that ends after a number of received bytes.
type scissors struct {
	net.Conn
	mu   sync.Mutex // guards left
	left int        // bytes until the end
}

func (s *scissors) Read(p []byte) (int, error) {
	s.mu.Lock()
	left := s.left
	s.mu.Unlock()
	if left == 0 {
		s.Conn.Close()
		return 0, io.EOF
	}
	n, err := s.Conn.Read(p[:min(len(p), left)])
	s.mu.Lock()
	s.left -= n
	s.mu.Unlock()
	return n, err
}

// hookedAuth is an authentication whose hooks are functions.
type hookedAuth struct {
	client.DefaultAuthClient
	publicKey func() deferred.Deferred[gossh.PublicKey]
	password  func() deferred.Deferred[string]
	answers   func() deferred.Deferred[[]string]

	started, stopped func() // called after the hooks of DefaultAuthClient
}

func (a *hookedAuth) ServiceStarted() {
	if a.DefaultAuthClient.ServiceStarted(); a.started != nil {
		a.started()
	}
}

func (a *hookedAuth) ServiceStopped() {
	if a.DefaultAuthClient.ServiceStopped(); a.stopped != nil {
		a.stopped()
	}
}

func (a *hookedAuth) GetGenericAnswers(name, instruction string, prompts []client.Prompt) deferred.Deferred[[]string] {
	if a.answers != nil {
		return a.answers()
	}
	return a.DefaultAuthClient.GetGenericAnswers(name, instruction, prompts)
}

func (a *hookedAuth) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	if a.publicKey != nil {
		return a.publicKey()
	}
	return a.DefaultAuthClient.GetPublicKey()
}

func (a *hookedAuth) GetPassword(prompt string) deferred.Deferred[string] {
	if a.password != nil {
		return a.password()
	}
	return a.DefaultAuthClient.GetPassword(prompt)
}

// attempt is a call of Connect. A test may change each of its arguments.
type attempt struct {
	to     sshtest.Target
	verify client.HostKeyVerifier
	auth   *hookedAuth
	conn   *sshtest.PlainConnection
	server *conchtest.Server
}

func newAttempt(t *testing.T) *attempt {
	s, to := sshtest.Embedded(t, conchtest.Options{})
	conn := &sshtest.PlainConnection{}
	return &attempt{
		to: to, verify: client.VerifyHostKey, conn: conn, server: s,
		auth: &hookedAuth{DefaultAuthClient: *client.NewDefaultAuthClient(to.User, conn)},
	}
}

func (a *attempt) connect(r *reactor.Reactor) deferred.Deferred[struct{}] {
	return client.Connect(r, a.to.Host, a.to.Port, a.to.Options, a.verify, a.auth)
}

// fails runs the attempt and checks that it fails once (C-CLIENT-10), in the
// given phase and with the given error.
func (a *attempt) fails(t *testing.T, r *reactor.Reactor, phase client.Phase, want error) {
	t.Helper()
	times := 0
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return a.connect(r).AddErrback(func(err error) (struct{}, error) {
			times++
			return struct{}{}, err
		})
	})
	failed, ok := errors.AsType[*client.ConnectError](err)
	if !ok || failed.Phase != phase || !errors.Is(err, want) {
		t.Errorf("got %v (%T), want a failure of the phase %q with %v", err, err, phase, want)
	}
	sshtest.OnLoop(t, r, func() {
		if times != 1 {
			t.Errorf("failed %d times", times)
		}
	})
}

// silent starts a server that sends greeting and nothing else.
func silent(t *testing.T, greeting string) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { // ends when the listener and its one connection are closed
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, greeting) // an error means that the client has disconnected
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	addr := l.Addr().(*net.TCPAddr)
	return addr.IP.String(), addr.Port
}

func never[T any]() deferred.Deferred[T] { return deferred.New[T]() }

// TestConnect_Cut ends or stalls the connection in each phase: C-CLIENT-4,
// C-CLIENT-9.
func TestConnect_Cut(t *testing.T) {
	const short = 500 * time.Millisecond
	for _, row := range []struct {
		name  string
		set   func(t *testing.T, r *reactor.Reactor, a *attempt)
		phase client.Phase
		want  error
	}{
		{"nobody listens", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			a.to.Port = l.Addr().(*net.TCPAddr).Port
			l.Close()
		}, client.PhaseDial, syscall.ECONNREFUSED},
		{"dialling never ends", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.Timeout = short
			a.to.Options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}, client.PhaseDial, client.ErrTimeout},
		{"cut before the version line", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to = a.to.Through(func(c net.Conn) net.Conn { return &scissors{Conn: c} })
		}, client.PhaseBanner, conch.ErrConnectionLost},
		{"no version line comes", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.Timeout = short
			a.to.Host, a.to.Port = silent(t, "welcome\r\n")
		}, client.PhaseBanner, client.ErrTimeout},
		{"no version line comes within DialTimeout", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.DialTimeout = short
			a.to.Host, a.to.Port = silent(t, "welcome\r\n")
		}, client.PhaseBanner, client.ErrTimeout},
		{"cut after the version line", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to = a.to.Through(func(c net.Conn) net.Conn { return &scissors{Conn: c, left: len("SSH-2.0-Go\r\n")} })
		}, client.PhaseKeyExchange, conch.ErrConnectionLost},
		{"cut inside the key exchange", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to = a.to.Through(func(c net.Conn) net.Conn { return &scissors{Conn: c, left: 400} })
		}, client.PhaseKeyExchange, conch.ErrConnectionLost},
		{"no key exchange comes", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.Timeout = short
			a.to.Host, a.to.Port = silent(t, "SSH-2.0-silent\r\n")
		}, client.PhaseKeyExchange, client.ErrTimeout},
		{"the host key is never judged", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.Timeout = short
			a.verify = func(*client.SSHClientTransport, string, gossh.PublicKey, string) deferred.Deferred[bool] {
				return never[bool]()
			}
		}, client.PhaseHostKey, client.ErrTimeout},
		{"cut while a key is looked for", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.auth.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				a.server.CloseConnections()
				return never[gossh.PublicKey]()
			}
		}, client.PhaseAuthentication, conch.ErrConnectionLost},
		{"no key is ever found", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.to.Options.Timeout = short
			a.auth.publicKey = never[gossh.PublicKey]
		}, client.PhaseAuthentication, client.ErrTimeout},
		{"ServiceStarted panics", func(t *testing.T, r *reactor.Reactor, a *attempt) {
			a.conn.Started = func() { panic(os.ErrProcessDone) }
		}, client.PhaseService, os.ErrProcessDone},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			a := newAttempt(t)
			row.set(t, r, a)
			a.fails(t, r, row.phase, row.want)
		})
	}
}

// TestConnect_Cancel cancels in each phase: C-CLIENT-12.
func TestConnect_Cancel(t *testing.T) {
	for _, phase := range []client.Phase{client.PhaseDial, client.PhaseBanner, client.PhaseKeyExchange, client.PhaseHostKey, client.PhaseAuthentication} {
		t.Run(string(phase), func(t *testing.T) {
			r := sshtest.Start(t)
			a := newAttempt(t)
			var d deferred.Deferred[struct{}]
			a.to.Options.Progress = func(p client.Phase, _ string) {
				if p == phase {
					d.Cancel()
				}
			}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				d = a.connect(r)
				return d
			})
			if !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestConnectionLost_Waiters: the connection is lost while operations of every
// kind are in flight: C-CONN-2, 22, C-CLIENT-18, C-SFTP-60, PORT-6.
func TestConnectionLost_Waiters(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = io.Copy(io.Discard, ch) // ends when the channel is closed
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	waiting := 2
	all := deferred.New[struct{}]()
	failed := func(what string, d deferred.Deferred[[]byte]) {
		d.AddBoth(func(_ []byte, err error) ([]byte, error) {
			seen.Add("%s: lost=%v closed=%v", what, errors.Is(err, conch.ErrConnectionLost), errors.Is(err, conch.ErrChannelClosed))
			if waiting--; waiting == 0 {
				all.Callback(struct{}{})
			}
			return nil, nil
		})
	}
	channel, late := sshtest.NewChannel(&seen, nil), sshtest.NewChannel(&seen, nil)
	sshtest.OnLoop(t, r, func() { conn.Stopped = func() { seen.Add("ServiceStopped") } })
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		channel.Opened = func(c *sshtest.RecordingChannel) {
			conn.SendRequest(c, "exec", conch.NS("wait"), true).AddCallback(func([]byte) ([]byte, error) {
				s.CloseConnections()
				failed("request", conn.SendRequest(c, "exec", conch.NS("again"), true))
				failed("global request", conn.SendGlobalRequest("keepalive@openssh.com", nil, true))
				conn.OpenChannel(late)
				return nil, nil
			})
		}
		conn.OpenChannel(channel)
		return channel.Done
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return late.Done }); !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("OpenFailed(%v)", err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return all }); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, func() {
		if !errors.Is(channel.CloseReason(), conch.ErrConnectionLost) {
			t.Errorf("close reason %v", channel.CloseReason())
		}
	})
	// Every waiter has failed once. Their order is undefined, except that
	// ServiceStopped comes before Closed.
	want := map[string]int{`ChannelOpen ""`: 1, "request: lost=true closed=true": 1, "global request: lost=true closed=false": 1,
		"OpenFailed": 1, "ServiceStopped": 1, "Closed": 1}
	got := map[string]int{}
	stopped := false
	sshtest.OnLoop(t, r, func() {
		for _, e := range seen {
			got[e]++
			stopped = stopped || e == "ServiceStopped"
			if e == "Closed" && !stopped {
				t.Error("Closed came before ServiceStopped")
			}
		}
	})
	for e, n := range want {
		if got[e] != n {
			t.Errorf("%d × %q, want %d; all: %q", got[e], e, n, seen)
		}
	}
}
