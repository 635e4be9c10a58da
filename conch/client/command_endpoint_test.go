package client_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// collector is a protocol that sends something, ends its direction, and collects what comes.
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

// addressed is a factory that notes the address.
type addressed struct {
	reactor.BaseFactory
	p    reactor.Protocol
	addr net.Addr
}

func (f *addressed) BuildProtocol(addr net.Addr) (reactor.Protocol, error) {
	f.addr = addr
	return f.p, nil
}

func endpointOptions(t *testing.T, to sshtest.Target) client.EndpointOptions {
	t.Helper()
	text, err := os.ReadFile(to.Options.Identities[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return client.EndpointOptions{Username: to.User, Hostname: to.Host, Port: to.Port, Keys: []gossh.Signer{key}, Options: to.Options}
}

// run connects a collector to the endpoint and waits for its end.
func runEndpoint(t *testing.T, r *reactor.Reactor, e *client.SSHCommandClientEndpoint, f *addressed) (lost, err error) {
	t.Helper()
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] { return e.Connect(f) }); err != nil {
		return nil, err
	}
	_, lost = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return f.p.(*collector).lost })
	return lost, nil
}

// TestEndpoint_Ends: data both ways, and how the end is told: C-ENDP-1, 2, 4, 5, 7.
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
				"new": client.NewConnection(r, row.command, endpointOptions(t, to)), "existing": client.ExistingConnection(conn, row.command),
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

// TestEndpoint_Failures is the table of C-ENDP, and C-ENDP-3.
func TestEndpoint_Failures(t *testing.T) {
	for _, row := range []struct {
		name string
		set  func(t *testing.T, s *conchtest.Server, o *client.EndpointOptions)
		want func(err error) bool
	}{
		{"TCP", func(_ *testing.T, _ *conchtest.Server, o *client.EndpointOptions) { o.Port = 1 },
			func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		{"host key refused", func(t *testing.T, _ *conchtest.Server, o *client.EndpointOptions) {
			o.Options.KnownHosts, o.Options.UI = []string{t.TempDir() + "/none"}, &sshtest.ScriptedUI{}
		}, func(err error) bool { return err == client.ErrUserRejectedKey }},
		{"refused during authentication", func(_ *testing.T, _ *conchtest.Server, o *client.EndpointOptions) {
			o.Keys, o.Password = nil, "wrong"
		}, func(err error) bool {
			return errors.Is(err, client.ErrAuthenticationFailed) && !strings.Contains(err.Error(), "wrong")
		}},
		{"command refused", func(_ *testing.T, s *conchtest.Server, o *client.EndpointOptions) {
			o.Keys, o.Password = nil, s.Password
		},
			func(err error) bool {
				e, ok := errors.AsType[*conch.ConchError](err)
				return ok && e.Value == "channel request failed"
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			s, to := sshtest.Embedded(t, conchtest.Options{})
			o := endpointOptions(t, to)
			row.set(t, s, &o)
			c := newCollector("")
			if _, err := runEndpoint(t, r, client.NewConnection(r, "cat", o), &addressed{p: c}); err == nil || !row.want(err) || c.made {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}

// TestEndpoint_Cancel: at once, and when the command is being started; the connection is gone.
func TestEndpoint_Cancel(t *testing.T) {
	for name, phase := range map[string]client.Phase{"dial": client.PhaseDial, "service": client.PhaseService} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
			o := endpointOptions(t, to)
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
			if !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEndpoint_LoseConnection: the protocol closes its transport, and with it the connection: C-ENDP-8.
func TestEndpoint_LoseConnection(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	c := newCollector("")
	p, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.Protocol] {
		return client.NewConnection(r, "yes", endpointOptions(t, to)).Connect(&addressed{p: c})
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
