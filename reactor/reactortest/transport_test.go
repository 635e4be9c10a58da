package reactortest_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func wantPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestR510_R511_R514_StringTransport(t *testing.T) {
	tr := reactortest.NewStringTransport()
	tr.Write([]byte("one "))
	tr.WriteSequence([][]byte{[]byte("two "), []byte("three")})
	if tr.Value() != "one two three" || tr.TakeValue() != "one two three" || tr.Value() != "" {
		t.Errorf("got %q", tr.Value())
	}
	if tr.GetHost() == tr.GetPeer() || !strings.HasPrefix(tr.GetHost().String(), "192.168.") {
		t.Errorf("%v, %v", tr.GetHost(), tr.GetPeer())
	}
	tr.Host, tr.Peer = reactor.UNIXAddress{Path: "/here"}, reactor.UNIXAddress{Path: "/there"}
	if tr.GetHost().String() != "/here" || tr.GetPeer().String() != "/there" {
		t.Errorf("R514: %v, %v", tr.GetHost(), tr.GetPeer())
	}
	tr.LoseConnection()
	tr.Write([]byte("still"))
	if !tr.Disconnecting() || tr.Disconnected() || tr.Value() != "still" {
		t.Errorf("disconnecting %v, disconnected %v, value %q", tr.Disconnecting(), tr.Disconnected(), tr.Value())
	}
	tr.LoseWriteConnection()
	tr.AbortConnection()
	if !tr.Disconnected() {
		t.Error("not disconnected")
	}
}

func TestR512_R513_StringTransportAsProducerAndConsumer(t *testing.T) {
	tr := reactortest.NewStringTransport()
	if err := tr.RegisterProducer(tr, true); err != nil || tr.Producer == nil || !tr.Streaming {
		t.Errorf("%v, %v", err, tr.Producer)
	}
	if err := tr.RegisterProducer(tr, true); !errors.Is(err, reactor.ErrProducerRegistered) {
		t.Errorf("got %v", err)
	}
	tr.UnregisterProducer()
	wantPanic(t, "unregistering none", tr.UnregisterProducer)
	for _, step := range []struct {
		do   func()
		want reactortest.ProducerState
	}{{tr.PauseProducing, reactortest.Paused}, {tr.ResumeProducing, reactortest.Producing}, {tr.StopProducing, reactortest.Stopped}} {
		if step.do(); tr.State != step.want {
			t.Errorf("%s, want %s", tr.State, step.want)
		}
	}
	wantPanic(t, "pausing after the end", tr.PauseProducing)
	wantPanic(t, "resuming after the end", tr.ResumeProducing)
	tr.Lenient = true
	tr.PauseProducing()

	closed := reactortest.NewStringTransport()
	closed.LoseConnection()
	wantPanic(t, "pausing after LoseConnection", closed.PauseProducing)
	wantPanic(t, "resuming after LoseConnection", closed.ResumeProducing)
}

// pull is a producer without PauseProducing.
type pull struct{}

func (pull) ResumeProducing() {}
func (pull) StopProducing()   {}

func TestR512_APullProducerDoesNotStream(t *testing.T) {
	tr := reactortest.NewStringTransport()
	if err := tr.RegisterProducer(pull{}, true); !errors.Is(err, reactor.ErrNotPushProducer) || tr.Producer != nil {
		t.Errorf("%v, registered %v", err, tr.Producer)
	}
	if err := tr.RegisterProducer(pull{}, false); err != nil || tr.Producer == nil || tr.Streaming {
		t.Errorf("%v, registered %v, streaming %v", err, tr.Producer, tr.Streaming)
	}
}

func TestR516_TransportWithDisconnection(t *testing.T) {
	p := new(reactortest.AccumulatingProtocol)
	tr := reactortest.Connect(p)
	if !p.Made || !p.Connected() {
		t.Error("not connected")
	}
	tr.LoseConnection()
	if !p.Closed || p.Reason != reactor.ErrConnectionDone || p.Connected() {
		t.Errorf("closed %v, reason %v", p.Closed, p.Reason)
	}
	p.Closed = false
	tr.LoseConnection()
	tr.AbortConnection()
	if p.Closed {
		t.Error("told twice")
	}
	// Twisted's transport does not set disconnecting here. Ours does what
	// reactor.Transport says of Disconnecting, so that a loop that looks at it
	// ends here as it does on a real connection.
	if !tr.Disconnecting() {
		t.Error("not disconnecting after LoseConnection")
	}
}

func TestR524_AccumulatingProtocol(t *testing.T) {
	p := new(reactortest.AccumulatingProtocol)
	p.OnMade, p.OnClosed = deferred.New[*reactortest.AccumulatingProtocol](), deferred.New[*reactortest.AccumulatingProtocol]()
	made, closed := p.OnMade, p.OnClosed
	tr := reactortest.Connect(p)
	p.DataReceived([]byte("data"))
	if v, _, _ := made.Result(); v != p || closed.Called() || p.Data.String() != "data" {
		t.Errorf("made %v, data %q", v, &p.Data)
	}
	tr.AbortConnection()
	if v, _, _ := closed.Result(); v != p || p.Reason != reactor.ErrConnectionAborted {
		t.Errorf("closed %v, reason %v", v, p.Reason)
	}
}

func TestR525_LineSendingProtocol(t *testing.T) {
	eager := &reactortest.LineSendingProtocol{Lines: []string{"one", "two"}}
	if tr := reactortest.Connect(eager); tr.Value() != "one\r\ntwo\r\n" {
		t.Errorf("sent %q", tr.Value())
	}
	patient := &reactortest.LineSendingProtocol{Lines: []string{"one"}, Wait: true}
	tr := reactortest.Connect(patient)
	if tr.Value() != "" {
		t.Errorf("sent %q", tr.Value())
	}
	patient.DataReceived([]byte("hel"))
	if tr.Value() != "" {
		t.Errorf("sent %q before the first line was there", tr.Value())
	}
	patient.DataReceived([]byte("lo\r\nagain\r\n"))
	if tr.Value() != "one\r\n" || !slices.Equal(patient.Responses, []string{"hello", "again"}) {
		t.Errorf("sent %q, got %q", tr.Value(), patient.Responses)
	}
}

func TestR529_Log(t *testing.T) {
	log := reactortest.NewLog(t)
	log.Logger().With("a", 1).WithGroup("g").Info("hello", "to", "you")
	log.Logger().Error("bad")
	log.Logger().With("b", 2).Debug("bare")
	if got := log.Records(); !slices.Equal(got, []string{"INFO hello a=1 g.to=you", "ERROR bad", "DEBUG bare b=2"}) {
		t.Errorf("got %q", got)
	}
	if got := log.Take("bad"); len(got) != 1 || len(log.Records()) != 2 {
		t.Errorf("took %q, left %q", got, log.Records())
	}
}

// endpoint is one end of a Pair that notes what happens.
type endpoint struct {
	reactor.BaseProtocol
	events []string
	onData func(data []byte)
}

func (e *endpoint) note(s string)    { e.events = append(e.events, s) }
func (e *endpoint) ConnectionMade()  { e.note("made") }
func (e *endpoint) ResumeProducing() { e.note("resume") }
func (e *endpoint) PauseProducing()  { e.note("pause") }
func (e *endpoint) StopProducing()   { e.note("stop") }

func (e *endpoint) DataReceived(data []byte) {
	e.note(string(data))
	if e.onData != nil {
		e.onData(data)
	}
}

func (e *endpoint) ConnectionLost(reason error) {
	switch {
	case errors.Is(reason, reactor.ErrConnectionDone):
		e.note("done")
	case errors.Is(reason, reactor.ErrConnectionAborted) && reason == reactor.ErrConnectionAborted:
		e.note("aborted")
	default:
		e.note("lost")
	}
}

func (e *endpoint) want(t *testing.T, events ...string) {
	t.Helper()
	if !slices.Equal(e.events, events) {
		t.Errorf("got  %q\nwant %q", e.events, events)
	}
}

// halfEndpoint wants half-close events.
type halfEndpoint struct{ endpoint }

func (e *halfEndpoint) ReadConnectionLost()  { e.note("read lost") }
func (e *halfEndpoint) WriteConnectionLost() { e.note("write lost") }

func TestR530_Pair(t *testing.T) {
	client, server := new(endpoint), new(endpoint)
	pair := reactortest.NewPair(client, server)
	pair.Chunk = 2
	client.Transport().Write([]byte("hel"))
	client.Transport().WriteSequence([][]byte{[]byte("lo"), nil})
	server.want(t, "made") // nothing before Pump
	if !pair.Pump() {
		t.Error("nothing happened")
	}
	server.want(t, "made", "he")
	pair.Flush()
	server.want(t, "made", "he", "ll", "o")
	if pair.Pump() {
		t.Error("something happened")
	}
	server.onData = func(data []byte) { server.Transport().Write(bytes.ToUpper(data)) }
	client.Transport().Write([]byte("a"))
	client.Transport().LoseConnection()
	pair.Flush()
	client.want(t, "made", "done") // R262: no data after LoseConnection
	server.want(t, "made", "he", "ll", "o", "a", "done")
	client.Transport().Write([]byte("late"))
	if client.Transport().GetPeer() != server.Transport().GetHost() {
		t.Error("other addresses")
	}
}

func TestR530_PairAbort(t *testing.T) {
	client, server := new(endpoint), new(endpoint)
	pair := reactortest.NewPair(client, server)
	client.Transport().Write([]byte("dropped"))
	client.Transport().AbortConnection()
	client.Transport().AbortConnection()
	client.want(t, "made") // not inside the call
	pair.Flush()
	client.want(t, "made", "aborted")
	server.want(t, "made", "lost")
}

func TestR530_PairHalfClose(t *testing.T) {
	client, server := new(halfEndpoint), new(halfEndpoint)
	pair := reactortest.NewPair(client, server)
	client.Transport().Write([]byte("last"))
	client.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
	client.Transport().Write([]byte("dropped"))
	pair.Flush()
	client.want(t, "made", "write lost")
	server.want(t, "made", "last", "read lost")
	server.Transport().Write([]byte("answer"))
	pair.Flush()
	client.want(t, "made", "write lost", "answer")
	server.Transport().LoseConnection()
	pair.Flush()
	server.want(t, "made", "last", "read lost", "done")
	client.want(t, "made", "write lost", "answer", "read lost") // R275, R277: it closes by itself
	client.Transport().LoseConnection()
	pair.Flush()
	client.want(t, "made", "write lost", "answer", "read lost", "done")
}

func TestR530_PairProducersAndPausing(t *testing.T) {
	client, server := new(endpoint), new(endpoint)
	pair := reactortest.NewPair(client, server)
	tr := client.Transport()
	if err := tr.RegisterProducer(client, true); err != nil {
		t.Error(err)
	}
	if err := tr.RegisterProducer(client, true); !errors.Is(err, reactor.ErrProducerRegistered) {
		t.Errorf("got %v", err)
	}
	server.Transport().PauseProducing()
	tr.Write(make([]byte, reactor.BufferLimit+1))
	pair.Flush()
	client.want(t, "made", "pause")
	server.Transport().ResumeProducing()
	pair.Flush()
	client.want(t, "made", "pause", "resume")
	tr.LoseConnection() // waits for the producer
	pair.Flush()
	client.want(t, "made", "pause", "resume")
	tr.UnregisterProducer()
	server.Transport().PauseProducing()
	server.events = nil
	pair.Flush()
	server.want(t) // R297: told after the resume
	server.Transport().ResumeProducing()
	pair.Flush()
	server.want(t, "done")
	if err := tr.RegisterProducer(client, true); err != nil {
		t.Error(err)
	}
	client.want(t, "made", "pause", "resume", "done", "stop")
}

func TestPairThatTalksForEver(t *testing.T) {
	client, server := new(endpoint), new(endpoint)
	for _, e := range []*endpoint{client, server} {
		e.onData = func(data []byte) { e.events = nil; e.Transport().Write(data) }
	}
	pair := reactortest.NewPair(client, server)
	client.Transport().Write([]byte("x"))
	wantPanic(t, "talking for ever", pair.Flush)
}

// factory is a client factory that notes what it is told.
type factory struct {
	reactor.BaseClientFactory
	events []string
}

func (f *factory) BuildProtocol(net.Addr) (reactor.Protocol, error) { return new(endpoint), nil }
func (f *factory) StartedConnecting(reactor.Connector)              { f.events = append(f.events, "connecting") }
func (f *factory) ClientConnectionFailed(_ reactor.Connector, reason error) {
	f.events = append(f.events, reason.Error())
}

func TestR517_R518_R522_MemoryReactor(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	f := new(factory)
	port, err := m.ListenTCP(80, f, reactor.ListenOptions{Interface: "127.0.0.1"})
	call := m.TCPServers[0]
	if err != nil || call.Port != 80 || call.Factory != f || call.Options.Interface != "127.0.0.1" || port.GetHost().String() != "127.0.0.1:80" || !call.Listening {
		t.Errorf("%v, %+v", err, call)
	}
	d := port.StopListening()
	if !d.Called() || call.Listening || call.Stops != 1 || port.StartListening() != nil {
		t.Errorf("%+v", call)
	}
	config := new(tls.Config)
	_, _ = m.ListenTLS(443, f, config, reactor.ListenOptions{Interface: "::1"})
	_, _ = m.ListenUNIX("/socket", f, reactor.UNIXOptions{Mode: 0o600})
	if tls := m.TLSServers[0]; tls.Port != 443 || tls.TLS != config || tls.Factory != f || tls.GetHost().String() != "[::1]:443" ||
		m.UNIXServers[0].Factory != f || m.UNIXServers[0].GetHost() != (reactor.UNIXAddress{Path: "/socket"}) ||
		m.UNIXServers[0].Path != "/socket" || m.UNIXServers[0].UNIXOptions.Mode != 0o600 {
		t.Errorf("%+v, %+v", m.TLSServers[0], m.UNIXServers[0])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	adopted, err := m.Listen(l, f)
	if err != nil {
		t.Fatal(err)
	}
	if call := m.Adopted[0]; call.Listener != l || call.Factory != f || !call.Listening || adopted.GetHost() != reactor.AddressOf(l.Addr()) {
		t.Errorf("%+v", call)
	}
	for _, when := range []string{"while it is listening", "after it was stopped"} {
		var cannot *reactor.CannotListenError
		if err := adopted.StartListening(); !errors.As(err, &cannot) || cannot.Port != l.Addr().(*net.TCPAddr).Port {
			t.Errorf("F49: starting an adopted port %s: %v", when, err)
		}
		adopted.StopListening()
	}

	c := m.ConnectTCP("example.org", 22, f, reactor.DialOptions{Timeout: time.Second, BindAddress: "127.0.0.1"})
	client := m.TCPClients[0]
	if client.Host != "example.org" || client.Port != 22 || client.Options.Timeout != time.Second || client.Options.BindAddress != "127.0.0.1" ||
		c.GetDestination().String() != "example.org:22" || !slices.Equal(f.events, []string{"connecting"}) {
		t.Errorf("%+v, %v", client, f.events)
	}
	_, _ = c.Connect(), c.StopConnecting()
	c.Disconnect()
	if !client.Stopped || !client.Dropped || client.Connects != 1 {
		t.Errorf("%+v", client.FakeConnector)
	}
	m.ConnectTLS("h", 1, f, config, reactor.DialOptions{Timeout: 1})
	m.ConnectUNIX("/socket", f, reactor.UNIXDialOptions{DialOptions: reactor.DialOptions{Timeout: 2}, CheckLock: true})
	if call := m.TLSClients[0]; call.Host != "h" || call.Port != 1 || call.TLS != config || call.Factory != f || call.Options.Timeout != 1 {
		t.Errorf("%+v", call)
	}
	if call := m.UNIXClients[0]; !call.Check || call.Host != "/socket" || call.Factory != f || call.Options.Timeout != 2 {
		t.Errorf("%+v", call)
	}
	ran := false
	if !m.CallFromThread(func() { ran = true }) || ran {
		t.Error("ran at once")
	}
	if m.Advance(0); !ran {
		t.Error("did not run")
	}
}

func TestR517_MemoryReactorDials(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	d := m.Dial("tcp", "192.0.2.1:22", reactor.DialOptions{})
	near, _ := net.Pipe()
	m.Dials[0].Result.Callback(near)
	if got, _, _ := d.Result(); got != near {
		t.Errorf("got %v", got)
	}
	d = m.DialUNIX("/socket", reactor.UNIXDialOptions{CheckLock: true})
	d.Cancel()
	_, err, _ := d.Result()
	if !errors.Is(err, deferred.ErrCancelled) || !m.Dials[1].Cancelled || !m.Dials[1].CheckLock {
		t.Errorf("%v, %+v", err, m.Dials[1])
	}
	d.AddErrback(func(error) (net.Conn, error) { return nil, nil })

	p := new(endpoint)
	lost := error(nil)
	reactor.OnConnectionLost(p, func(reason error) { lost = reason })
	tr, err := m.Attach(near, p, reactor.AttachOptions{})
	if err != nil || m.Attached[0].Protocol != p || m.Attached[0].Conn != near {
		t.Errorf("%v, %+v", err, m.Attached[0])
	}
	tr.LoseConnection()
	p.want(t, "made", "done")
	if lost != reactor.ErrConnectionDone {
		t.Errorf("lost: %v", lost)
	}

	m.Hosts["two.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	for host, want := range map[string]string{"two.example": "192.0.2.1", "::1": "::1"} {
		if got, err, _ := m.Resolve("ip", host).Result(); err != nil || got[0].String() != want {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
	missing := m.Resolve("ip", "missing")
	if _, err, _ := missing.Result(); !errors.Is(err, reactor.ErrUnknownHost) {
		t.Errorf("got %v", err)
	}
	missing.AddErrback(func(error) ([]netip.Addr, error) { return nil, nil })
	pending := deferred.New[[]netip.Addr]()
	m.ResolveFunc = func(string, string) deferred.Deferred[[]netip.Addr] { return pending }
	if m.Resolve("ip", "later") != pending {
		t.Error("ResolveFunc was not asked")
	}
}

func TestR519_MemoryReactorRun(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	if m.HasRun || m.HasStopped || m.HasCrashed || m.Running() {
		t.Error("odd initial flags")
	}
	var got []string
	m.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, func() { got = append(got, "shutdown") })
	m.CallWhenRunning(func() {
		got = append(got, "running")
		m.CallWhenRunning(func() { got = append(got, "at once") })
		if !m.Running() {
			t.Error("not running")
		}
	})
	_, _, _ = m.Run(), m.Stop(), m.Crash()
	if !slices.Equal(got, []string{"running", "at once"}) || !m.HasRun || !m.HasStopped || !m.HasCrashed || m.Running() {
		t.Errorf("%v, %+v", got, m)
	}
	if len(m.Triggers) != 2 || m.Triggers[0].Phase != reactor.Before || m.Triggers[0].Event != reactor.Shutdown {
		t.Errorf("%+v", m.Triggers)
	}
}

func TestR523_RaisingMemoryReactor(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	m.Err = errors.New("no")
	for name, listen := range map[string]func(f reactor.Factory) (reactor.ListeningPort, error){
		"TCP": func(f reactor.Factory) (reactor.ListeningPort, error) {
			return m.ListenTCP(1, f, reactor.ListenOptions{})
		},
		"TLS": func(f reactor.Factory) (reactor.ListeningPort, error) {
			return m.ListenTLS(1, f, nil, reactor.ListenOptions{})
		},
		"UNIX": func(f reactor.Factory) (reactor.ListeningPort, error) {
			return m.ListenUNIX("", f, reactor.UNIXOptions{})
		},
	} {
		if port, err := listen(new(factory)); err != m.Err || port != nil {
			t.Errorf("%s: %v, %v", name, port, err)
		}
	}
	for name, connect := range map[string]func(f reactor.ClientFactory) reactor.Connector{
		"TCP": func(f reactor.ClientFactory) reactor.Connector { return m.ConnectTCP("", 1, f, reactor.DialOptions{}) },
		"TLS": func(f reactor.ClientFactory) reactor.Connector {
			return m.ConnectTLS("", 1, f, nil, reactor.DialOptions{})
		},
		"UNIX": func(f reactor.ClientFactory) reactor.Connector {
			return m.ConnectUNIX("", f, reactor.UNIXDialOptions{})
		},
	} {
		f := new(factory)
		if connect(f); !slices.Equal(f.events, []string{"connecting", "no"}) {
			t.Errorf("%s: %v", name, f.events)
		}
	}
	deferredtest.FailureResultOf(t, m.Dial("tcp", "", reactor.DialOptions{}), m.Err)
	deferredtest.FailureResultOf(t, m.DialUNIX("", reactor.UNIXDialOptions{}), m.Err)
}

// A Dial behaves as on a real reactor when its time is up or it is cancelled.
func TestR523_TheEndsOfADial(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	for _, row := range []struct {
		network, address string
		opts             reactor.DialOptions
		limit            time.Duration
		destination      net.Addr
	}{
		{"tcp", "192.0.2.1:22", reactor.DialOptions{Timeout: time.Second}, time.Second, reactor.IPAddress{AddrPort: netip.MustParseAddrPort("192.0.2.1:22")}},
		{"unix", "/socket", reactor.DialOptions{}, reactor.DefaultConnectTimeout, reactor.UNIXAddress{Path: "/socket"}},
		{"tcp", "192.0.2.1:22", reactor.DialOptions{Timeout: -1}, 0, reactor.IPAddress{AddrPort: netip.MustParseAddrPort("192.0.2.1:22")}},
	} {
		d := m.Dial(row.network, row.address, row.opts)
		if row.limit > 0 {
			m.Advance(row.limit - 1)
			deferredtest.AssertNoResult(t, d)
			m.Advance(1)
			err := deferredtest.FailureResultOf(t, d, reactor.ErrConnectTimeout)
			if e, ok := errors.AsType[*reactor.ConnectError](err); !ok || e.Address != row.address {
				t.Errorf("got %v", err)
			}
		} else {
			m.Advance(time.Hour)
			deferredtest.AssertNoResult(t, d)
			d.Cancel()
			deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
		}
		d = m.Dial(row.network, row.address, row.opts)
		d.Cancel()
		err := deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
		if e, ok := errors.AsType[*reactor.ConnectingCancelledError](err); !ok || e.Address != row.destination {
			t.Errorf("got %v", err)
		}
	}
	near, far := net.Pipe()
	defer far.Close()
	d := m.Dial("tcp", "192.0.2.1:22", reactor.DialOptions{})
	m.Dials[len(m.Dials)-1].Result.Callback(near)
	deferredtest.SuccessResultOf(t, d)
	if calls := m.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
	tr, _ := m.Attach(near, new(endpoint), reactor.AttachOptions{})
	tr.AbortConnection()
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the attached connection was not closed: %v", err)
	}
}

// CallFromThread may be called on any goroutine.
func TestR522_CallFromThreadOfTheMemoryReactor(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	var got []string
	m.CallLater(0, func() { got = append(got, "delayed") })
	posted := make(chan struct{})
	go func() { // ends at once
		defer close(posted)
		for range 3 {
			m.CallFromThread(func() { got = append(got, "posted") })
		}
	}()
	m.Advance(0)
	<-posted
	m.Advance(0)
	slices.Sort(got)
	if !slices.Equal(got, []string{"delayed", "posted", "posted", "posted"}) {
		t.Errorf("ran %v", got)
	}
}

func TestF49_NilArguments(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	var p *endpoint
	for want, f := range map[string]func(){
		"NewPair: nil client":          func() { reactortest.NewPair(p, new(endpoint)) },
		"NewPair: nil server":          func() { reactortest.NewPair(new(endpoint), nil) },
		"Connect: nil protocol":        func() { reactortest.Connect(p) },
		"Run: nil function":            func() { reactortest.Run(t, nil) },
		"Attach: nil protocol":         func() { _, _ = m.Attach(nil, p, reactor.AttachOptions{}) },
		"CallFromThread: nil function": func() { m.CallFromThread(nil) },
		"Listen: nil listener":         func() { m.Listen(nil, new(factory)) },
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("panic with %v, want %q", err, want)
				}
			}()
			f()
		}()
	}
}

func TestTLSConfigs(t *testing.T) {
	server, client := reactortest.TLSConfigs(t)
	if len(server.Certificates) != 1 || client.ServerName != "localhost" {
		t.Errorf("%+v, %+v", server, client)
	}
}

func TestR534_StartAndRun(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	if !r.Running() {
		t.Error("not running")
	}
	reactortest.Run(t, func(r *reactor.Reactor) { _ = r.Stop() })
}
