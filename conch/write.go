package conch

import (
	"slices"

	"github.com/hawser-go/hawser/reactor"
)

var (
	_ reactor.Transport           = (*SSHChannel)(nil)
	_ reactor.HalfCloserTransport = (*SSHChannel)(nil)
)

// Write sends a copy of p. It never blocks: data that the peer's window or the
// socket does not take is queued without a bound; see StopWriting. Data written
// before the channel is open is sent then. Data written after LoseConnection,
// LoseWriteConnection or the end is dropped.
func (c *SSHChannel) Write(p []byte) { c.wrote(c.out.add(sendItem{kind: itemData, p: p, own: true})) }

// WriteSequence calls Write for the pieces together.
func (c *SSHChannel) WriteSequence(pieces [][]byte) { c.Write(slices.Concat(pieces...)) }

// WriteExtended sends a copy of p as extended data, in order with the data of
// Write. The only type is ExtendedDataStderr; data of another type is dropped and
// logged.
func (c *SSHChannel) WriteExtended(dataType uint32, p []byte) {
	if dataType != ExtendedDataStderr {
		c.log().Warn("Cannot send extended data of this type", "type", dataType)
		return
	}
	c.wrote(c.out.add(sendItem{kind: itemExtended, p: p, own: true}))
}

// WriteOwned is Write for large amounts of data: it does not copy p, which must
// not be changed until sent is called. That happens once, on any goroutine, when
// the data has been sent or dropped. sent may be nil.
func (c *SSHChannel) WriteOwned(p []byte, sent func()) {
	c.wrote(c.out.add(sendItem{kind: itemData, p: p, release: sent}))
}

// wrote tells the writer to stop if much data is not sent.
func (c *SSHChannel) wrote(pending int) {
	if pending <= highWater || c.writing || c.self == nil {
		return
	}
	c.writing = true
	c.out.whenDrained(func() { c.post(c.sent) })
	c.guard("StopWriting", c.self.StopWriting)
	c.guard("PauseProducing of the producer", c.producer.pause)
}

// sent is called when no data is left to send.
func (c *SSHChannel) sent() {
	stopped := c.writing
	c.writing = false
	if c.state != channelOpen {
		return
	}
	if stopped {
		c.guard("StartWriting", c.self.StartWriting)
	}
	c.guard("ResumeProducing of the producer", func() { c.producer.resume(stopped) })
	c.expectSent()
}

// expectSent calls sent again for a pull producer.
func (c *SSHChannel) expectSent() {
	if c.producer.p != nil && !c.producer.streams {
		c.out.whenDrained(func() { c.post(c.sent) })
	}
}

// LoseWriteConnection tells the peer that no more data will be sent. It follows
// all data written before; data written later is dropped. A second call does
// nothing.
func (c *SSHChannel) LoseWriteConnection() { c.out.add(sendItem{kind: itemEOF}) }

// LoseConnection closes the channel after everything written and requested, and
// all replies to the peer, have been sent. If a producer is registered, it first
// waits until the producer is unregistered. Closed follows when the peer has
// closed the channel too. No end-of-file is sent. A second call does nothing.
func (c *SSHChannel) LoseConnection() {
	if c.producer.p != nil && c.state != channelOver {
		c.producer.closing = true
		return
	}
	if c.lose {
		return
	}
	c.lose = true
	c.out.add(sendItem{kind: itemClose})
	switch {
	case c.end.reported:
		c.post(func() { c.decide(endedByClose) }) // the peer need not prove anything
	case c.paused > 0 && c.state == channelOpen:
		c.post(c.deliver) // a pause does not delay the end any more
	}
}

// AbortConnection closes the channel at once. Unsent data is dropped.
func (c *SSHChannel) AbortConnection() {
	c.out.kill()
	c.guard("StopProducing of the producer", c.producer.stop)
	c.LoseConnection()
	c.out.abort()
}

// Disconnecting reports whether LoseConnection was called.
func (c *SSHChannel) Disconnecting() bool { return c.lose || c.producer.closing }
