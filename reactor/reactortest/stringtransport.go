package reactortest

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/reactor"
)

// ProducerState is what a StringTransport was told as a producer.
type ProducerState string

// The states of a StringTransport as a producer (R513).
const (
	Producing ProducerState = "producing"
	Paused    ProducerState = "paused"
	Stopped   ProducerState = "stopped"
)

// StringTransport is a transport that collects what is written (R510). Make one with NewStringTransport and give it to a protocol with
// reactor.MakeConnection. It calls nothing of the protocol; but see OnLose.
type StringTransport struct {
	// Host and Peer are the addresses; the defaults are fixed private ones (R514).
	Host, Peer net.Addr

	// Lenient allows pausing and resuming at any time; else doing so after LoseConnection or StopProducing panics.
	Lenient bool

	// OnLose, if not nil, is called by LoseConnection and AbortConnection, once, with the reason that a protocol would be given.
	OnLose func(reason error)

	State     ProducerState
	Producer  reactor.Producer // the registered one
	Streaming bool

	written       bytes.Buffer
	disconnecting bool
	disconnected  bool
	lost          bool
}

var (
	_ reactor.Transport           = (*StringTransport)(nil)
	_ reactor.HalfCloserTransport = (*StringTransport)(nil)
)

func ipAddress(s string) net.Addr { return reactor.IPAddress{AddrPort: netip.MustParseAddrPort(s)} }

// NewStringTransport returns a transport to which nothing was written.
func NewStringTransport() *StringTransport {
	return &StringTransport{State: Producing, Host: ipAddress("192.168.1.1:54321"), Peer: ipAddress("192.168.1.2:54322")}
}

// Connect returns a transport that is the protocol's. Its LoseConnection calls the protocol's ConnectionLost with ErrConnectionDone, its
// AbortConnection with ErrConnectionAborted: once, and inside the call (R516).
func Connect(p reactor.Protocol) *StringTransport {
	t := NewStringTransport()
	t.OnLose = func(reason error) { reactor.EndConnection(p, reason) }
	reactor.MakeConnection(p, t)
	return t
}

// Value returns what was written.
func (t *StringTransport) Value() string { return t.written.String() }

// Clear forgets what was written.
func (t *StringTransport) Clear() { t.written.Reset() }

// TakeValue returns what was written and forgets it.
func (t *StringTransport) TakeValue() string {
	defer t.Clear()
	return t.Value()
}

// Write is part of reactor.Transport. Data is collected also after LoseConnection (R511).
func (t *StringTransport) Write(data []byte) { t.written.Write(data) }

// WriteSequence is part of reactor.Transport.
func (t *StringTransport) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		t.Write(data)
	}
}

// LoseConnection is part of reactor.Transport. It only notes that it was called, and calls OnLose.
func (t *StringTransport) LoseConnection() {
	t.disconnecting = true
	t.lose(reactor.ErrConnectionDone)
}

// AbortConnection is part of reactor.Transport. It notes that it was called, and calls OnLose.
func (t *StringTransport) AbortConnection() {
	t.disconnecting, t.disconnected = true, true
	t.lose(reactor.ErrConnectionAborted)
}

func (t *StringTransport) lose(reason error) {
	if t.OnLose != nil && !t.lost {
		t.lost = true
		t.OnLose(reason)
	}
}

// LoseWriteConnection is part of reactor.HalfCloserTransport. It does nothing.
func (t *StringTransport) LoseWriteConnection() {}

// Disconnecting is part of reactor.Transport.
func (t *StringTransport) Disconnecting() bool { return t.disconnecting }

// Disconnected reports whether AbortConnection was called.
func (t *StringTransport) Disconnected() bool { return t.disconnected }

// GetHost is part of reactor.Transport.
func (t *StringTransport) GetHost() net.Addr { return t.Host }

// GetPeer is part of reactor.Transport.
func (t *StringTransport) GetPeer() net.Addr { return t.Peer }

// RegisterProducer is part of reactor.Transport. It keeps the producer, and calls nothing of it (R512).
func (t *StringTransport) RegisterProducer(p reactor.Producer, streaming bool) error {
	if t.Producer != nil {
		return reactor.ErrProducerRegistered
	}
	t.Producer, t.Streaming = p, streaming
	return nil
}

// UnregisterProducer is part of reactor.Transport. It panics if there is no producer (R512).
func (t *StringTransport) UnregisterProducer() {
	if t.Producer == nil {
		panic("reactortest: UnregisterProducer without a producer")
	}
	t.Producer = nil
}

// PauseProducing is part of reactor.Transport.
func (t *StringTransport) PauseProducing() { t.setState(Paused) }

// ResumeProducing is part of reactor.Transport.
func (t *StringTransport) ResumeProducing() { t.setState(Producing) }

// StopProducing is part of reactor.Transport.
func (t *StringTransport) StopProducing() {
	t.State = Stopped
	t.LoseConnection()
}

func (t *StringTransport) setState(s ProducerState) {
	if !t.Lenient && (t.disconnecting || t.State == Stopped) {
		panic("reactortest: a transport was paused or resumed after its end; set Lenient if that is meant")
	}
	t.State = s
}
