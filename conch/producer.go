package conch

import "github.com/hawser-go/hawser/reactor"

// A channel is a transport (C-CHAN-32): reactor.MakeConnection connects a protocol to it.
var (
	_ reactor.Transport           = (*SSHChannel)(nil)
	_ reactor.HalfCloserTransport = (*SSHChannel)(nil)
)

// producing is what a channel knows of the producer that writes to it.
type producing struct {
	p       reactor.Producer
	streams bool // it goes on by itself until paused
	closing bool // LoseConnection waits for it
}

func (s *producing) pause() {
	if s.p != nil && s.streams {
		s.p.(reactor.PushProducer).PauseProducing()
	}
}

// resume asks a pull producer for a piece, and a paused one to go on.
func (s *producing) resume(paused bool) {
	if s.p != nil && (paused || !s.streams) {
		s.p.ResumeProducing()
	}
}

// stop tells the producer that nobody takes anything any more, and forgets it.
func (s *producing) stop() {
	p := s.p
	s.p = nil
	if p != nil {
		p.StopProducing()
	}
}

// RegisterProducer makes p write to the channel. One that streams, which must be a reactor.PushProducer, is paused above HighWater bytes and
// resumed when everything is sent; another one is asked for data each time that everything is sent. On a channel that is closed p is
// stopped at once. The error is reactor.ErrProducerRegistered if there is one already.
func (c *SSHChannel) RegisterProducer(p reactor.Producer, streaming bool) error {
	if c.producer.p != nil {
		return reactor.ErrProducerRegistered
	}
	if c.lose || c.state == channelOver {
		p.StopProducing()
		return nil
	}
	c.producer = producing{p: p, streams: streaming}
	switch {
	case !streaming:
		c.expectSent()
	case c.writing:
		c.producer.pause()
	}
	return nil
}

// UnregisterProducer forgets the producer; a LoseConnection that has waited for that goes on.
func (c *SSHChannel) UnregisterProducer() {
	c.producer.p = nil
	if c.producer.closing {
		c.producer.closing = false
		c.LoseConnection()
	}
}

// Disconnecting reports whether LoseConnection was called.
func (c *SSHChannel) Disconnecting() bool { return c.lose || c.producer.closing }

// LoseWriteConnection tells the peer that no more data will come, after what has been written; it is SendEOF as other transports call it.
func (c *SSHChannel) LoseWriteConnection() { c.out.sendEOF() }
