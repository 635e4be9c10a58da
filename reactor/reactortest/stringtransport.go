package reactortest

import (
	"bytes"
	"errors"
	"net"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var (
	errNoProducer  = errors.New("reactortest: UnregisterProducer without a producer; call RegisterProducer first")
	errPausedAtEnd = errors.New("reactortest: a StringTransport was paused or resumed after LoseConnection; " +
		"set Lenient to allow that")
)

// ProducerState is the state of a StringTransport as a producer.
type ProducerState string

// The states of a StringTransport as a producer.
const (
	Producing ProducerState = "producing"
	Paused    ProducerState = "paused"
	Stopped   ProducerState = "stopped"
)

// StringTransport is a transport that collects written data. Give it to a
// protocol with reactor.MakeConnection, or use [Connect]. By itself it calls no
// method of the protocol; see OnLose. Make one with NewStringTransport.
type StringTransport struct {
	// Host and Peer are the results of GetHost and GetPeer. NewStringTransport
	// sets them to fixed private addresses.
	Host, Peer net.Addr

	// Lenient allows PauseProducing and ResumeProducing at any time. If Lenient
	// is false, both panic after LoseConnection and StopProducing.
	Lenient bool

	// OnLose, if not nil, is called by the first LoseConnection or
	// AbortConnection. reason is the argument for ConnectionLost.
	OnLose func(reason error)

	State     ProducerState
	Producer  reactor.Producer // the registered producer; may be nil
	Streaming bool             // the argument of RegisterProducer

	written       bytes.Buffer
	disconnecting bool
	disconnected  bool
	lost          bool // OnLose was called
}

var (
	_ reactor.Transport           = (*StringTransport)(nil)
	_ reactor.HalfCloserTransport = (*StringTransport)(nil)
)

// NewStringTransport returns a transport without data.
func NewStringTransport() *StringTransport {
	return &StringTransport{State: Producing, Host: ipAddress("192.168.1.1:54321"), Peer: ipAddress("192.168.1.2:54322")}
}

// Connect connects p to a new StringTransport. LoseConnection and
// AbortConnection of the transport call ConnectionLost of p before they return,
// with ErrConnectionDone and ErrConnectionAborted. Further calls do nothing.
func Connect(p reactor.Protocol) *StringTransport {
	arg.NotNil("reactortest: Connect", "protocol", p)
	t := NewStringTransport()
	t.OnLose = func(reason error) { reactor.EndConnection(p, reason) }
	reactor.MakeConnection(p, t)
	return t
}

// Value returns the written data.
func (t *StringTransport) Value() string { return t.written.String() }

// Clear forgets the written data.
func (t *StringTransport) Clear() { t.written.Reset() }

// TakeValue returns the written data and forgets it.
func (t *StringTransport) TakeValue() string {
	defer t.Clear()
	return t.Value()
}

// Write collects data, even after LoseConnection.
func (t *StringTransport) Write(data []byte) { t.written.Write(data) }

// WriteSequence collects data, even after LoseConnection.
func (t *StringTransport) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		t.Write(data)
	}
}

// LoseConnection makes Disconnecting return true and calls OnLose.
func (t *StringTransport) LoseConnection() {
	t.disconnecting = true
	t.lose(reactor.ErrConnectionDone)
}

// AbortConnection makes Disconnecting and Disconnected return true and calls
// OnLose.
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

// LoseWriteConnection does nothing.
func (t *StringTransport) LoseWriteConnection() {}

// Disconnecting reports whether LoseConnection or AbortConnection was called.
func (t *StringTransport) Disconnecting() bool { return t.disconnecting }

// Disconnected reports whether AbortConnection was called.
func (t *StringTransport) Disconnected() bool { return t.disconnected }

// GetHost returns Host.
func (t *StringTransport) GetHost() net.Addr { return t.Host }

// GetPeer returns Peer.
func (t *StringTransport) GetPeer() net.Addr { return t.Peer }

// RegisterProducer sets Producer and Streaming. It calls no method of p. The
// errors are those of a real transport.
func (t *StringTransport) RegisterProducer(p reactor.Producer, streaming bool) error {
	switch _, push := p.(reactor.PushProducer); {
	case t.Producer != nil:
		return reactor.ErrProducerRegistered
	case streaming && !push:
		return reactor.ErrNotPushProducer
	}
	t.Producer, t.Streaming = p, streaming
	return nil
}

// UnregisterProducer sets Producer to nil. Unlike a real transport, it panics
// if there is no producer.
func (t *StringTransport) UnregisterProducer() {
	if t.Producer == nil {
		panic(errNoProducer)
	}
	t.Producer = nil
}

// PauseProducing sets State to Paused. See Lenient.
func (t *StringTransport) PauseProducing() { t.setState(Paused) }

// ResumeProducing sets State to Producing. See Lenient.
func (t *StringTransport) ResumeProducing() { t.setState(Producing) }

// StopProducing sets State to Stopped and calls LoseConnection.
func (t *StringTransport) StopProducing() {
	t.State = Stopped
	t.LoseConnection()
}

func (t *StringTransport) setState(s ProducerState) {
	if !t.Lenient && (t.disconnecting || t.State == Stopped) {
		panic(errPausedAtEnd)
	}
	t.State = s
}
