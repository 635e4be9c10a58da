package reactortest

import (
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// MemoryReactor is a reactor.Network without sockets, and a
// reactor.ProcessSpawner without processes. It records calls to connect, to
// listen and to start processes. The test fires the Deferreds of Dials, calls
// the factories, plays the processes, and advances the clock.
//
// All methods but CallFromThread belong to one goroutine. Make one with
// NewMemoryReactor.
type MemoryReactor struct {
	*Clock

	// The recorded calls, in order.
	Dials       []*Dialled
	TCPClients  []*ClientCall
	TLSClients  []*ClientCall
	UNIXClients []*ClientCall
	TCPServers  []*ServerCall
	TLSServers  []*ServerCall
	UNIXServers []*ServerCall
	UDPPorts    []*UDPCall
	Adopted     []*ServerCall
	Attached    []*Attachment
	Processes   []*FakeProcess
	Standard    []*Attachment // calls of StandardIO

	// Hosts has the answers of Resolve. A name that is not in the map fails
	// with a *reactor.DNSLookupError.
	Hosts map[string][]netip.Addr

	// ResolveFunc, if not nil, answers Resolve instead of Hosts.
	ResolveFunc func(network, host string) deferred.Deferred[[]netip.Addr]

	// Err, if not nil, is the error of each call to listen and of SpawnProcess,
	// and the failure of each call to connect. A real reactor returns a
	// *reactor.CannotListenError, *reactor.CannotSpawnError or
	// *reactor.ConnectError.
	Err error

	HasRun     bool // Run was called
	HasStopped bool // Stop was called
	HasCrashed bool // Crash was called
	Triggers   []RecordedTrigger

	running bool
}

var (
	_ reactor.Network        = (*MemoryReactor)(nil)
	_ reactor.ProcessSpawner = (*MemoryReactor)(nil)
)

// Dialled is a call of Dial or DialUNIX.
type Dialled struct {
	Network, Address string // for DialUNIX "unix" and the path
	Options          reactor.DialOptions
	CheckLock        bool

	// Result is the Deferred that the call has returned. The test fires it.
	Result    deferred.Deferred[net.Conn]
	Cancelled bool
}

// ClientCall is a call of ConnectTCP, ConnectTLS or ConnectUNIX.
type ClientCall struct {
	Host    string // for ConnectUNIX the path
	Port    int
	Factory reactor.ClientFactory
	TLS     *tls.Config
	Options reactor.DialOptions
	Check   bool // UNIXDialOptions.CheckLock
	*FakeConnector
}

// ServerCall is a call of ListenTCP, ListenTLS, ListenUNIX or Listen.
type ServerCall struct {
	Port        int
	Path        string
	Factory     reactor.Factory
	TLS         *tls.Config
	Options     reactor.ListenOptions
	UNIXOptions reactor.UNIXOptions
	Listener    net.Listener
	*FakePort
}

// UDPCall is a call of ListenUDP.
type UDPCall struct {
	Port     int
	Protocol reactor.DatagramProtocol
	Options  reactor.UDPOptions
	*FakeDatagramTransport
}

// Attachment is a call of Attach, or of StandardIO, which has no Conn.
type Attachment struct {
	Conn      net.Conn
	Protocol  reactor.Protocol
	Options   reactor.AttachOptions
	Transport *StringTransport
}

// RecordedTrigger is a call of AddSystemEventTrigger or CallWhenRunning.
type RecordedTrigger struct {
	Phase reactor.Phase
	Event string
	F     func()
}

// NewMemoryReactor returns a MemoryReactor with a new Clock.
func NewMemoryReactor() *MemoryReactor {
	return &MemoryReactor{Clock: NewClock(), Hosts: make(map[string][]netip.Addr)}
}

// CallFromThread runs f in the next Advance, or in the one in progress. Any
// goroutine may call CallFromThread. The result is true.
func (m *MemoryReactor) CallFromThread(f func()) bool {
	arg.NotNil("reactortest: MemoryReactor.CallFromThread", "function", f)
	m.post(f)
	return true
}

// Resolve answers from ResolveFunc or Hosts. An IP literal is its own answer.
func (m *MemoryReactor) Resolve(network, host string) deferred.Deferred[[]netip.Addr] {
	if addr, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeed([]netip.Addr{addr})
	}
	if m.ResolveFunc != nil {
		return m.ResolveFunc(network, host)
	}
	if addrs, ok := m.Hosts[host]; ok {
		return deferred.Succeed(addrs)
	}
	return deferred.Fail[[]netip.Addr](&reactor.DNSLookupError{Host: host})
}

// Dial records the call. The test fires Dialled.Result. As with a real reactor,
// the Deferred fails with a *reactor.ConnectingCancelledError when it is
// cancelled, and with a *reactor.ConnectError of the kind ErrConnectTimeout
// when opts.Timeout has passed on the clock.
func (m *MemoryReactor) Dial(network, address string, opts reactor.DialOptions) deferred.Deferred[net.Conn] {
	return m.dial(&Dialled{Network: network, Address: address, Options: opts})
}

// DialUNIX records the call, as Dial does.
func (m *MemoryReactor) DialUNIX(path string, opts reactor.UNIXDialOptions) deferred.Deferred[net.Conn] {
	return m.dial(&Dialled{Network: "unix", Address: path, Options: opts.DialOptions, CheckLock: opts.CheckLock})
}

func (m *MemoryReactor) dial(d *Dialled) deferred.Deferred[net.Conn] {
	m.Dials = append(m.Dials, d)
	if m.Err != nil {
		d.Result = deferred.Fail[net.Conn](m.Err)
		return d.Result
	}
	d.Result = deferred.New(func(result deferred.Deferred[net.Conn]) {
		d.Cancelled = true
		result.Errback(&reactor.ConnectingCancelledError{Address: d.destination()})
	})
	if limit := timeoutOf(d.Options); limit > 0 {
		stop := m.AfterFunc(limit, func() {
			d.Result.Errback(&reactor.ConnectError{Address: d.Address, Kind: reactor.ErrConnectTimeout})
		})
		d.Result.AddBoth(func(nc net.Conn, err error) (net.Conn, error) {
			stop()
			return nc, err
		})
	}
	return d.Result
}

func timeoutOf(opts reactor.DialOptions) time.Duration {
	if opts.Timeout == 0 {
		return reactor.DefaultConnectTimeout
	}
	return opts.Timeout
}

// destination returns the address as a net.Addr.
func (d *Dialled) destination() net.Addr {
	if d.Network == "unix" {
		return reactor.UNIXAddress{Path: d.Address}
	}
	if ap, err := netip.ParseAddrPort(d.Address); err == nil {
		return reactor.IPAddress{AddrPort: ap}
	}
	return opaqueAddress{d.Network, d.Address}
}

// opaqueAddress is an address that only DialOptions.DialContext understands.
type opaqueAddress struct{ network, address string }

func (a opaqueAddress) Network() string { return a.network }
func (a opaqueAddress) String() string  { return a.address }

// Attach connects p to a StringTransport and records the call. LoseConnection
// and AbortConnection of the transport close nc, unless that is nil, and call
// ConnectionLost before they return. The error is always nil.
func (m *MemoryReactor) Attach(nc net.Conn, p reactor.Protocol, opts reactor.AttachOptions) (reactor.Transport, error) {
	arg.NotNil("reactortest: MemoryReactor.Attach", "protocol", p)
	return m.attach(&m.Attached, nc, p, opts), nil
}

// StandardIO connects p to a StringTransport and records the call in Standard.
// The transport behaves as that of Attach. The error is always nil.
func (m *MemoryReactor) StandardIO(p reactor.Protocol, _ reactor.StandardIOOptions) (reactor.Transport, error) {
	arg.NotNil("reactortest: MemoryReactor.StandardIO", "protocol", p)
	return m.attach(&m.Standard, nil, p, reactor.AttachOptions{}), nil
}

func (m *MemoryReactor) attach(
	calls *[]*Attachment, nc net.Conn, p reactor.Protocol, opts reactor.AttachOptions,
) reactor.Transport {
	t := NewStringTransport()
	t.OnLose = func(reason error) {
		if nc != nil {
			_ = nc.Close()
		}
		reactor.EndConnection(p, reason)
	}
	*calls = append(*calls, &Attachment{Conn: nc, Protocol: p, Options: opts, Transport: t})
	reactor.MakeConnection(p, t)
	return t
}

// ListenTCP records the call and returns a FakePort.
func (m *MemoryReactor) ListenTCP(
	port int, f reactor.Factory, opts reactor.ListenOptions,
) (reactor.ListeningPort, error) {
	call := &ServerCall{Port: port, Factory: f, Options: opts, FakePort: fakeTCPPort(opts.Interface, port)}
	return m.listen(&m.TCPServers, call)
}

// ListenTLS records the call and returns a FakePort.
func (m *MemoryReactor) ListenTLS(
	port int, f reactor.Factory, config *tls.Config, opts reactor.ListenOptions,
) (reactor.ListeningPort, error) {
	call := &ServerCall{Port: port, Factory: f, TLS: config, Options: opts, FakePort: fakeTCPPort(opts.Interface, port)}
	return m.listen(&m.TLSServers, call)
}

// ListenUNIX records the call and returns a FakePort.
func (m *MemoryReactor) ListenUNIX(
	path string, f reactor.Factory, opts reactor.UNIXOptions,
) (reactor.ListeningPort, error) {
	port := &FakePort{Host: reactor.UNIXAddress{Path: path}}
	return m.listen(&m.UNIXServers, &ServerCall{Path: path, Factory: f, UNIXOptions: opts, FakePort: port})
}

// Listen records the call and returns a FakePort that is listening, or m.Err.
func (m *MemoryReactor) Listen(l net.Listener, f reactor.Factory) (reactor.ListeningPort, error) {
	arg.NotNil("reactortest: MemoryReactor.Listen", "listener", l)
	port := &FakePort{Host: reactor.AddressOf(l.Addr()), Listening: true, adopted: true}
	return m.listen(&m.Adopted, &ServerCall{Factory: f, Listener: l, FakePort: port})
}

// ListenUDP records the call and connects p to a FakeDatagramTransport, or
// returns m.Err.
func (m *MemoryReactor) ListenUDP(
	port int, p reactor.DatagramProtocol, opts reactor.UDPOptions,
) (reactor.DatagramTransport, error) {
	arg.NotNil("reactortest: MemoryReactor.ListenUDP", "protocol", p)
	call := &UDPCall{Port: port, Protocol: p, Options: opts, FakeDatagramTransport: newFakeUDPPort(opts.Interface, port)}
	m.UDPPorts = append(m.UDPPorts, call)
	if m.Err != nil {
		return nil, m.Err
	}
	call.start(p)
	return call.FakeDatagramTransport, nil
}

func (m *MemoryReactor) listen(calls *[]*ServerCall, call *ServerCall) (reactor.ListeningPort, error) {
	*calls = append(*calls, call)
	if m.Err != nil {
		return nil, m.Err
	}
	call.Listening = true
	return call.FakePort, nil
}

// ConnectTCP records the call, calls StartedConnecting of the factory, and
// returns a FakeConnector.
func (m *MemoryReactor) ConnectTCP(
	host string, port int, f reactor.ClientFactory, opts reactor.DialOptions,
) reactor.Connector {
	call := &ClientCall{Host: host, Port: port, Factory: f, Options: opts}
	return m.connect(&m.TCPClients, call, reactor.HostnameAddress{Host: host, Port: port})
}

// ConnectTLS records the call, as ConnectTCP does.
func (m *MemoryReactor) ConnectTLS(
	host string, port int, f reactor.ClientFactory, config *tls.Config, opts reactor.DialOptions,
) reactor.Connector {
	call := &ClientCall{Host: host, Port: port, Factory: f, TLS: config, Options: opts}
	return m.connect(&m.TLSClients, call, reactor.HostnameAddress{Host: host, Port: port})
}

// ConnectUNIX records the call, as ConnectTCP does.
func (m *MemoryReactor) ConnectUNIX(
	path string, f reactor.ClientFactory, opts reactor.UNIXDialOptions,
) reactor.Connector {
	call := &ClientCall{Host: path, Factory: f, Options: opts.DialOptions, Check: opts.CheckLock}
	return m.connect(&m.UNIXClients, call, reactor.UNIXAddress{Path: path})
}

func (m *MemoryReactor) connect(calls *[]*ClientCall, call *ClientCall, to net.Addr) reactor.Connector {
	call.FakeConnector = &FakeConnector{Destination: to}
	*calls = append(*calls, call)
	call.Factory.StartedConnecting(call.FakeConnector)
	if m.Err != nil {
		call.Factory.ClientConnectionFailed(call.FakeConnector, m.Err)
	}
	return call.FakeConnector
}

// SpawnProcess connects p to a FakeProcess and records the call, or returns
// m.Err.
func (m *MemoryReactor) SpawnProcess(
	p reactor.ProcessProtocol, executable string, args []string, opts reactor.ProcessOptions,
) (reactor.ProcessTransport, error) {
	arg.NotNil("reactortest: MemoryReactor.SpawnProcess", "protocol", p)
	if m.Err != nil {
		return nil, m.Err
	}
	f := newFakeProcess(p, opts)
	f.Executable, f.Args = executable, args
	m.Processes = append(m.Processes, f)
	reactor.MakeProcessConnection(p, f)
	return f, nil
}

// Run sets HasRun, calls the functions given to CallWhenRunning, and returns.
// Running returns true meanwhile.
func (m *MemoryReactor) Run() error {
	m.HasRun, m.running = true, true
	for _, t := range m.Triggers {
		if t.Phase == reactor.After && t.Event == reactor.Startup {
			t.F()
		}
	}
	m.running = false
	return nil
}

// Running reports whether Run is in progress.
func (m *MemoryReactor) Running() bool { return m.running }

// Stop sets HasStopped.
func (m *MemoryReactor) Stop() error {
	m.HasStopped = true
	return nil
}

// Crash sets HasCrashed.
func (m *MemoryReactor) Crash() error {
	m.HasCrashed = true
	return nil
}

// AddSystemEventTrigger appends the call to Triggers. Run calls only triggers
// after startup.
func (m *MemoryReactor) AddSystemEventTrigger(phase reactor.Phase, event string, f func()) {
	m.Triggers = append(m.Triggers, RecordedTrigger{phase, event, f})
}

// CallWhenRunning calls f at once if Run is in progress, otherwise in Run.
func (m *MemoryReactor) CallWhenRunning(f func()) {
	if m.running {
		f()
		return
	}
	m.AddSystemEventTrigger(reactor.After, reactor.Startup, f)
}
