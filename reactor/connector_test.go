package reactor_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// connect calls ConnectTCP to a port of this machine.
func (t *netTest) connect(to reactor.ListeningPort, f reactor.ClientFactory, opts reactor.DialOptions) (c reactor.Connector) {
	t.Helper()
	t.do(func() { c = t.r.ConnectTCP("127.0.0.1", to.GetHost().(reactor.IPAddress).Port(), f, opts) })
	return c
}

// silent returns a port whose protocols do nothing.
func (t *netTest) silent() reactor.ListeningPort {
	t.Helper()
	return t.listen(reactor.ForProtocol(func() reactor.Protocol { return newRecorder() }))
}

// closedPort returns a port that nobody listens on.
func (t *netTest) closedPort() reactor.ListeningPort {
	t.Helper()
	port := t.silent()
	wantErr(t.T, t.stopped(port), nil)
	return port
}

func TestR234_R235_R236_R322_R324_AClientConnection(t *testing.T) {
	n := startNet(t)
	f, p := newFactory(), newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	var connectors []reactor.Connector
	f.onStart = func(c reactor.Connector) { connectors = append(connectors, c) }
	f.onLost = func(c reactor.Connector, reason error) {
		connectors = append(connectors, c)
		p.events.want(t, "made", "lost") // before the factory
		wantErr(t, c.StopConnecting(), reactor.ErrNotConnecting)
	}
	port := n.silent()
	number := port.GetHost().(reactor.IPAddress).Port()
	n.do(func() {
		c := n.r.ConnectTCP("127.0.0.1", number, f, reactor.DialOptions{})
		f.events.want(t, "start", "connecting") // inside the call
		connectors = append(connectors, c)
		if c.GetDestination() != (reactor.HostnameAddress{Host: "127.0.0.1", Port: number}) {
			t.Errorf("destination %v", c.GetDestination())
		}
		wantErr(t, c.Connect(), reactor.ErrConnectorBusy)
	})
	n.waitFor("connection", p.Connected)
	n.do(func() {
		wantErr(t, connectors[0].Connect(), reactor.ErrConnectorBusy)
		p.Transport().LoseConnection()
	})
	wantErr(t, within(t, f.lost), reactor.ErrConnectionDone)
	n.do(func() {
		f.events.want(t, "start", "connecting", "build", "lost", "stop")
		for _, c := range connectors {
			if c != connectors[0] {
				t.Error("another connector")
			}
		}
	})
}

func TestR237_R317_ConnectingAgainFromTheHooks(t *testing.T) {
	n := startNet(t)
	f, tries := newFactory(), 0
	again := func(c reactor.Connector, _ error) {
		if tries++; tries < 3 {
			wantErr(t, c.Connect(), nil)
		}
	}
	f.onFailed = again
	n.connect(n.closedPort(), f, reactor.DialOptions{})
	for range 3 {
		err := within(t, f.failed)
		wantErr(t, err, reactor.ErrConnectionRefused) // R317
		wantErr(t, err, syscall.ECONNREFUSED)
	}
	n.do(func() {
		f.events.want(t, "start", "connecting", "failed", "connecting", "failed", "connecting", "failed", "stop")
	})

	f, tries = newFactory(), 0
	f.onLost = again
	f.build = func(net.Addr) (reactor.Protocol, error) {
		p := newRecorder()
		p.onMade = func(p *recorder) { p.Transport().LoseConnection() }
		return p, nil
	}
	n.connect(n.silent(), f, reactor.DialOptions{})
	for range 3 {
		within(t, f.lost)
	}
	n.do(func() {
		f.events.want(t, "start", "connecting", "build", "lost", "connecting", "build", "lost", "connecting", "build", "lost", "stop")
	})
}

func TestR228_R230_ClientsThatRefuse(t *testing.T) {
	n := startNet(t)
	port := n.silent()
	f := newFactory()
	f.build = func(net.Addr) (reactor.Protocol, error) { return nil, nil }
	n.connect(port, f, reactor.DialOptions{})
	wantErr(t, within(t, f.lost), reactor.ErrConnectionDone)
	f.build = func(net.Addr) (reactor.Protocol, error) { panic(errTest) }
	n.connect(port, f, reactor.DialOptions{})
	wantErr(t, within(t, f.failed), errTest)
}

func TestR220_R222_PanicsInAClientProtocol(t *testing.T) {
	n := startNet(t)
	f := newFactory()
	p := newRecorder()
	p.onMade = func(*recorder) { panic(errTest) }
	p.onLost = func(*recorder) { defer panic("in ConnectionLost") }
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	n.connect(n.silent(), f, reactor.DialOptions{})
	wantErr(t, within(t, f.lost), errTest)
	n.turns(1)
	wantLogged(t, n.log, "panic in ConnectionMade", 1)
	wantLogged(t, n.log, "panic in ConnectionLost", 1)
}

// dialTest runs f on a reactor in a bubble, with a dial function that never
// connects.
func stuckDial(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestR313_R318_ConnectTimeout(t *testing.T) {
	for _, limit := range []time.Duration{0, 7 * time.Second} {
		inBubble(t, func(t *testing.T, r *reactor.Reactor) {
			f := newFactory()
			began := r.Now()
			f.onFailed = func(_ reactor.Connector, reason error) {
				wantErr(t, reason, reactor.ErrConnectTimeout)
				wantErr(t, reason, reactor.ErrUser)
				want := limit
				if limit == 0 {
					want = 30 * time.Second
				}
				if d := r.Now().Sub(began); d != want {
					t.Errorf("after %v", d)
				}
				if calls := r.GetDelayedCalls(); len(calls) > 0 {
					t.Errorf("left: %v", calls)
				}
				mustStop(t, r)
			}
			r.ConnectTCP("192.0.2.1", 1, f, reactor.DialOptions{Timeout: limit, DialContext: stuckDial})
			f.events.want(t, "start", "connecting")
		})
	}
}

func TestR319_R320_R321_StopConnecting(t *testing.T) {
	stuck := reactor.DialOptions{DialContext: stuckDial}
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		f := newFactory()
		c := r.ConnectTCP("192.0.2.1", 1, f, stuck)
		wantErr(t, c.StopConnecting(), nil)
		f.events.want(t, "start", "connecting", "failed", "stop") // inside the call
		wantErr(t, <-f.failed, reactor.ErrUser)
		wantErr(t, c.StopConnecting(), reactor.ErrNotConnecting)
		c.Disconnect() // does nothing
		wantErr(t, c.Connect(), nil)
		c.Disconnect()
		wantErr(t, <-f.failed, reactor.ErrUser)
		if calls := r.GetDelayedCalls(); len(calls) > 0 {
			t.Errorf("left: %v", calls)
		}

		f = newFactory()
		f.onStart = func(c reactor.Connector) { wantErr(t, c.StopConnecting(), nil) }
		r.ConnectTCP("192.0.2.1", 1, f, stuck)
		f.events.want(t, "start", "connecting", "failed", "stop")
		mustStop(t, r)
	})
}

func TestR321_DisconnectOfAConnection(t *testing.T) {
	n := startNet(t)
	f, p := newFactory(), newRecorder()
	f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
	c := n.connect(n.silent(), f, reactor.DialOptions{})
	n.waitFor("connection", p.Connected)
	n.do(c.Disconnect)
	wantErr(t, within(t, f.lost), reactor.ErrConnectionDone)
}

func TestR314_R315_NamesAreResolvedFirst(t *testing.T) {
	n := startNet(t)
	port := n.silent()
	asked := make(chan string, 1)
	n.do(func() {
		n.r.InstallResolver(fakeResolver(func(network, host string) ([]string, error) {
			asked <- network
			return []string{"127.0.0.1"}, nil
		}))
	})
	f, p := newFactory(), newRecorder()
	f.build = func(addr net.Addr) (reactor.Protocol, error) {
		if addr.String() != port.GetHost().String() {
			t.Errorf("built for %v", addr)
		}
		return p, nil
	}
	n.do(func() {
		n.r.ConnectTCP("server.example", port.GetHost().(reactor.IPAddress).Port(), f, reactor.DialOptions{})
	})
	n.waitFor("connection", p.Connected)
	if network := within(t, asked); network != "ip4" {
		t.Errorf("asked for %s", network)
	}
}

func TestR323_BindAddress(t *testing.T) {
	n := startNet(t)
	port := n.silent()
	for _, bind := range []string{"127.0.0.2", "127.0.0.2:0"} {
		f, p := newFactory(), newRecorder()
		f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
		n.connect(port, f, reactor.DialOptions{BindAddress: bind})
		n.waitFor("connection", p.Connected)
		n.do(func() {
			if host := p.Transport().GetHost().(reactor.IPAddress).Host(); host != "127.0.0.2" {
				t.Errorf("bound to %s", host)
			}
		})
	}
	for bind, want := range map[string]error{"192.0.2.1": reactor.ErrConnectBind, "not an address": reactor.ErrConnect} {
		f := newFactory()
		n.connect(port, f, reactor.DialOptions{BindAddress: bind})
		wantErr(t, within(t, f.failed), want)
	}
}

func TestDialIsCancellable(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		d := r.Dial("tcp", "192.0.2.1:22", reactor.DialOptions{DialContext: stuckDial})
		d.Cancel()
		d.AddErrback(func(err error) (net.Conn, error) {
			e, ok := errors.AsType[*reactor.ConnectingCancelledError](err)
			if !ok || e.Address.String() != "192.0.2.1:22" {
				t.Errorf("got %v", err)
			}
			wantErr(t, err, deferred.ErrCancelled)
			return nil, nil
		})
		if calls := r.GetDelayedCalls(); len(calls) > 0 || !d.Called() {
			t.Errorf("left: %v", calls)
		}
		mustStop(t, r)
	})
}

func TestAConnectionThatComesTooLateIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		near, far := net.Pipe()
		r.CallWhenRunning(func() {
			d := r.Dial("tcp", "192.0.2.1:22", reactor.DialOptions{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return near, nil // it has just been made
			}})
			d.AddErrback(func(error) (net.Conn, error) { return nil, nil })
			d.Cancel()
			mustStop(t, r)
		})
		mustRun(t, r)
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("still open")
		}
	})
}

func TestDialNeedsALiteral(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		r.Dial("tcp", "name.example:22", reactor.DialOptions{}).AddErrback(func(err error) (net.Conn, error) {
			wantErr(t, err, reactor.ErrConnect)
			mustStop(t, r)
			return nil, nil
		})
	})
}
