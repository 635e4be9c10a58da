package insults

import "github.com/hawser-go/hawser/reactor"

// brakeFrom is a number of bytes of output. If one piece of input causes more,
// the transport may pause the input.
const brakeFrom = 16 << 10

// brake pauses the input of a user who does not take the output. A few keys can
// cause much output, which would otherwise fill the memory.
//
// A transport pauses its producer when too much output waits. ServerProtocol is
// the producer of its transport only while input is handled or paused: a
// transport does not close while it has a producer.
type brake struct {
	feeding bool   // input is being handled
	written int    // bytes of output for that input
	held    bool   // the ServerProtocol is the producer of its transport
	paused  bool   // too much output waits
	rest    []byte // input that waits
}

// busy reports whether input has to wait.
func (b *brake) busy() bool { return b.feeding || b.paused }

// pull makes the ServerProtocol the producer of its transport if n more bytes
// are much. If the program has a producer of its own, nothing is held back.
func (s *ServerProtocol) pull(n int) {
	b := &s.brake
	if !b.feeding || b.held || s.closing {
		return
	}
	if b.written += n; b.written > brakeFrom {
		b.held = true // before the call, which may call StopProducing
		if s.Transport().RegisterProducer((*inputProducer)(s), true) != nil {
			b.held = false
		}
	}
}

// release ends the handling of input.
func (s *ServerProtocol) release() {
	s.brake.feeding = false
	if !s.brake.paused {
		s.unbrake()
	}
}

// unbrake ends the role of a producer, and drops input that waits.
func (s *ServerProtocol) unbrake() {
	b := &s.brake
	held, paused := b.held, b.paused
	b.held, b.paused, b.rest = false, false, nil
	if held {
		s.Transport().UnregisterProducer()
	}
	if paused {
		s.Transport().ResumeProducing()
	}
}

// inputProducer is the ServerProtocol as its transport sees it.
type inputProducer ServerProtocol

var _ reactor.PushProducer = (*inputProducer)(nil)

// PauseProducing stops the input.
func (p *inputProducer) PauseProducing() {
	p.brake.paused = true
	p.Transport().PauseProducing()
}

// ResumeProducing continues with the input that waits.
func (p *inputProducer) ResumeProducing() {
	if !p.brake.paused {
		return
	}
	rest := p.brake.rest
	p.brake.paused, p.brake.rest = false, nil
	p.Transport().ResumeProducing()
	(*ServerProtocol)(p).feed(rest)
}

// StopProducing is called when the connection is lost.
func (p *inputProducer) StopProducing() { p.brake = brake{feeding: p.brake.feeding} }
