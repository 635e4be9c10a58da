package endpoints_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// eachClient runs f for every kind of client endpoint, on a memory reactor that
// knows the name "host.example".
func eachClient(t *testing.T, f func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint)) {
	kinds := map[string]func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint{
		"R372 tcp4": func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint {
			return endpoints.TCP4ClientEndpoint(m, "host.example", 22, reactor.DialOptions{})
		},
		"R373 tcp6": func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint {
			return endpoints.TCP6ClientEndpoint(m, "::1", 22, reactor.DialOptions{})
		},
		"R374 unix": func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint {
			return endpoints.NewUNIXClientEndpoint(m, "/socket", reactor.UNIXDialOptions{})
		},
		"R375 ssl": func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint {
			return endpoints.SSL4ClientEndpoint(m, "host.example", 22, new(tls.Config), reactor.DialOptions{})
		},
		"R379 hostname": func(m *reactortest.MemoryReactor) endpoints.StreamClientEndpoint {
			return endpoints.NewHostnameEndpoint(m, "host.example", 22, endpoints.HostnameOptions{})
		},
	}
	for name, make := range kinds {
		t.Run(name, func(t *testing.T) {
			m := reactortest.NewMemoryReactor()
			m.Hosts["host.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
			f(t, m, make(m))
		})
	}
}

func TestR361_R367_Connect(t *testing.T) {
	eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
		p := new(reactortest.AccumulatingProtocol)
		f := factoryFor(p)
		d := e.Connect(f)
		f.want(t, "start")
		deferredtest.AssertNoResult(t, d)
		m.Dials[0].Result.Callback(newConn())
		if v := deferredtest.SuccessResultOf(t, d); v != reactor.Protocol(p) || !p.Made || p.Factory() != reactor.Factory(f) {
			t.Errorf("got %v, made %v", v, p.Made)
		}
		f.want(t, "start")
		m.Attached[0].Transport.LoseConnection()
		f.want(t, "start", "stop")
		wantNoCalls(t, m)
	})
}

func TestR364_R363_FailedAttempts(t *testing.T) {
	eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
		f := factoryFor(nil)
		d := e.Connect(f)
		m.Dials[0].Result.Errback(errTest)
		deferredtest.FailureResultOf(t, d, errTest)
		f.want(t, "start", "stop")
		m.Err = errTest
		deferredtest.FailureResultOf(t, e.Connect(f), errTest)
		wantNoCalls(t, m)
	})
}

func TestR365_R371_RefusedConnections(t *testing.T) {
	for name, row := range map[string]struct {
		build func() (reactor.Protocol, error)
		want  error
	}{
		"R365 nil":   {func() (reactor.Protocol, error) { return nil, nil }, reactor.ErrNoProtocol},
		"R365 error": {func() (reactor.Protocol, error) { return nil, errTest }, errTest},
		"R365 panic": {func() (reactor.Protocol, error) { panic(errTest) }, errTest},
	} {
		t.Run(name, func(t *testing.T) {
			eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
				f := &testFactory{build: row.build}
				d := e.Connect(f)
				nc := newConn()
				m.Dials[0].Result.Callback(nc)
				deferredtest.FailureResultOf(t, d, row.want)
				f.want(t, "start", "stop")
				if !nc.closed {
					t.Error("the connection is open")
				}
			})
		})
	}
}

func TestR366_Cancel(t *testing.T) {
	eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
		f := factoryFor(nil)
		d := e.Connect(f)
		d.Cancel()
		err := deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
		if _, ok := errors.AsType[*reactor.ConnectingCancelledError](err); !ok || !m.Dials[0].Cancelled {
			t.Errorf("got %v; cancelled %v", err, m.Dials[0].Cancelled)
		}
		f.want(t, "start", "stop")
		wantNoCalls(t, m)
	})
}

func TestR363_PanicsInTheFactory(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	e := endpoints.NewUNIXClientEndpoint(m, "/socket", reactor.UNIXDialOptions{})
	f := factoryFor(nil)
	f.stop = func() { panic(errTest) }
	d := e.Connect(f)
	m.Dials[0].Result.Errback(reactor.ErrConnect)
	if err := deferredtest.FailureResultOf(t, d, errTest); !errors.Is(err, reactor.ErrConnect) {
		t.Errorf("got %v", err)
	}
	deferredtest.SuccessResultOf(t, endpoints.TCP4ServerEndpoint(m, 1, reactor.ListenOptions{}).Listen(nil))
}

func TestR370_OptionsReachTheReactor(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	m.Hosts["host.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	opts := reactor.DialOptions{Timeout: 5 * second, BindAddress: "127.0.0.1"}
	f := factoryFor(nil)
	endpoints.TCP4ClientEndpoint(m, "host.example", 22, opts).Connect(f)
	endpoints.NewHostnameEndpoint(m, "host.example", 22, endpoints.HostnameOptions{DialOptions: opts}).Connect(f)
	endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{DialOptions: opts, CheckLock: true}).Connect(f)
	for i, d := range m.Dials {
		if d.Options.Timeout != opts.Timeout || d.Options.BindAddress != opts.BindAddress {
			t.Errorf("%d: %+v", i, d.Options)
		}
	}
	if len(m.Dials) != 3 || !m.Dials[2].CheckLock || m.Dials[0].Address != "192.0.2.1:22" {
		t.Errorf("%+v", m.Dials)
	}
	listen := reactor.ListenOptions{Interface: "127.0.0.1"}
	config := new(tls.Config)
	endpoints.TCP4ServerEndpoint(m, 1, listen).Listen(f)
	endpoints.TCP6ServerEndpoint(m, 2, reactor.ListenOptions{}).Listen(f)
	endpoints.SSL4ServerEndpoint(m, 3, config, listen).Listen(f)
	endpoints.NewUNIXServerEndpoint(m, "/s", reactor.UNIXOptions{Mode: 0o600, WantLock: true}).Listen(f)
	if m.TCPServers[0].Options != listen || m.TCPServers[1].Options.Interface != "::" || m.TLSServers[0].TLS != config ||
		m.UNIXServers[0].UNIXOptions != (reactor.UNIXOptions{Mode: 0o600, WantLock: true}) {
		t.Error("other options")
	}
}

func TestR362_R363_Listen(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	e := endpoints.TCP4ServerEndpoint(m, 80, reactor.ListenOptions{})
	d := e.Listen(factoryFor(nil))
	if v := deferredtest.SuccessResultOf(t, d); v != reactor.ListeningPort(m.TCPServers[0].FakePort) {
		t.Errorf("got %v", v)
	}
	m.Err = errTest
	deferredtest.FailureResultOf(t, e.Listen(factoryFor(nil)), errTest)
}

func TestR376_AdoptedListeners(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e := endpoints.NewAdoptedServerEndpoint(m, l)
	deferredtest.SuccessResultOf(t, e.Listen(factoryFor(nil)))
	if m.Adopted[0].Listener != l {
		t.Error("another listener")
	}
	deferredtest.FailureResultOf(t, e.Listen(factoryFor(nil)), endpoints.ErrAlreadyListened)
}

func TestR403_ConnectProtocol(t *testing.T) {
	eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
		p := new(reactortest.AccumulatingProtocol)
		d := endpoints.ConnectProtocol(e, p)
		m.Dials[0].Result.Callback(newConn())
		if v := deferredtest.SuccessResultOf(t, d); v != p || !p.Made {
			t.Errorf("got %v", v)
		}
	})
}

func TestR400_R404_WrapClientTLS(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	config := &tls.Config{ServerName: "other.example"}
	e := endpoints.WrapClientTLS(m, config, endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{}))
	p := new(reactortest.AccumulatingProtocol)
	d := e.Connect(factoryFor(p))
	m.Dials[0].Result.Callback(newConn())
	if v := deferredtest.SuccessResultOf(t, d); m.Attached[0].Options.TLS != config || m.Attached[0].Options.Server || v != reactor.Protocol(p) {
		t.Errorf("%+v", m.Attached[0])
	}
	dialled := e.Dial()
	m.Dials[1].Result.Callback(newConn())
	conn := deferredtest.SuccessResultOf(t, dialled)
	if _, ok := conn.(*tls.Conn); !ok {
		t.Errorf("got %T", conn)
	}
	named := endpoints.SSL4ClientEndpoint(m, "192.0.2.1", 443, new(tls.Config), reactor.DialOptions{})
	named.Connect(factoryFor(new(reactortest.AccumulatingProtocol)))
	m.Dials[2].Result.Callback(newConn())
	if name := m.Attached[1].Options.TLS.ServerName; name != "192.0.2.1" {
		t.Errorf("the server is called %q", name)
	}
}

// The same protocol over every kind of endpoint, with real sockets.
func TestEndpointsOnARealReactor(t *testing.T) {
	server, client := reactortest.TLSConfigs(t)
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	path := filepath.Join(t.TempDir(), "socket")
	loopback := reactor.ListenOptions{Interface: "127.0.0.1"}
	for name, row := range map[string]struct {
		server endpoints.StreamServerEndpoint
		client func(addr net.Addr) endpoints.StreamClientEndpoint
	}{
		"tcp4": {endpoints.TCP4ServerEndpoint(r, 0, loopback), func(a net.Addr) endpoints.StreamClientEndpoint {
			return endpoints.TCP4ClientEndpoint(r, "127.0.0.1", a.(reactor.IPAddress).Port(), reactor.DialOptions{})
		}},
		"tcp6": {endpoints.TCP6ServerEndpoint(r, 0, reactor.ListenOptions{Interface: "::1"}), func(a net.Addr) endpoints.StreamClientEndpoint {
			return endpoints.TCP6ClientEndpoint(r, "::1", a.(reactor.IPAddress).Port(), reactor.DialOptions{})
		}},
		"hostname": {endpoints.TCP4ServerEndpoint(r, 0, loopback), func(a net.Addr) endpoints.StreamClientEndpoint {
			return endpoints.NewHostnameEndpoint(r, "localhost", a.(reactor.IPAddress).Port(), endpoints.HostnameOptions{})
		}},
		"unix": {endpoints.NewUNIXServerEndpoint(r, path, reactor.UNIXOptions{}), func(net.Addr) endpoints.StreamClientEndpoint {
			return endpoints.NewUNIXClientEndpoint(r, path, reactor.UNIXDialOptions{})
		}},
		"tls": {endpoints.SSL4ServerEndpoint(r, 0, server, loopback), func(a net.Addr) endpoints.StreamClientEndpoint {
			inner := endpoints.NewHostnameEndpoint(r, "127.0.0.1", a.(reactor.IPAddress).Port(), endpoints.HostnameOptions{})
			return endpoints.WrapClientTLS(r, client, inner)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			greeter := reactor.ForProtocol(func() reactor.Protocol { return &greeter{} })
			port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] { return row.server.Listen(greeter) })
			if err != nil {
				t.Fatal(err)
			}
			nc, err := reactor.Await(t.Context(), r, func() deferred.Deferred[net.Conn] { return row.client(port.GetHost()).Dial() })
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if got, err := io.ReadAll(nc); string(got) != "hello" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			p := new(reactortest.AccumulatingProtocol)
			_, err = reactor.Await(t.Context(), r, func() deferred.Deferred[*reactortest.AccumulatingProtocol] {
				p.OnClosed = deferred.New[*reactortest.AccumulatingProtocol]()
				closed := p.OnClosed
				return deferred.ThenDeferred(endpoints.ConnectProtocol(row.client(port.GetHost()), p),
					func(*reactortest.AccumulatingProtocol) deferred.Deferred[*reactortest.AccumulatingProtocol] {
						return closed
					})
			})
			if err != nil || p.Data.String() != "hello" || p.Reason != reactor.ErrConnectionDone {
				t.Errorf("got %q, %v; %v", &p.Data, p.Reason, err)
			}
		})
	}
}

// greeter says hello and closes.
type greeter struct{ reactor.BaseProtocol }

func (g *greeter) ConnectionMade() {
	g.Transport().Write([]byte("hello"))
	g.Transport().LoseConnection()
}

func TestR371_APanicInConnectionMade(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[*boom] {
		e := endpoints.TCP4ServerEndpoint(r, 0, reactor.ListenOptions{Interface: "127.0.0.1"})
		silent := reactor.ForProtocol(func() reactor.Protocol { return new(reactortest.AccumulatingProtocol) })
		return deferred.ThenDeferred(e.Listen(silent), func(port reactor.ListeningPort) deferred.Deferred[*boom] {
			return endpoints.ConnectProtocol(endpoints.TCP4ClientEndpoint(r, "127.0.0.1", port.GetHost().(reactor.IPAddress).Port(), reactor.DialOptions{}), new(boom))
		})
	})
	if !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
}
