package conch

import (
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// probe finds out whether the connection has outlived the end of a channel.
//
// When a connection breaks, x/crypto/ssh ends its channels first and reports the
// break afterwards, so at first a channel that the peer has closed looks the
// same as one that was cut off. A reply of the peer to a later request proves
// that the connection lived on. It belongs to the loop.
type probe struct {
	running bool
	number  int                // of the last request
	open    int                // requests that the peer has not answered
	asking  []func(alive bool) // the request in flight proves these
	next    []func(alive bool) // these need another request
	limit   *reactor.DelayedCall
}

// probeTimeout is how long a peer may take to reply. x/crypto/ssh reports a
// break microseconds after it has ended the channels, so a connection that still
// exists then was not broken, even if the peer does not reply to unknown
// requests.
const probeTimeout = 5 * time.Second

// maxProbes is the number of requests that a peer may leave without an answer.
// After that only the timeout decides.
const maxProbes = 8

// whenProven calls f with true once it is certain that the connection is alive,
// and with false when the connection is lost.
func (t *SSHTransport) whenProven(f func(alive bool)) {
	p := &t.probe
	switch {
	case t.reason != nil:
		f(false)
	case p.running:
		p.next = append(p.next, f)
	default:
		p.asking = append(p.asking, f)
		p.ask(t)
	}
}

func (p *probe) ask(t *SSHTransport) {
	p.running = true
	p.number++
	number := p.number
	p.limit = t.r.CallLater(probeTimeout, func() { p.answered(t) })
	if p.open == maxProbes {
		return
	}
	p.open++
	t.service.sendGlobalRequest(keepAliveRequest, nil, true, func(_ bool, _ []byte, err error) {
		p.open--
		late := number != p.number // it says nothing about what happened since
		if err == nil && !late {   // otherwise the connection is lost, and connectionLost answers
			p.answered(t)
		}
	})
}

// answered ends a probe.
func (p *probe) answered(t *SSHTransport) {
	if !p.running {
		return
	}
	if p.limit.Active() {
		_ = p.limit.Cancel() // it is active
	}
	proven := p.asking
	p.running, p.asking, p.next = false, p.next, nil
	if t.reason != nil {
		proven, p.asking = append(proven, p.asking...), nil
	} else if len(p.asking) > 0 {
		p.ask(t)
	}
	for _, f := range proven {
		f(t.reason == nil)
	}
}
