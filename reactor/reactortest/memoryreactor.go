package reactortest

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// MemoryReactor is a reactor.Network that opens no sockets (R517, R522): it records who connects and who listens, and is driven by the test, which
// fires Deferreds, builds protocols, and moves the clock. It belongs to one goroutine.
type MemoryReactor struct {
	*Clock

	// What was asked for, in order.
	Dials       []*Dialled
	TCPClients  []*ClientCall
	TLSClients  []*ClientCall
	UNIXClients []*ClientCall
	TCPServers  []*ServerCall
	TLSServers  []*ServerCall
	UNIXServers []*ServerCall
	Adopted     []*ServerCall
	Attached    []*Attachment

	// Hosts answers Resolve. A name that is not there fails with a *reactor.DNSLookupError. Lookups that are to be answered later go to
	// ResolveFunc.
	Hosts       map[string][]netip.Addr
	ResolveFunc func(network, host string) deferred.Deferred[[]netip.Addr]

	// Err, if not nil, is returned by each listen call, and fails each Dial and each connect call (R523).
	Err error

	// What was called of the reactor itself (R519).
	HasRun, HasStopped, HasCrashed bool
	Triggers                       []RecordedTrigger
	running                        bool
}

// Dialled is a call of Dial or DialUNIX.
type Dialled struct {
	Network, Address string
	Options          reactor.DialOptions
	CheckLock        bool
	Result           deferred.Deferred[net.Conn] // to be fired by the test
	Cancelled        bool
}

// ClientCall is a call of ConnectTCP, ConnectTLS or ConnectUNIX.
type ClientCall struct {
	Host    string // or the path
	Port    int
	Factory reactor.ClientFactory
	TLS     *tls.Config
	Options reactor.DialOptions
	Check   bool // CheckLock
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

// Attachment is a call of Attach.
type Attachment struct {
	Conn      net.Conn
	Protocol  reactor.Protocol
	Options   reactor.AttachOptions
	Transport *StringTransport
}

// RecordedTrigger is a call of AddSystemEventTrigger.
type RecordedTrigger struct {
	Phase reactor.Phase
	Event string
	F     func()
}

var _ reactor.Network = (*MemoryReactor)(nil)

// NewMemoryReactor returns a reactor that has been asked for nothing, with its clock at 0.
func NewMemoryReactor() *MemoryReactor {
	return &MemoryReactor{Clock: NewClock(), Hosts: make(map[string][]netip.Addr)}
}

// CallFromThread runs f in the next Advance.
func (m *MemoryReactor) CallFromThread(f func()) bool {
	m.CallLater(0, f)
	return true
}

// Resolve answers from ResolveFunc or Hosts; a literal is itself.
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

// Dial records the call. The test fires its Result; cancelling that is recorded, and fails it with a *reactor.ConnectingCancelledError.
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
		result.Errback(&reactor.ConnectingCancelledError{Address: reactor.UNIXAddress{Path: d.Address}})
	})
	return d.Result
}

// Attach gives the protocol a StringTransport and records it. LoseConnection and AbortConnection of that call ConnectionLost.
func (m *MemoryReactor) Attach(nc net.Conn, p reactor.Protocol, opts reactor.AttachOptions) (reactor.Transport, error) {
	t := NewStringTransport()
	t.OnLose = func(reason error) { reactor.EndConnection(p, reason) }
	m.Attached = append(m.Attached, &Attachment{Conn: nc, Protocol: p, Options: opts, Transport: t})
	reactor.MakeConnection(p, t)
	return t, nil
}

// ListenTCP records the call and returns a FakePort (R518).
func (m *MemoryReactor) ListenTCP(port int, f reactor.Factory, opts reactor.ListenOptions) (reactor.ListeningPort, error) {
	return m.listen(&m.TCPServers, &ServerCall{Port: port, Factory: f, Options: opts, FakePort: fakeTCPPort(opts.Interface, port)})
}

// ListenTLS records the call and returns a FakePort.
func (m *MemoryReactor) ListenTLS(port int, f reactor.Factory, config *tls.Config, opts reactor.ListenOptions) (reactor.ListeningPort, error) {
	return m.listen(&m.TLSServers, &ServerCall{Port: port, Factory: f, TLS: config, Options: opts, FakePort: fakeTCPPort(opts.Interface, port)})
}

// ListenUNIX records the call and returns a FakePort.
func (m *MemoryReactor) ListenUNIX(path string, f reactor.Factory, opts reactor.UNIXOptions) (reactor.ListeningPort, error) {
	port := &FakePort{Host: reactor.UNIXAddress{Path: path}}
	return m.listen(&m.UNIXServers, &ServerCall{Path: path, Factory: f, UNIXOptions: opts, FakePort: port})
}

// Listen records the call and returns a FakePort.
func (m *MemoryReactor) Listen(l net.Listener, f reactor.Factory) (reactor.ListeningPort, error) {
	return m.listen(&m.Adopted, &ServerCall{Factory: f, Listener: l, FakePort: &FakePort{Host: l.Addr()}})
}

func (m *MemoryReactor) listen(list *[]*ServerCall, call *ServerCall) (reactor.ListeningPort, error) {
	*list = append(*list, call)
	if m.Err != nil {
		return nil, m.Err
	}
	call.Listening = true
	return call.FakePort, nil
}

// ConnectTCP records the call, calls StartedConnecting, and returns a FakeConnector (R518).
func (m *MemoryReactor) ConnectTCP(host string, port int, f reactor.ClientFactory, opts reactor.DialOptions) reactor.Connector {
	return m.connect(&m.TCPClients, &ClientCall{Host: host, Port: port, Factory: f, Options: opts}, reactor.HostnameAddress{Host: host, Port: port})
}

// ConnectTLS records the call, as ConnectTCP does.
func (m *MemoryReactor) ConnectTLS(host string, port int, f reactor.ClientFactory, config *tls.Config, opts reactor.DialOptions) reactor.Connector {
	call := &ClientCall{Host: host, Port: port, Factory: f, TLS: config, Options: opts}
	return m.connect(&m.TLSClients, call, reactor.HostnameAddress{Host: host, Port: port})
}

// ConnectUNIX records the call, as ConnectTCP does.
func (m *MemoryReactor) ConnectUNIX(path string, f reactor.ClientFactory, opts reactor.UNIXDialOptions) reactor.Connector {
	call := &ClientCall{Host: path, Factory: f, Options: opts.DialOptions, Check: opts.CheckLock}
	return m.connect(&m.UNIXClients, call, reactor.UNIXAddress{Path: path})
}

func (m *MemoryReactor) connect(list *[]*ClientCall, call *ClientCall, to net.Addr) reactor.Connector {
	call.FakeConnector = &FakeConnector{Destination: to}
	*list = append(*list, call)
	call.Factory.StartedConnecting(call.FakeConnector)
	if m.Err != nil {
		call.Factory.ClientConnectionFailed(call.FakeConnector, m.Err)
	}
	return call.FakeConnector
}

// Run sets Running, calls what was given to CallWhenRunning, and stops.
func (m *MemoryReactor) Run() error {
	m.HasRun, m.running = true, true
	triggers := m.Triggers
	for _, t := range triggers {
		if t.Phase == reactor.After && t.Event == reactor.Startup {
			t.F()
		}
	}
	m.running = false
	return nil
}

// Running reports whether Run is running.
func (m *MemoryReactor) Running() bool { return m.running }

// Stop notes that it was called.
func (m *MemoryReactor) Stop() error {
	m.HasStopped = true
	return nil
}

// Crash notes that it was called.
func (m *MemoryReactor) Crash() error {
	m.HasCrashed = true
	return nil
}

// AddSystemEventTrigger records the call.
func (m *MemoryReactor) AddSystemEventTrigger(phase reactor.Phase, event string, f func()) {
	m.Triggers = append(m.Triggers, RecordedTrigger{phase, event, f})
}

// CallWhenRunning calls f, at once or in Run.
func (m *MemoryReactor) CallWhenRunning(f func()) {
	if m.running {
		f()
		return
	}
	m.AddSystemEventTrigger(reactor.After, reactor.Startup, f)
}

// FakePort is a reactor.ListeningPort that listens on nothing.
type FakePort struct {
	Host      net.Addr
	Listening bool
	Stops     int // calls of StopListening
}

func fakeTCPPort(iface string, port int) *FakePort {
	addr, err := netip.ParseAddr(iface)
	if err != nil {
		addr = netip.IPv4Unspecified()
	}
	return &FakePort{Host: reactor.IPAddress{AddrPort: netip.AddrPortFrom(addr, uint16(port))}}
}

// GetHost returns the address as it was asked for.
func (p *FakePort) GetHost() net.Addr { return p.Host }

// StartListening is part of reactor.ListeningPort.
func (p *FakePort) StartListening() error {
	p.Listening = true
	return nil
}

// StopListening is part of reactor.ListeningPort. It has fired when it returns.
func (p *FakePort) StopListening() deferred.Deferred[struct{}] {
	p.Listening = false
	p.Stops++
	return deferred.Succeed(struct{}{})
}

// FakeConnector is a reactor.Connector that connects to nothing. It notes what is called.
type FakeConnector struct {
	Destination net.Addr
	Connects    int
	Stopped     bool // StopConnecting was called
	Dropped     bool // Disconnect was called
}

// Connect is part of reactor.Connector.
func (c *FakeConnector) Connect() error {
	c.Connects++
	return nil
}

// StopConnecting is part of reactor.Connector.
func (c *FakeConnector) StopConnecting() error {
	c.Stopped = true
	return nil
}

// Disconnect is part of reactor.Connector.
func (c *FakeConnector) Disconnect() { c.Dropped = true }

// GetDestination is part of reactor.Connector.
func (c *FakeConnector) GetDestination() net.Addr { return c.Destination }
