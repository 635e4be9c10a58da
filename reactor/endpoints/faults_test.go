package endpoints_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The name of a server is sent and verified as an A-label.
func TestF45_R375_R400_InternationalNames(t *testing.T) {
	const ascii = "xn--bcher-kva.example"
	m := reactortest.NewMemoryReactor()
	unix := endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{})
	fromString, err := endpoints.ClientFromString(m, `tls:bücher.example:443:endpoint=unix\:/s`)
	if err != nil {
		t.Fatal(err)
	}
	m.Hosts["bücher.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")} // Reactor.Resolve encodes the name
	for name, e := range map[string]endpoints.StreamClientEndpoint{
		"ssl":    endpoints.SSL4ClientEndpoint(m, "bücher.example", 443, nil, reactor.DialOptions{}),
		"wrap":   endpoints.WrapClientTLS(m, &tls.Config{ServerName: "bücher.example"}, unix),
		"string": fromString,
	} {
		d := e.Connect(factoryFor(new(reactortest.AccumulatingProtocol)))
		m.Dials[len(m.Dials)-1].Result.Callback(newConn())
		deferredtest.SuccessResultOf(t, d)
		if got := m.Attached[len(m.Attached)-1].Options.TLS.ServerName; got != ascii {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A TLS endpoint without a config is not one without TLS.
func TestF49_R375_NoConfigIsNoPlainConnection(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	endpoints.SSL4ServerEndpoint(m, 443, nil, reactor.ListenOptions{}).Listen(factoryFor(nil))
	if len(m.TLSServers) != 1 || len(m.TCPServers) != 0 {
		t.Error("listens without TLS")
	}
	e := endpoints.WrapClientTLS(m, nil, endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{}))
	e.Connect(factoryFor(new(reactortest.AccumulatingProtocol)))
	m.Dials[0].Result.Callback(newConn())
	if m.Attached[0].Options.TLS == nil {
		t.Error("connects without TLS")
	}
}

// The kinds for IPv4 listen on IPv4 only, that for IPv6 on both families.
func TestF46_R372_R373_DefaultInterfaces(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	endpoints.TCP4ServerEndpoint(m, 1, reactor.ListenOptions{}).Listen(nil)
	endpoints.TCP6ServerEndpoint(m, 2, reactor.ListenOptions{}).Listen(nil)
	endpoints.SSL4ServerEndpoint(m, 3, nil, reactor.ListenOptions{}).Listen(nil)
	for i, want := range []string{"0.0.0.0", "::", "0.0.0.0"} {
		if got := append(m.TCPServers, m.TLSServers...)[i].Options.Interface; got != want {
			t.Errorf("%d: %q", i, got)
		}
	}
}

// A name without an A-label is an error of the lookup.
func TestF49_R386_R389_ABadName(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	for _, host := range []string{"\xff.example", strings.Repeat("ü", 80)} {
		err := deferredtest.FailureResultOf(t, endpoints.NewHostnameEndpoint(m, host, 1, endpoints.HostnameOptions{}).Dial())
		if e, ok := errors.AsType[*reactor.DNSLookupError](err); !ok || e.Host != host || e.Err == nil {
			t.Errorf("%T: %v", err, err)
		}
	}
}

// What BuildProtocol returns by mistake closes the connection, and the factory
// is told that it is not used any more.
func TestF49_R365_ATypedNilProtocol(t *testing.T) {
	eachClient(t, func(t *testing.T, m *reactortest.MemoryReactor, e endpoints.StreamClientEndpoint) {
		f := factoryFor((*reactortest.AccumulatingProtocol)(nil))
		d := e.Connect(f)
		nc := newConn()
		m.Dials[0].Result.Callback(nc)
		if err := deferredtest.FailureResultOf(t, d); err == nil {
			t.Error("no error")
		}
		if !nc.closed {
			t.Error("the connection is open")
		}
		f.want(t, "start", "stop")
	})
}

// connectFunc is an endpoint whose Connect is a function.
type connectFunc func() deferred.Deferred[reactor.Protocol]

func (f connectFunc) Connect(reactor.Factory) deferred.Deferred[reactor.Protocol] { return f() }
func (f connectFunc) Dial() deferred.Deferred[net.Conn]                           { panic("not used") }

// An endpoint that fires with nothing, or returns no Deferred, has failed.
func TestF49_R418_AnEndpointWithoutAProtocol(t *testing.T) {
	for name, row := range map[string]struct {
		connect connectFunc
		want    error
	}{
		"nil":   {func() deferred.Deferred[reactor.Protocol] { return deferred.Succeed[reactor.Protocol](nil) }, reactor.ErrNoProtocol},
		"zero":  {func() (d deferred.Deferred[reactor.Protocol]) { return d }, deferred.ErrZero},
		"panic": {func() deferred.Deferred[reactor.Protocol] { panic(errTest) }, errTest},
	} {
		clock, tries := reactortest.NewClock(), 0
		counted := connectFunc(func() deferred.Deferred[reactor.Protocol] { tries++; return row.connect() })
		s := endpoints.NewClientService(counted, factoryFor(nil), endpoints.ClientServiceOptions{Clock: clock, Logger: reactortest.NewLog(t).Logger()})
		d := s.WhenConnected(1)
		s.StartService()
		deferredtest.FailureResultOf(t, d, row.want)
		clock.Advance(time.Minute)
		if tries != 2 {
			t.Errorf("%s: %d attempts", name, tries)
		}
		deferredtest.SuccessResultOf(t, s.StopService())
	}
}

// A callback of one waiter may lose the connection; the next one then waits for
// another connection and does not get a nil protocol.
func TestF49_R409_AWaiterThatLosesTheConnection(t *testing.T) {
	s := newService(t, nil)
	first, second2, third := s.WhenConnected(0), s.WhenConnected(0), s.WhenConnected(1)
	first.AddCallback(func(p reactor.Protocol) (reactor.Protocol, error) {
		p.Transport().AbortConnection()
		return p, nil
	})
	s.StartService()
	s.succeed()
	deferredtest.AssertNoResult(t, second2)
	deferredtest.FailureResultOf(t, third, reactor.ErrConnectionAborted) // it was one failure
	s.m.Advance(second)
	s.succeed()
	if p := deferredtest.SuccessResultOf(t, second2); p != s.last().Protocol {
		t.Errorf("got %v", p)
	}
}

// Also in ConnectionLost there is no connection any more.
func TestF49_R409_AskedWhileTheConnectionIsLost(t *testing.T) {
	var s *service
	var asked deferred.Deferred[reactor.Protocol]
	s = newService(t, nil)
	s.f.build = func() (reactor.Protocol, error) {
		return &losing{lost: func() { asked = s.WhenConnected(0) }}, nil
	}
	s.StartService()
	s.succeed()
	s.last().Transport.LoseConnection()
	deferredtest.AssertNoResult(t, asked)
	s.m.Advance(second)
	s.succeed()
	deferredtest.SuccessResultOf(t, asked)
}

// losing is a protocol that calls a function in ConnectionLost.
type losing struct {
	reactor.BaseProtocol
	lost func()
}

func (p *losing) ConnectionLost(error) { p.lost() }

// A waiter that stops the service cancels the later ones.
func TestF49_R411_AWaiterThatStopsTheService(t *testing.T) {
	s := newService(t, nil)
	first, second2 := s.WhenConnected(0), s.WhenConnected(0)
	first.AddCallback(func(p reactor.Protocol) (reactor.Protocol, error) {
		s.StopService()
		return p, nil
	})
	s.StartService()
	s.succeed()
	deferredtest.FailureResultOf(t, second2, deferred.ErrCancelled)
	s.attempts(1)
}

// A policy that panics does not end the service.
func TestF49_R406_R424_APanickingPolicy(t *testing.T) {
	m, log := reactortest.NewMemoryReactor(), reactortest.NewLog(t)
	s := endpoints.NewClientService(endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{}), factoryFor(nil),
		endpoints.ClientServiceOptions{Clock: m, Logger: log.Logger(), RetryPolicy: func(int) time.Duration { panic(errTest) }})
	d := s.WhenConnected(1)
	s.StartService()
	m.Dials[0].Result.Errback(reactor.ErrConnectionRefused)
	deferredtest.FailureResultOf(t, d, reactor.ErrConnectionRefused)
	if len(log.Take("panic in RetryPolicy")) != 1 {
		t.Error("the panic is not logged")
	}
	m.Advance(1500*ms - 1)
	if len(m.Dials) != 1 {
		t.Error("too early")
	}
	m.Advance(second)
	if len(m.Dials) != 2 {
		t.Errorf("%d attempts", len(m.Dials))
	}
}

// rejecting is a service that rejects its first connection, whose end the test
// calls.
func rejecting(t *testing.T) (s *service, first *reactortest.StringTransport, end func(error)) {
	prepared := 0
	s = newService(t, func(reactor.Protocol) deferred.Deferred[none] {
		if prepared++; prepared > 1 {
			return deferred.Succeed(none{})
		}
		first = s.last().Transport
		end, first.OnLose = first.OnLose, nil // closing takes a while
		return deferred.Fail[none](errTest)
	})
	s.StartService()
	s.succeed()
	if !first.Disconnecting() {
		t.Error("the rejected connection is open")
	}
	s.m.Advance(second)
	s.succeed()
	return s, first, end
}

// The end of a rejected connection is not that of its successor.
func TestF49_R421_TheEndOfARejectedConnection(t *testing.T) {
	s, _, end := rejecting(t)
	end(reactor.ErrConnectionDone)
	if p := deferredtest.SuccessResultOf(t, s.WhenConnected(0)); p != s.last().Protocol {
		t.Errorf("got %v", p)
	}
	wantNoCalls(t, s.m)
	s.last().Transport.LoseConnection()
	s.m.Advance(second)
	s.attempts(3)
}

// A peer that does not read cannot keep a rejected connection open.
func TestF49_R421_ARejectedConnectionThatStaysOpen(t *testing.T) {
	s, first, end := rejecting(t)
	var reason error
	first.OnLose = func(err error) { reason = err; end(err) }
	s.m.Advance(endpoints.RejectTimeout - second - 1)
	if reason != nil {
		t.Error("too early")
	}
	s.m.Advance(1)
	if !errors.Is(reason, reactor.ErrConnectionAborted) {
		t.Errorf("got %v", reason)
	}
	deferredtest.SuccessResultOf(t, s.WhenConnected(0))
	wantNoCalls(t, s.m)
}

// A peer that does not read cannot hold a stop up either: it can be cancelled.
func TestF49_R413_CancelOfAStop(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	s.succeed()
	tr := s.last().Transport
	end := tr.OnLose
	tr.OnLose = nil
	stop, other := s.StopService(), s.StopService()
	tr.OnLose = end
	deferredtest.AssertNoResult(t, stop)
	stop.Cancel()
	deferredtest.SuccessResultOf(t, stop)
	deferredtest.SuccessResultOf(t, other)
}

// Failures are told once per row, at a level that is seen; further ones are
// not.
func TestF47_F49_R405_RetriesAreLogged(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	for i := range 5 {
		s.fail()
		s.m.Advance(time.Duration(i+1) * second)
	}
	s.succeed()
	records := s.log.Records()
	if len(records) != 6 {
		t.Fatalf("%d records: %q", len(records), records)
	}
	for i, want := range []string{
		"WARN endpoints: no connection, trying again failures=1 wait=1s err=failed as it should",
		"DEBUG endpoints: no connection, trying again failures=2 wait=2s", "DEBUG", "DEBUG", "DEBUG",
		"INFO endpoints: connected again failures=5",
	} {
		if !strings.HasPrefix(records[i], want) {
			t.Errorf("%d: %s", i, records[i])
		}
	}
}

// A server service that could not listen can be started again.
func TestF49_R425_StartAfterAFailure(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	s := endpoints.NewServerService(endpoints.TCP4ServerEndpoint(m, 80, reactor.ListenOptions{}), factoryFor(nil))
	s.Logger = reactortest.NewLog(t).Logger()
	m.Err = errTest
	for _, start := range []func() error{s.PrivilegedStartService, s.StartService} {
		if err := start(); !errors.Is(err, errTest) || s.Running() {
			t.Errorf("got %v, running %v", err, s.Running())
		}
	}
	m.Err = nil
	if err := s.StartService(); err != nil || !m.TCPServers[len(m.TCPServers)-1].Listening {
		t.Errorf("got %v", err)
	}
	if err := s.StartService(); err != nil || len(m.TCPServers) != 3 {
		t.Errorf("%v, listened %d times", err, len(m.TCPServers))
	}
}

// An adopted listener starts its factory, and reports a panic in that.
func TestF44_R376_AdoptedListenersStartTheirFactory(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	listen := func(f reactor.Factory) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e := endpoints.NewAdoptedServerEndpoint(r, l)
		port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] { return e.Listen(f) })
		if err != nil {
			return err
		}
		_, err = reactor.Await(t.Context(), r, port.StopListening)
		return err
	}
	f := factoryFor(nil)
	if err := listen(f); err != nil {
		t.Error(err)
	}
	f.want(t, "start", "stop")
	err := listen(brokenFactory{factoryFor(nil)})
	if _, ok := errors.AsType[*reactor.CannotListenError](err); !ok || !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
}

type brokenFactory struct{ *testFactory }

func (brokenFactory) StartFactory() { panic(errTest) }
