package conch_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

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

func (to target) endpoint(t *testing.T) conch.EndpointOptions {
	t.Helper()
	text, err := os.ReadFile(to.options.Identities[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return conch.EndpointOptions{Username: to.user, Hostname: to.host, Port: to.port, Keys: []gossh.Signer{key}, Options: to.options}
}

// run connects a collector to the endpoint and waits for its end.
func runEndpoint(t *testing.T, r *reactor.Reactor, e *conch.SSHCommandClientEndpoint, f *addressed) (lost, err error) {
	t.Helper()
	if _, err := await(t, r, func() deferred.Deferred[reactor.Protocol] { return e.Connect(f) }); err != nil {
		return nil, err
	}
	_, lost = await(t, r, func() deferred.Deferred[struct{}] { return f.p.(*collector).lost })
	return lost, nil
}

// TestEndpoint_Ends: data both ways, and how the end is told: C-ENDP-1, 2, 4, 5, 7.
func TestEndpoint_Ends(t *testing.T) {
	bothServers(t, conchtest.Options{Exec: shell}, func(t *testing.T, to target) {
		r := start(t)
		conn := connect(t, r, to)
		for _, row := range []struct {
			command, send, got string
			end                func(err error) bool
		}{
			{"cat", "hello", "hello", func(err error) bool { return errors.Is(err, reactor.ErrConnectionDone) }},
			{"printf x; exit 3", "", "x", func(err error) bool {
				e, ok := errors.AsType[*conch.ExitError](err)
				return ok && e.Status == 3
			}},
			{"kill -TERM $$", "", "", func(err error) bool {
				e, ok := errors.AsType[*conch.ExitError](err)
				return ok && e.Signal.Name == "TERM"
			}},
		} {
			for what, e := range map[string]*conch.SSHCommandClientEndpoint{
				"new": conch.NewConnection(r, row.command, to.endpoint(t)), "existing": conch.ExistingConnection(conn, row.command),
			} {
				c := newCollector(row.send)
				f := &addressed{p: c}
				lost, err := runEndpoint(t, r, e, f)
				if err != nil || !row.end(lost) || c.got.String() != row.got {
					t.Errorf("%s, %s: %v, lost %v, got %q", row.command, what, err, lost, c.got.String())
				}
				if a, ok := f.addr.(conch.SSHCommandAddress); !ok || a.Username != to.user || a.Command != row.command {
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
		set  func(t *testing.T, s *conchtest.Server, o *conch.EndpointOptions)
		want func(err error) bool
	}{
		{"TCP", func(_ *testing.T, _ *conchtest.Server, o *conch.EndpointOptions) { o.Port = 1 },
			func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		{"host key refused", func(t *testing.T, _ *conchtest.Server, o *conch.EndpointOptions) {
			o.Options.KnownHosts, o.Options.UI = []string{t.TempDir() + "/none"}, &scriptedUI{}
		}, func(err error) bool { return err == conch.ErrUserRejectedKey }},
		{"refused during authentication", func(_ *testing.T, _ *conchtest.Server, o *conch.EndpointOptions) {
			o.Keys, o.Password = nil, "wrong"
		}, func(err error) bool {
			return errors.Is(err, conch.ErrAuthenticationFailed) && !strings.Contains(err.Error(), "wrong")
		}},
		{"command refused", func(_ *testing.T, s *conchtest.Server, o *conch.EndpointOptions) {
			o.Keys, o.Password = nil, s.Password
		},
			func(err error) bool {
				e, ok := errors.AsType[*conch.ConchError](err)
				return ok && e.Value == "channel request failed"
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t)
			s, to := embedded(t, conchtest.Options{})
			o := to.endpoint(t)
			row.set(t, s, &o)
			c := newCollector("")
			if _, err := runEndpoint(t, r, conch.NewConnection(r, "cat", o), &addressed{p: c}); err == nil || !row.want(err) || c.made {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}

// TestEndpoint_Cancel: at once, and when the command is being started; the connection is gone.
func TestEndpoint_Cancel(t *testing.T) {
	for name, phase := range map[string]conch.Phase{"dial": conch.PhaseDial, "service": conch.PhaseService} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			_, to := embedded(t, conchtest.Options{Exec: shell})
			o := to.endpoint(t)
			var d deferred.Deferred[reactor.Protocol]
			o.Options.Progress = func(p conch.Phase, _ string) {
				if p == phase {
					r.CallLater(0, d.Cancel)
				}
			}
			c := newCollector("")
			_, err := await(t, r, func() deferred.Deferred[reactor.Protocol] {
				d = conch.NewConnection(r, "cat", o).Connect(&addressed{p: c})
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
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: shell})
	c := newCollector("")
	p, err := await(t, r, func() deferred.Deferred[reactor.Protocol] {
		return conch.NewConnection(r, "yes", to.endpoint(t)).Connect(&addressed{p: c})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, lost := await(t, r, func() deferred.Deferred[struct{}] {
		p.(*collector).Transport().LoseConnection()
		return c.lost
	})
	if !errors.Is(lost, reactor.ErrConnectionDone) && !errors.As(lost, new(*conch.ExitError)) {
		t.Errorf("lost %v", lost)
	}
}
