package reactortest

import (
	"bytes"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
)

var (
	_ reactor.Protocol = (*AccumulatingProtocol)(nil)
	_ reactor.Protocol = (*LineSendingProtocol)(nil)
)

// AccumulatingProtocol records what happens to it. The zero value is ready.
type AccumulatingProtocol struct {
	reactor.BaseProtocol
	Data   bytes.Buffer // all received data
	Made   bool         // ConnectionMade was called
	Closed bool         // ConnectionLost was called
	Reason error        // the argument of ConnectionLost

	// OnMade and OnClosed, unless zero, are fired with the protocol by
	// ConnectionMade and ConnectionLost. They are then set to zero.
	OnMade, OnClosed deferred.Deferred[*AccumulatingProtocol]
}

// ConnectionMade is part of reactor.Protocol.
func (p *AccumulatingProtocol) ConnectionMade() {
	p.Made = true
	fire(&p.OnMade, p)
}

// DataReceived is part of reactor.Protocol.
func (p *AccumulatingProtocol) DataReceived(data []byte) { p.Data.Write(data) }

// ConnectionLost is part of reactor.Protocol.
func (p *AccumulatingProtocol) ConnectionLost(reason error) {
	p.Closed, p.Reason = true, reason
	fire(&p.OnClosed, p)
}

func fire(field *deferred.Deferred[*AccumulatingProtocol], p *AccumulatingProtocol) {
	var zero deferred.Deferred[*AccumulatingProtocol]
	if d := *field; d != zero {
		*field = zero
		d.Callback(p)
	}
}

// LineSendingProtocol sends lines and records the lines it receives. Set its
// fields before the connection is made.
type LineSendingProtocol struct {
	protocols.LineReceiver

	// Lines are sent when the connection is made or, if Wait is true, when the
	// first line is received.
	Lines []string
	Wait  bool

	// Responses are the received lines.
	Responses []string

	sent bool
}

// ConnectionMade is part of reactor.Protocol.
func (p *LineSendingProtocol) ConnectionMade() {
	if !p.Wait {
		p.send()
	}
}

// LineReceived is called for each received line.
func (p *LineSendingProtocol) LineReceived(line []byte) {
	if !p.sent {
		p.send()
	}
	p.Responses = append(p.Responses, string(line))
}

func (p *LineSendingProtocol) send() {
	p.sent = true
	for _, line := range p.Lines {
		p.SendLine([]byte(line))
	}
}
