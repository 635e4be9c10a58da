package reactortest_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
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
}

func TestR516_TransportWithDisconnection(t *testing.T) {
	p := new(reactortest.AccumulatingProtocol)
	tr := reactortest.Connect(p)
	if !p.Made || !p.Connected() {
		t.Error("not connected")
	}
	tr.LoseConnection()
	tr.LoseConnection()
	tr.AbortConnection()
	if !p.Closed || p.Reason != reactor.ErrConnectionDone || p.Connected() {
		t.Errorf("closed %v, reason %v", p.Closed, p.Reason)
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
	patient.DataReceived([]byte("lo\r\nagain\r\n"))
	if tr.Value() != "one\r\n" || !slices.Equal(patient.Responses, []string{"hello", "again"}) {
		t.Errorf("sent %q, got %q", tr.Value(), patient.Responses)
	}
}

func TestR529_Log(t *testing.T) {
	log := reactortest.NewLog(t)
	log.Logger().With("a", 1).WithGroup("g").Info("hello", "to", "you")
	log.Logger().Error("bad")
	if got := log.Records(); !slices.Equal(got, []string{"INFO hello to=you", "ERROR bad"}) {
		t.Errorf("got %q", got)
	}
	if got := log.Take("bad"); len(got) != 1 || len(log.Records()) != 1 {
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
	client.want(t, "made", "write lost", "answer", "done")

	plain := new(endpoint)
	pair = reactortest.NewPair(client, plain)
	pair.Client.LoseWriteConnection()
	pair.Flush()
	plain.want(t, "made", "done")
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
	if err != nil || call.Port != 80 || call.Factory != f || port.GetHost().String() != "127.0.0.1:80" || !call.Listening {
		t.Errorf("%v, %+v", err, call)
	}
	d := port.StopListening()
	if !d.Called() || call.Listening || call.Stops != 1 || port.StartListening() != nil {
		t.Errorf("%+v", call)
	}
	_, _ = m.ListenTLS(443, f, nil, reactor.ListenOptions{})
	_, _ = m.ListenUNIX("/socket", f, reactor.UNIXOptions{Mode: 0o600})
	if m.TLSServers[0].Port != 443 || m.UNIXServers[0].Path != "/socket" || m.UNIXServers[0].UNIXOptions.Mode != 0o600 {
		t.Errorf("%+v, %+v", m.TLSServers[0], m.UNIXServers[0])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _ = m.Listen(l, f); m.Adopted[0].Listener != l {
		t.Error("not recorded")
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
	m.ConnectTLS("h", 1, f, nil, reactor.DialOptions{})
	m.ConnectUNIX("/socket", f, reactor.UNIXDialOptions{CheckLock: true})
	if len(m.TLSClients) != 1 || !m.UNIXClients[0].Check || m.UNIXClients[0].Host != "/socket" {
		t.Error("not recorded")
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
	f := new(factory)
	_, e1 := m.ListenTCP(1, f, reactor.ListenOptions{})
	_, e2 := m.ListenUNIX("", f, reactor.UNIXOptions{})
	d := m.Dial("tcp", "", reactor.DialOptions{})
	_, e3, _ := d.Result()
	d.AddErrback(func(error) (net.Conn, error) { return nil, nil })
	m.ConnectTCP("", 1, f, reactor.DialOptions{})
	if e1 != m.Err || e2 != m.Err || e3 != m.Err || !slices.Equal(f.events, []string{"connecting", "no"}) {
		t.Errorf("%v, %v, %v, %v", e1, e2, e3, f.events)
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
