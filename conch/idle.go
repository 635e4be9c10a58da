package conch

import (
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// idleTimer calls over when nothing has been used for a time. It belongs to the
// loop.
type idleTimer struct {
	c     *SSHConnection
	after time.Duration
	used  func() time.Duration // when it was used last, since the start of c
	over  func()
	call  *reactor.DelayedCall
}

// start begins to measure. A time of 0 or less ends it.
func (i *idleTimer) start(c *SSHConnection, after time.Duration, used func() time.Duration, over func()) {
	i.stop()
	if after <= 0 {
		return
	}
	i.c, i.after, i.used, i.over = c, after, used, over
	i.call = c.transport.r.CallLater(after, i.look)
}

func (i *idleTimer) stop() {
	if i.call != nil && i.call.Active() {
		_ = i.call.Cancel() // it is active
	}
	i.call = nil
}

func (i *idleTimer) look() {
	left := i.after - (i.c.sinceStart() - i.used())
	if left <= 0 {
		left = i.after
		i.over()
	}
	if i.call != nil { // over may have called stop
		i.call = i.c.transport.r.CallLater(left, i.look)
	}
}

// SetIdleTimeout closes the channel, as AbortConnection does, when it has carried
// no data in either direction for that time. Requests are not data. 0 means
// never. Limits.Idle is the default. It belongs to the loop, and may be called
// from ChannelOpen on.
func (c *SSHChannel) SetIdleTimeout(after time.Duration) {
	if c.state != channelOpen {
		return
	}
	c.conn.timed.Store(true)
	c.touch()
	c.idle.start(c.conn, after, func() time.Duration { return time.Duration(c.used.Load()) }, func() {
		c.log().Info("Channel closed, because it carried no data", "timeout", after)
		c.idle.stop()
		c.AbortConnection()
	})
}

// SetIdleTimeout aborts all channels of the connection when none of them has
// carried data in either direction for that time. 0 means never. It belongs to
// the loop, and may be called from ServiceStarted on.
func (c *SSHConnection) SetIdleTimeout(after time.Duration) {
	c.timed.Store(true)
	c.used.Store(int64(c.sinceStart()))
	c.idle.start(c, after, func() time.Duration { return time.Duration(c.used.Load()) }, func() {
		for _, b := range c.inOrder() {
			b.AbortConnection()
		}
	})
}

// touch notes that the channel carries data. Any goroutine may call it.
func (c *SSHChannel) touch() {
	if c.conn.timed.Load() {
		now := int64(c.conn.sinceStart())
		c.used.Store(now)
		c.conn.used.Store(now)
	}
}

// sinceStart returns the time since the start of the connection. Any goroutine
// may call it.
func (c *SSHConnection) sinceStart() time.Duration { return c.transport.r.Now().Sub(c.began) }

// SetUnusedTimeout closes the connection, as LoseConnection does, when no channel
// has been open for that time. Channels that are being opened count as open;
// listeners of the peer do not count. 0 means never. It belongs to the loop, and
// may be called from ServiceStarted on.
func (c *SSHConnection) SetUnusedTimeout(after time.Duration) {
	c.unusedAfter = after
	c.stopUnused()
	c.checkUse()
}

// Drain refuses the channels that the peer opens from now on, and closes the
// connection, as LoseConnection does, when no channel is open. It belongs to the
// loop, and may be called from ServiceStarted on.
func (c *SSHConnection) Drain() {
	c.draining = true
	c.stopUnused()
	c.checkUse()
}

// NumChannels returns the number of channels that are open, or being opened by
// either side.
func (c *SSHConnection) NumChannels() int { return len(c.channels) + len(c.opening) }

// checkUse is called when the number of channels has changed.
func (c *SSHConnection) checkUse() {
	t := c.transport
	switch used := c.NumChannels() > 0; {
	case used || t.reason != nil:
		c.stopUnused()
	case c.unusedCall != nil:
	case c.draining:
		c.unusedCall = t.r.CallLater(0, t.LoseConnection)
	case c.unusedAfter > 0:
		c.unusedCall = t.r.CallLater(c.unusedAfter, func() {
			t.r.Logger().Info("Connection closed, because it had no channel", "remote", t.GetPeer(), "timeout", c.unusedAfter)
			t.LoseConnection()
		})
	}
}

func (c *SSHConnection) stopUnused() {
	if c.unusedCall != nil && c.unusedCall.Active() {
		_ = c.unusedCall.Cancel() // it is active
	}
	c.unusedCall = nil
}
