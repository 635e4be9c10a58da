package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
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
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// collector is a protocol that sends data, closes its write side, and collects
// the received data.
type collector struct {
	reactor.BaseProtocol
	send string
	got  bytes.Buffer
	made bool
	lost deferred.Deferred[struct{}] // fails with the reason
}

func newCollector(send string) *collector {
	return &collector{send: send, lost: deferred.New[struct{}]()}
}

func (c *collector) ConnectionMade() {
	c.made = true
	c.Transport().Write([]byte(c.send))
	c.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
}
func (c *collector) DataReceived(p []byte)       { c.got.Write(p) }
func (c *collector) ConnectionLost(reason error) { c.lost.Errback(reason) }

// addressed is a factory that records the address.
type addressed struct {
	reactor.BaseFactory
	p    reactor.Protocol
	addr net.Addr
}

func (f *addressed) BuildProtocol(addr net.Addr) (reactor.Protocol, error) {
	f.addr = addr
	return f.p, nil
}

// runEndpoint connects a collector to the endpoint. It returns the reason that
// ConnectionLost is called with.
func runEndpoint(t *testing.T, r *reactor.Reactor, e *client.SSHCommandClientEndpoint, f *addressed) (lost, err error) {
	t.Helper()
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] { return e.Connect(f) }); err != nil {
		return nil, err
	}
	_, lost = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return f.p.(*collector).lost })
	return lost, nil
}

// TestEndpoint_Ends: data moves in both directions, and ConnectionLost is
// called with the right reason: C-ENDP-1, 2, 4, 5, 7.
func TestEndpoint_Ends(t *testing.T) {
	sshtest.BothServers(t, conchtest.Options{Exec: sshtest.Shell}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		conn := sshtest.Connect(t, r, to)
		for _, row := range []struct {
			command, send, got string
			end                func(err error) bool
		}{
			{"cat", "hello", "hello", func(err error) bool { return errors.Is(err, reactor.ErrConnectionDone) }},
			{"printf x; exit 3", "", "x", func(err error) bool {
				e, ok := errors.AsType[*client.ExitError](err)
				return ok && e.Status == 3
			}},
			{"kill -TERM $$", "", "", func(err error) bool {
				e, ok := errors.AsType[*client.ExitError](err)
				return ok && e.Signal.Name == "TERM"
			}},
		} {
			for what, e := range map[string]*client.SSHCommandClientEndpoint{
				"new": client.NewConnection(r, row.command, to.Client()), "existing": client.ExistingConnection(conn, row.command),
			} {
				c := newCollector(row.send)
				f := &addressed{p: c}
				lost, err := runEndpoint(t, r, e, f)
				if err != nil || !row.end(lost) || c.got.String() != row.got {
					t.Errorf("%s, %s: %v, lost %v, got %q", row.command, what, err, lost, c.got.String())
				}
				if a, ok := f.addr.(client.SSHCommandAddress); !ok || a.Username != to.User || a.Command != row.command {
					t.Errorf("address %v", f.addr)
				}
			}
		}
		if conn.Transport().Lost() != nil {
			t.Error("the existing connection was closed") // C-ENDP-6
		}
	})
}

// TestEndpoint_Failures: C-ENDP-3, and the table of failures in C-ENDP.
func TestEndpoint_Failures(t *testing.T) {
	for _, row := range []struct {
		name string
		set  func(t *testing.T, s *conchtest.Server, o *client.Target)
		want func(err error) bool
	}{
		{"TCP", func(_ *testing.T, _ *conchtest.Server, o *client.Target) { o.Port = 1 },
			func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		{"host key refused", func(t *testing.T, _ *conchtest.Server, o *client.Target) {
			o.Options.KnownHosts, o.Options.UI = []string{t.TempDir() + "/none"}, &sshtest.ScriptedUI{}
		}, func(err error) bool { return err == client.ErrUserRejectedKey }},
		{"refused during authentication", func(t *testing.T, _ *conchtest.Server, o *client.Target) {
			o.Options.Identities, o.Options.UI = []string{t.TempDir() + "/none"}, &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
		}, func(err error) bool {
			return errors.Is(err, client.ErrAuthenticationFailed) && !strings.Contains(err.Error(), "wrong")
		}},
		{"command refused", func(*testing.T, *conchtest.Server, *client.Target) {},
			func(err error) bool {
				e, ok := errors.AsType[*conch.ConchError](err)
				return ok && e.Value == "channel request failed" && errors.Is(e, conch.ErrRequestRefused)
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			s, to := sshtest.Embedded(t, conchtest.Options{})
			o := to.Client()
			row.set(t, s, o)
			c := newCollector("")
			if _, err := runEndpoint(t, r, client.NewConnection(r, "cat", o), &addressed{p: c}); err == nil || !row.want(err) || c.made {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}

// TestEndpoint_Cancel cancels during the dial and while the command is being
// started. The connection is closed.
func TestEndpoint_Cancel(t *testing.T) {
	for name, phase := range map[string]client.Phase{"dial": client.PhaseDial, "service": client.PhaseService} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
			o := to.Client()
			var d deferred.Deferred[reactor.Protocol]
			o.Options.Progress = func(p client.Phase, _ string) {
				if p == phase {
					r.CallLater(0, d.Cancel)
				}
			}
			c := newCollector("")
			_, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] {
				d = client.NewConnection(r, "cat", o).Connect(&addressed{p: c})
				return d
			})
			if !errors.Is(err, deferred.ErrCancelled) || !errors.As(err, new(*reactor.ConnectingCancelledError)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEndpoint_LoseConnection: when the protocol closes its transport, the SSH
// connection is closed too: C-ENDP-8.
func TestEndpoint_LoseConnection(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	c := newCollector("")
	p, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] {
		return client.NewConnection(r, "yes", to.Client()).Connect(&addressed{p: c})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, lost := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		p.(*collector).Transport().LoseConnection()
		return c.lost
	})
	if !errors.Is(lost, reactor.ErrConnectionDone) && !errors.As(lost, new(*client.ExitError)) {
		t.Errorf("lost %v", lost)
	}
}

// TestF34_Dial: a command is a net.Conn with both directions, EOF, exit status,
// stderr, and Close by our side.
func TestF34_Dial(t *testing.T) {
	var e endpoints.StreamClientEndpoint
	sshtest.BothServers(t, conchtest.Options{Exec: sshtest.Shell}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		for _, row := range []struct {
			command, send, got, stderr string
			status                     uint32
		}{
			{"cat", "hello", "hello", "", 0},
			{"printf out; printf err >&2", "", "out", "err", 0},
			{"printf x; exit 3", "", "x", "", 3},
		} {
			var stderr strings.Builder // used on the loop only
			command := client.NewConnection(r, row.command, to.Client())
			command.Stderr = func(p []byte) { stderr.Write(p) }
			e = command
			c, err := sshtest.Await(t, r, e.Dial)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetDeadline(time.Now().Add(sshtest.Patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, row.send); err != nil && row.send != "" {
				t.Error(err)
			}
			_ = c.(interface{ CloseWrite() error }).CloseWrite() // an error means that the command has ended
			got, err := io.ReadAll(c)
			if exit, ok := errors.AsType[*client.ExitError](err); string(got) != row.got || ok != (row.status != 0) || ok && exit.Status != row.status || !ok && err != nil {
				t.Errorf("%s: read %q, %v", row.command, got, err)
			}
			c.Close()
			sshtest.OnLoop(t, r, func() {
				if stderr.String() != row.stderr {
					t.Errorf("%s: stderr %q", row.command, stderr.String())
				}
			})
		}
	})
}

// TestF34_Service: the endpoint works with a ClientService. The service
// restarts the command after it has ended. The factory is started and stopped.
func TestF34_Service(t *testing.T) {
	r := sshtest.Start(t)
	conn := sshtest.Connect(t, r, func() sshtest.Target {
		_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
		return to
	}())
	f := &countingFactory{stopped: deferred.New[struct{}]()}
	var s *endpoints.ClientService
	sshtest.OnLoop(t, r, func() {
		s = endpoints.NewClientService(client.ExistingConnection(conn, "cat"), f, endpoints.ClientServiceOptions{
			Clock: r, Logger: r.Logger(), RetryPolicy: func(int) time.Duration { return 0 },
		})
		s.StartService()
	})
	for range 3 {
		p, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] { return s.WhenConnected(1) })
		if err != nil {
			t.Fatal(err)
		}
		_, lost := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			p.Transport().LoseConnection()
			return p.(*collector).lost
		})
		if !errors.Is(lost, reactor.ErrConnectionDone) {
			t.Errorf("lost %v", lost)
		}
	}
	if _, err := sshtest.Await(t, r, s.StopService); err != nil {
		t.Error(err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return f.stopped }); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, func() {
		if f.starts != f.stops || f.starts == 0 {
			t.Errorf("%d starts, %d stops", f.starts, f.stops)
		}
	})
}

// countingFactory makes collectors and counts its uses.
type countingFactory struct {
	reactor.BaseFactory
	starts, stops int
	stopped       deferred.Deferred[struct{}]
}

func (f *countingFactory) StartFactory() { f.starts++ }
func (f *countingFactory) StopFactory() {
	f.stops++
	_ = f.stopped.TryCallback(struct{}{})
}
func (f *countingFactory) BuildProtocol(net.Addr) (reactor.Protocol, error) {
	return newCollector(""), nil
}

// TestF34_ConnectionMadePanics: after a panic in ConnectionMade the Deferred
// fails with the panic, and ConnectionLost is called with the panic.
func TestF34_ConnectionMadePanics(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	p := &panicking{lost: deferred.New[struct{}]()}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] {
		return client.NewConnection(r, "cat", to.Client()).Connect(reactor.ForProtocol(func() reactor.Protocol { return p }))
	})
	if !errors.As(err, new(*deferred.PanicError)) {
		t.Errorf("got %v", err)
	}
	if _, lost := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return p.lost }); !errors.As(lost, new(*deferred.PanicError)) {
		t.Errorf("lost %v", lost)
	}
}

type panicking struct {
	reactor.BaseProtocol
	lost deferred.Deferred[struct{}]
}

func (p *panicking) ConnectionMade()             { panic("no") }
func (p *panicking) ConnectionLost(reason error) { p.lost.Errback(reason) }

// TestF12_Stderr: a command that writes much to stderr does not fill the log.
func TestF12_Stderr(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = ch.Stderr().Write(bytes.Repeat([]byte("\x1bnoise "), 1<<16)) // a lost connection shows in the check below
		return 0
	}})
	c := newCollector("")
	if lost, err := runEndpoint(t, r, client.NewConnection(r, "noise", to.Client()), &addressed{p: c}); err != nil || !errors.Is(lost, reactor.ErrConnectionDone) {
		t.Errorf("%v, %v", err, lost)
	}
	size := 0
	records := log.Take("Remote command writes to stderr")
	for _, record := range records {
		size += len(fmt.Sprint(record))
	}
	if len(records) == 0 || size > 32<<10 {
		t.Errorf("%d records, %d bytes", len(records), size)
	}
}
