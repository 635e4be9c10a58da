package reactortest

import (
	"bytes"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// AccumulatingProtocol notes what happens to it (R524). The zero value is ready.
type AccumulatingProtocol struct {
	reactor.BaseProtocol
	Data   bytes.Buffer
	Made   bool
	Closed bool
	Reason error // of the loss

	// OnMade and OnClosed, if they are not the zero Deferred, are fired with the protocol.
	OnMade, OnClosed deferred.Deferred[*AccumulatingProtocol]
}

// ConnectionMade is part of reactor.Protocol.
func (p *AccumulatingProtocol) ConnectionMade() {
	p.Made = true
	notify(&p.OnMade, p)
}

// DataReceived is part of reactor.Protocol.
func (p *AccumulatingProtocol) DataReceived(data []byte) { p.Data.Write(data) }

// ConnectionLost is part of reactor.Protocol.
func (p *AccumulatingProtocol) ConnectionLost(reason error) {
	p.Closed, p.Reason = true, reason
	notify(&p.OnClosed, p)
}

func notify(d *deferred.Deferred[*AccumulatingProtocol], p *AccumulatingProtocol) {
	if fire := *d; fire != (deferred.Deferred[*AccumulatingProtocol]{}) {
		*d = deferred.Deferred[*AccumulatingProtocol]{}
		fire.Callback(p)
	}
}

// LineSendingProtocol sends lines when it is connected, or when the first data comes if Wait is true, and records what it receives, cut
// into lines (R525).
type LineSendingProtocol struct {
	reactor.BaseProtocol
	Lines     []string // to be sent, each followed by CR LF
	Wait      bool
	Responses []string
	sent      bool
	rest      []byte
}

// ConnectionMade is part of reactor.Protocol.
func (p *LineSendingProtocol) ConnectionMade() {
	if !p.Wait {
		p.send()
	}
}

// DataReceived is part of reactor.Protocol.
func (p *LineSendingProtocol) DataReceived(data []byte) {
	p.rest = append(p.rest, data...)
	for line, rest, ok := bytes.Cut(p.rest, []byte("\r\n")); ok; line, rest, ok = bytes.Cut(p.rest, []byte("\r\n")) {
		p.Responses = append(p.Responses, string(line))
		p.rest = rest
	}
	if !p.sent {
		p.send()
	}
}

func (p *LineSendingProtocol) send() {
	p.sent = true
	for _, line := range p.Lines {
		p.Transport().Write([]byte(line + "\r\n"))
	}
}
