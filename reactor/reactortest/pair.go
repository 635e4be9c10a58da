package reactortest

import (
	"errors"
	"net"

	"github.com/hawser-go/hawser/reactor"
)

// Pair is two protocols that are connected in memory (R530). What one writes waits until Pump brings it to the other, in pieces of any size; so a
// test can stop and look between any two steps. Closing, aborting, half closing, pausing and producers behave as they do over TCP. It
// belongs to one goroutine.
type Pair struct {
	Client, Server *PairTransport

	// Chunk is the most that one Pump brings in each direction; 0 means all.
	Chunk int
}

// NewPair connects two protocols: first the server's ConnectionMade is called, then the client's.
func NewPair(client, server reactor.Protocol) *Pair {
	clientAddr, serverAddr := ipAddress("10.0.0.1:40000"), ipAddress("10.0.0.2:22")
	p := &Pair{
		Client: &PairTransport{p: client, host: clientAddr, peer: serverAddr},
		Server: &PairTransport{p: server, host: serverAddr, peer: clientAddr},
	}
	p.Client.other, p.Server.other = p.Server, p.Client
	reactor.MakeConnection(server, p.Server)
	reactor.MakeConnection(client, p.Client)
	return p
}

// Pump takes one step: it brings to each side what the other has written, or tells it what else has happened. It reports whether anything
// did.
func (p *Pair) Pump() bool {
	a := p.Client.pump(p.Chunk)
	b := p.Server.pump(p.Chunk)
	return a || b
}

// Flush pumps until nothing happens any more. It panics after a million steps, because two protocols may talk for ever.
func (p *Pair) Flush() {
	for range 1_000_000 {
		if !p.Pump() {
			return
		}
	}
	panic("reactortest: a million steps in one Flush; do the protocols talk for ever?")
}

// PairTransport is one end of a Pair.
type PairTransport struct {
	p             reactor.Protocol
	other         *PairTransport
	host, peer    net.Addr
	out           []byte
	producer      reactor.Producer
	streaming     bool
	held          bool // the producer was told to pause, or has given something
	paused        bool
	disconnecting bool
	closingWrite  bool
	writeClosed   bool
	readEnded     bool  // told of the other's end of writing
	reason        error // set when the loss is decided
	lost          bool  // the protocol was told
}

var (
	_ reactor.Transport           = (*PairTransport)(nil)
	_ reactor.HalfCloserTransport = (*PairTransport)(nil)
)

// pump takes a step in the direction from t to the other end.
func (t *PairTransport) pump(most int) bool {
	switch {
	case t.reason != nil:
		return t.tell()
	case len(t.out) > 0:
		return t.bring(most)
	case t.producer != nil:
		return t.resumeProducer()
	case t.closingWrite && !t.writeClosed:
		t.closeWrite()
		return true
	case t.disconnecting:
		t.reason = reactor.ErrConnectionDone
		t.other.end(reactor.ErrConnectionDone)
		return true
	case t.writeClosed && !t.other.readEnded && !t.other.paused:
		return t.endReading()
	}
	return false
}

// bring delivers data to the other end, unless that is paused.
func (t *PairTransport) bring(most int) bool {
	o := t.other
	switch {
	case o.lost || o.reason != nil || o.disconnecting:
		t.out = nil // nobody takes it
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
	if half, ok := t.p.(reactor.HalfCloser); ok {
		half.WriteConnectionLost()
	}
}

// endReading tells the other end that no more data comes.
func (t *PairTransport) endReading() bool {
	o := t.other
	o.readEnded = true
	if half, ok := o.p.(reactor.HalfCloser); ok {
		half.ReadConnectionLost()
		return true
	}
	o.end(reactor.ErrConnectionDone)
	return true
}

// end decides that this end is lost.
func (t *PairTransport) end(reason error) {
	if t.reason == nil {
		t.reason = reason
		t.out = nil
	}
}

// tell tells producer and protocol of the loss. A clean one that comes while the transport is paused waits for the resume.
func (t *PairTransport) tell() bool {
	if t.lost || t.paused && !t.disconnecting && errors.Is(t.reason, reactor.ErrConnectionDone) {
		return false
	}
	t.lost = true
	if !t.disconnecting || !errors.Is(t.reason, reactor.ErrConnectionDone) {
		t.other.end(&reactor.ConnectionLostError{Err: t.reason})
	}
	if p := t.producer; p != nil {
		t.producer = nil
		p.StopProducing()
	}
	reactor.EndConnection(t.p, t.reason)
	return true
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
func (t *PairTransport) LoseConnection() { t.disconnecting = true }

// AbortConnection is part of reactor.Transport.
func (t *PairTransport) AbortConnection() {
	if t.reason != nil {
		return
	}
	t.disconnecting = true
	t.end(reactor.ErrConnectionAborted)
}

// LoseWriteConnection is part of reactor.HalfCloserTransport.
func (t *PairTransport) LoseWriteConnection() { t.closingWrite = true }

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
