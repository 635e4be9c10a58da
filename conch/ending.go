package conch

// ending says how a channel ends: closed by the peer, or lost with the
// connection. x/crypto/ssh reports both in the same way, so it takes a moment to
// find out; see probe.
type ending struct {
	verdict   verdict
	reported  bool          // x/crypto/ssh has reported the end
	eof       bool          // end-of-file is known to be real
	truncated bool          // data was dropped: the channel ends with the connection
	waiting   []func(error) // called with the verdict: nil, or the reason of the loss
}

type verdict uint8

const (
	notEnded verdict = iota
	endedByClose
	endedByLoss
)

// peerEnded is called when x/crypto/ssh reports the end of the channel. If this
// side has sent its close, the end is the peer's answer, or makes no difference.
func (c *SSHChannel) peerEnded() {
	c.end.reported = true
	if c.out.hasClosed() {
		c.decide(endedByClose)
		return
	}
	c.conn.transport.whenProven(func(alive bool) {
		if alive {
			c.decide(endedByClose)
		} else {
			c.decide(endedByLoss)
		}
	})
}

// proveEOF finds out whether end-of-file is real. Usually the end of the channel
// follows at once, and answers this too.
func (c *SSHChannel) proveEOF() {
	t := c.conn.transport
	t.r.CallLater(eofGrace, func() {
		if c.end.verdict == notEnded {
			t.whenProven(func(alive bool) {
				c.end.eof = c.end.eof || alive
				c.deliver()
			})
		}
	})
}

// connectionLost is called when the connection has ended.
func (c *SSHChannel) connectionLost() {
	switch {
	case c.state == channelOpen:
		c.decide(endedByLoss)
		c.deliver() // no pause holds any more
	case c.state == channelNew && !c.byPeer:
		c.openFailed(c.conn.transport.reason) // there may be no answer
	}
}

// decide sets the verdict. The first one counts.
func (c *SSHChannel) decide(v verdict) {
	if c.end.verdict != notEnded {
		return
	}
	c.end.verdict = v
	waiting := c.end.waiting
	c.end.waiting = nil
	for _, f := range waiting {
		f(c.lossReason())
	}
	c.deliver()
}

// whenEnded calls f with the verdict, now or later: with nil if the channel was
// closed, and with the reason if the connection was lost.
func (c *SSHChannel) whenEnded(f func(lost error)) {
	if c.end.verdict != notEnded {
		f(c.lossReason())
		return
	}
	c.end.waiting = append(c.end.waiting, f)
}

func (c *SSHChannel) lossReason() error {
	if c.end.verdict == endedByLoss {
		return c.conn.transport.reason
	}
	return nil
}

// over ends the channel when its last event has been delivered. A peer may end
// the connection right after it has answered the close of this side, and both
// may be noticed in any order. So a channel whose close was sent was closed.
func (c *SSHChannel) over() {
	switch {
	case c.end.truncated:
		c.end.verdict = endedByLoss
	case c.out.hasClosed():
		c.end.verdict = endedByClose
	}
	if c.end.verdict == endedByClose && !c.lose {
		c.guard("CloseReceived", c.self.CloseReceived)
	}
	c.state = channelOver
	c.reason = c.lossReason()
	c.conn.forget(c)
	c.guard("Closed", c.self.Closed)
	c.finish(c.reason)
}
