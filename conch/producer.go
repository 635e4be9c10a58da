package conch

import "github.com/hawser-go/hawser/reactor"

// producing is the producer that writes to a channel.
type producing struct {
	p       reactor.Producer // nil if there is none
	streams bool             // p is a push producer
	closing bool             // LoseConnection waits for the end of p
}

func (s *producing) pause() {
	if s.p != nil && s.streams {
		s.p.(reactor.PushProducer).PauseProducing()
	}
}

// resume asks a pull producer for data, and a paused one to continue.
func (s *producing) resume(paused bool) {
	if s.p != nil && (paused || !s.streams) {
		s.p.ResumeProducing()
	}
}

// stop stops the producer and forgets it.
func (s *producing) stop() {
	p := s.p
	s.p = nil
	if p != nil {
		p.StopProducing()
	}
}

// RegisterProducer makes p write to the channel. A streaming producer, which must
// be a reactor.PushProducer, is paused when more than 256 KiB are not sent, and
// resumed when everything is sent. Another one is asked for data each time that
// everything is sent. On a closed channel p is stopped at once. RegisterProducer
// returns reactor.ErrProducerRegistered if there is a producer.
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

// UnregisterProducer forgets the producer. A LoseConnection that waited for that
// continues.
func (c *SSHChannel) UnregisterProducer() {
	c.producer.p = nil
	if c.producer.closing {
		c.producer.closing = false
		c.LoseConnection()
	}
}
