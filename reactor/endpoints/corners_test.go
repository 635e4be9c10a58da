package endpoints_test

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// client is a ClientService over a memory reactor that has had one connection
// begun.
type client struct {
	*endpoints.ClientService
	m         *reactortest.MemoryReactor
	protocols []*reactortest.AccumulatingProtocol
}

func newClient(opts endpoints.ClientServiceOptions) *client {
	c := &client{m: reactortest.NewMemoryReactor()}
	opts.Clock = c.m
	f := reactor.ForProtocol(func() reactor.Protocol {
		p := new(reactortest.AccumulatingProtocol)
		c.protocols = append(c.protocols, p)
		return p
	})
	c.ClientService = endpoints.NewClientService(endpoints.NewUNIXClientEndpoint(c.m, "/s", reactor.UNIXDialOptions{}), f, opts)
	return c
}

// connect answers the attempt in progress with a connection.
func (c *client) connect() {
	near, _ := net.Pipe()
	c.m.Dials[len(c.m.Dials)-1].Result.Callback(near)
}

// A preparation may stop the service, also the first one there is.
func TestR413_StopWhilePreparationBegins(t *testing.T) {
	var c *client
	var stopped deferred.Deferred[struct{}]
	prepare := deferred.New[struct{}]()
	c = newClient(endpoints.ClientServiceOptions{PrepareConnection: func(reactor.Protocol) deferred.Deferred[struct{}] {
		stopped = c.StopService()
		return prepare
	}})
	c.StartService()
	waiting := c.WhenConnected(0)
	c.connect()
	if !stopped.Called() || !c.protocols[0].Closed {
		t.Errorf("stopped %v, closed %v", stopped, c.protocols[0].Closed)
	}
	if _, err, _ := waiting.Result(); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	waiting.AddErrback(func(error) (reactor.Protocol, error) { return nil, nil })
	if !prepare.Called() {
		t.Error("the preparation goes on")
	}
	if calls := c.m.GetDelayedCalls(); len(calls) > 0 || len(c.m.Dials) != 1 {
		t.Errorf("%v, %d attempts", calls, len(c.m.Dials))
	}
}

// A connection that is lost while its preparation begins counts as a failure,
// and the next attempt is made.
func TestR422_LostWhilePreparationBegins(t *testing.T) {
	prepare := deferred.New[struct{}]()
	c := newClient(endpoints.ClientServiceOptions{PrepareConnection: func(p reactor.Protocol) deferred.Deferred[struct{}] {
		p.Transport().AbortConnection()
		return prepare
	}})
	c.StartService()
	c.connect()
	if !prepare.Called() {
		t.Error("the preparation goes on")
	}
	c.m.Advance(time.Minute)
	if len(c.m.Dials) != 2 {
		t.Errorf("%d attempts", len(c.m.Dials))
	}
}

// A preparation that answers with a view that cannot be used has failed.
func TestR420_APreparationReturnsAStaleView(t *testing.T) {
	c := newClient(endpoints.ClientServiceOptions{PrepareConnection: func(reactor.Protocol) deferred.Deferred[struct{}] {
		d := deferred.New[struct{}]()
		deferred.Then(d, func(struct{}) (int, error) { return 0, nil })
		return d
	}})
	c.StartService()
	waiting := c.WhenConnected(1)
	c.connect()
	_, err, _ := waiting.Result()
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("got %v", err)
	}
	waiting.AddErrback(func(error) (reactor.Protocol, error) { return nil, nil })
	if !c.protocols[0].Closed {
		t.Error("the connection is open")
	}
}

// A policy that computes a time in the past means now; the service goes on.
func TestR406_NegativeRetryPolicy(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	failures := 0
	tried := make(chan struct{})
	dead := deadEndpoint(func() {
		if failures++; failures == 3 {
			close(tried)
		}
	})
	r.CallFromThread(func() {
		s := endpoints.NewClientService(dead, reactor.ForProtocol(func() reactor.Protocol { return nil }),
			endpoints.ClientServiceOptions{Clock: r, RetryPolicy: func(int) time.Duration { return -time.Second }})
		s.StartService()
	})
	select {
	case <-tried:
	case <-time.After(30 * time.Second):
		t.Error("the service has given up")
	}
}

// deadEndpoint is an endpoint to which every attempt fails at once.
type deadEndpoint func()

func (e deadEndpoint) Connect(reactor.Factory) deferred.Deferred[reactor.Protocol] {
	e()
	return deferred.Fail[reactor.Protocol](reactor.ErrConnectionRefused)
}

func (e deadEndpoint) Dial() deferred.Deferred[net.Conn] {
	return deferred.Fail[net.Conn](reactor.ErrConnectionRefused)
}

// stubborn is an endpoint whose attempts cannot be cancelled: they end with a
// protocol that has lost its connection already.
type stubborn struct{ deadEndpoint }

func (e stubborn) Connect(reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return deferred.New(func(d deferred.Deferred[reactor.Protocol]) { d.Callback(new(reactortest.AccumulatingProtocol)) })
}

// A service that is stopped stays stopped, whatever the cancelled attempt comes
// to.
func TestR414_AnAttemptThatEndsWithALostConnection(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	s := endpoints.NewClientService(stubborn{}, reactor.ForProtocol(func() reactor.Protocol { return nil }), endpoints.ClientServiceOptions{Clock: m})
	s.StartService()
	if d := s.StopService(); !d.Called() {
		t.Error("not stopped")
	}
	if calls := m.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
}

// Who gives up waiting for a connection is forgotten: a service that cannot
// connect keeps nothing of it.
func TestR409_WaitersThatGiveUpAreForgotten(t *testing.T) {
	c := newClient(endpoints.ClientServiceOptions{})
	c.StartService()
	gone := make(chan struct{})
	func() {
		rest := new(reactortest.AccumulatingProtocol) // what the cancelled Deferred comes to
		runtime.AddCleanup(rest, func(struct{}) { close(gone) }, struct{}{})
		c.WhenConnected(0).AddErrback(func(error) (reactor.Protocol, error) { return rest, nil }).Cancel()
	}()
	kept := c.WhenConnected(0)
	collected := false
	for tries := 0; tries < 100 && !collected; tries++ {
		runtime.GC()
		select {
		case <-gone:
			collected = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	if !collected {
		t.Error("the service keeps it")
	}
	c.connect()
	if p, _, _ := kept.Result(); p != reactor.Protocol(c.protocols[0]) {
		t.Errorf("got %v", p)
	}
}

// A factory is told that it is not used any more also if TLS cannot even begin.
func TestR367_UnusableTLS(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	stopped := make(chan struct{})
	f := &stopNoter{stopped: stopped}
	_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[reactor.Protocol] {
		return endpoints.WrapClientTLS(r, new(tls.Config), pipeEndpoint{}).Connect(f)
	})
	if err == nil {
		t.Error("no error")
	}
	select {
	case <-stopped:
	case <-time.After(30 * time.Second):
		t.Error("StopFactory was not called")
	}
}

// stopNoter is a factory that notes its end.
type stopNoter struct {
	reactor.BaseFactory
	stopped chan struct{}
}

func (f *stopNoter) BuildProtocol(net.Addr) (reactor.Protocol, error) {
	return new(reactortest.AccumulatingProtocol), nil
}

func (f *stopNoter) StopFactory() { close(f.stopped) }

// pipeEndpoint connects to nobody.
type pipeEndpoint struct{ deadEndpoint }

func (pipeEndpoint) Dial() deferred.Deferred[net.Conn] {
	near, _ := net.Pipe()
	return deferred.Succeed(near)
}

// A port that no port has is an error, and not another port.
func TestR317_PortsOutOfRange(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[net.Conn] {
		return endpoints.NewHostnameEndpoint(r, "127.0.0.1", 1<<16-1+1, endpoints.HostnameOptions{}).Dial()
	})
	if e, ok := errors.AsType[*reactor.ConnectError](err); !ok || e.Kind != reactor.ErrConnect {
		t.Errorf("got %v", err)
	}
}

// Arguments that are given as keys leave the positional ones to the others, as
// in Twisted; and a time is a number.
func TestR392_R394_KeysBeforePositions(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	m.Hosts["foo.example"] = nil
	for _, description := range []string{"tcp:host=192.0.2.1:80", "tcp:80:host=192.0.2.1", "tcp:192.0.2.1:port=80", "tcp:port=80:192.0.2.1", "tcp:192.0.2.1:80"} {
		e, err := endpoints.ClientFromString(m, description)
		if err != nil {
			t.Errorf("%s: %v", description, err)
			continue
		}
		e.Dial()
		if got := m.Dials[len(m.Dials)-1].Address; got != "192.0.2.1:80" {
			t.Errorf("%s: %s", description, got)
		}
	}
	for _, description := range []string{"tcp:a:80:timeout=nan", "tcp:a:80:timeout=inf", "tcp:a:80:timeout=1e30", "tcp:a:80:timeout=-1", "tcp:a:80:host=b", "tcp:a:80:90"} {
		if _, err := endpoints.ClientFromString(m, description); err == nil {
			t.Errorf("%s: no error", description)
		}
	}
}

// A port that comes although the service was stopped is closed.
func TestR425_APortThatComesAfterTheStop(t *testing.T) {
	port := &reactortest.FakePort{Listening: true}
	stubborn := listenFunc(func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.New(func(d deferred.Deferred[reactor.ListeningPort]) { d.Callback(port) })
	})
	s := endpoints.NewServerService(stubborn, reactor.ForProtocol(func() reactor.Protocol { return nil }))
	if err := s.StartService(); err != nil {
		t.Error(err)
	}
	s.StopService()
	if port.Listening {
		t.Error("it listens")
	}
}

type listenFunc func() deferred.Deferred[reactor.ListeningPort]

func (f listenFunc) Listen(reactor.Factory) deferred.Deferred[reactor.ListeningPort] { return f() }
