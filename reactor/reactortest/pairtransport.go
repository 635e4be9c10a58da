package reactortest

import (
	"net"
	"syscall"

	"github.com/hawser-go/hawser/reactor"
)

// PairTransport is the transport of one side of a Pair. NewPair makes it.
type PairTransport struct {
	p             reactor.Protocol
	other         *PairTransport
	host, peer    reactor.IPAddress
	out           []byte // written, not delivered to the other side
	producer      reactor.Producer
	streaming     bool
	held          bool // a push producer is paused, or a pull producer has written
	paused        bool
	disconnecting bool  // LoseConnection or AbortConnection was called
	closingWrite  bool  // LoseWriteConnection was called
	writeClosed   bool  // all data written before it has been delivered
	readEnded     bool  // the protocol knows that the other side sends no more
	reason        error // not nil once this side is closed
	lost          bool  // ConnectionLost was called
}

var (
	_ reactor.Transport           = (*PairTransport)(nil)
	_ reactor.HalfCloserTransport = (*PairTransport)(nil)
)

// pump takes one step from this side to the other. most bounds the data; 0
// means no bound.
func (t *PairTransport) pump(most int) bool {
	switch {
	case t.reason != nil && !t.lost:
		t.notifyLost()
		return true
	case t.reason != nil:
		return t.endOther()
	case len(t.out) > 0:
		return t.deliver(most)
	case t.producer != nil:
		return t.resumeProducer()
	case t.closingWrite && !t.writeClosed:
		t.closeWrite()
		return true
	case t.disconnecting:
		t.close(reactor.ErrConnectionDone)
		return true
	case t.writeClosed:
		return t.endOther()
	}
	return false
}

// deliver gives data to the other protocol, unless that has paused. A side that
// is closing drops data, as a socket does.
func (t *PairTransport) deliver(most int) bool {
	o := t.other
	switch {
	case o.reason != nil || o.disconnecting:
		t.out = nil
		return true
	case o.paused:
		return false
	}
	n := len(t.out)
	if most > 0 {
		n = min(n, most)
	}
	data := append([]byte(nil), t.out[:n]...)
	t.out = t.out[n:]
	o.p.DataReceived(data)
	return true
}

func (t *PairTransport) resumeProducer() bool {
	if !t.held {
		return false
	}
	t.held = false
	t.producer.ResumeProducing()
	return true
}

func (t *PairTransport) closeWrite() {
	t.writeClosed = true
	if half, ok := reactor.As[reactor.HalfCloser](t.p); ok {
		half.WriteConnectionLost()
	}
}

// endOther lets the other side read the end of the data, or the reset of an
// aborted connection. A paused side reads nothing.
func (t *PairTransport) endOther() bool {
	o := t.other
	if o.readEnded && !t.aborted() || o.reason != nil || o.paused || o.disconnecting && !t.aborted() {
		return false
	}
	o.readEnded = true
	half, ok := reactor.As[reactor.HalfCloser](o.p)
	switch {
	case t.aborted():
		o.close(&reactor.ConnectionLostError{Err: syscall.ECONNRESET})
	case ok:
		half.ReadConnectionLost()
	default:
		o.close(reactor.ErrConnectionDone)
	}
	return true
}

func (t *PairTransport) aborted() bool {
	return t.reason != nil && t.reason != reactor.ErrConnectionDone
}

// close closes this side. Pump calls ConnectionLost.
func (t *PairTransport) close(reason error) {
	if t.reason == nil {
		t.reason = reason
		t.out = nil
	}
}

// notifyLost calls StopProducing of the producer and ConnectionLost of the
// protocol.
func (t *PairTransport) notifyLost() {
	t.lost = true
	if p := t.producer; p != nil {
		t.producer = nil
		p.StopProducing()
	}
	reactor.EndConnection(t.p, t.reason)
}

// Write is part of reactor.Transport.
func (t *PairTransport) Write(data []byte) {
	if len(data) == 0 || t.reason != nil || t.writeClosed || t.closingWrite && t.producer == nil {
		return
	}
	t.out = append(t.out, data...)
	if t.producer == nil || t.held {
		return
	}
	t.held = !t.streaming || len(t.out) > reactor.BufferLimit
	if t.held && t.streaming {
		t.producer.(reactor.PushProducer).PauseProducing()
	}
}

// WriteSequence is part of reactor.Transport.
func (t *PairTransport) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		t.Write(data)
	}
}

// LoseConnection is part of reactor.Transport.
func (t *PairTransport) LoseConnection() {
	if t.reason == nil {
		t.disconnecting = true
	}
}

// AbortConnection is part of reactor.Transport.
func (t *PairTransport) AbortConnection() {
	if t.reason == nil {
		t.disconnecting = true
		t.close(reactor.ErrConnectionAborted)
	}
}

// LoseWriteConnection is part of reactor.HalfCloserTransport.
func (t *PairTransport) LoseWriteConnection() {
	if t.reason == nil {
		t.closingWrite = true
	}
}

// Disconnecting is part of reactor.Transport.
func (t *PairTransport) Disconnecting() bool { return t.disconnecting }

// GetHost is part of reactor.Transport.
func (t *PairTransport) GetHost() net.Addr { return t.host }

// GetPeer is part of reactor.Transport.
func (t *PairTransport) GetPeer() net.Addr { return t.peer }

// PauseProducing is part of reactor.Transport.
func (t *PairTransport) PauseProducing() { t.paused = true }

// ResumeProducing is part of reactor.Transport.
func (t *PairTransport) ResumeProducing() { t.paused = false }

// StopProducing is part of reactor.Transport.
func (t *PairTransport) StopProducing() { t.LoseConnection() }

// RegisterProducer is part of reactor.Transport.
func (t *PairTransport) RegisterProducer(p reactor.Producer, streaming bool) error {
	switch _, push := p.(reactor.PushProducer); {
	case t.producer != nil:
		return reactor.ErrProducerRegistered
	case streaming && !push:
		return reactor.ErrNotPushProducer
	case t.reason != nil || t.closingWrite:
		p.StopProducing()
		return nil
	}
	t.producer, t.streaming, t.held = p, streaming, false
	if !streaming {
		p.ResumeProducing()
	}
	return nil
}

// UnregisterProducer is part of reactor.Transport.
func (t *PairTransport) UnregisterProducer() { t.producer = nil }
