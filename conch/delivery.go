package conch

import (
	"time"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// event is something that the peer did on a channel, on its way to the hooks.
type event struct {
	kind eventKind
	data []byte
	req  *gossh.Request
	r    *reply
}

type eventKind uint8

const (
	eventData eventKind = iota
	eventExt
	eventRequest
	eventEOF
	eventEnd // the channel is over: no event follows
)

// eofGrace is how long the end of the channel may take after end-of-file before
// the peer is asked for a sign of life.
const eofGrace = 5 * time.Millisecond

// arrived takes an event from the pump.
func (c *SSHChannel) arrived(e event) {
	switch e.kind {
	case eventRequest:
		if e.r = c.replies.add(c.conn.transport, e.req); e.r == nil {
			return
		}
		if e.req.Type == keepAliveRequest && c.deliveryPaused() { // OpenSSH would give the connection up
			c.replies.answer(c.conn.transport, e.r, false, nil)
			return
		}
	case eventEOF:
		c.proveEOF()
	}
	c.inbox = append(c.inbox, e)
	c.deliver()
}

// deliveryPaused reports whether events have to wait: the user has paused the
// channel, or a reply that precedes them is outstanding.
func (c *SSHChannel) deliveryPaused() bool {
	return (c.paused > 0 && !c.ending() || c.asked > 0) && !c.conn.transport.aborted()
}

// ending reports whether a pause no longer holds: this side has closed the
// channel, or the connection is lost.
func (c *SSHChannel) ending() bool { return c.lose || c.conn.transport.reason != nil }

// waits reports whether an event has to wait for the answer to how the channel
// ended.
func (c *SSHChannel) waits(e event) bool {
	undecided := c.end.verdict == notEnded
	switch e.kind {
	case eventEOF:
		return undecided && !c.end.eof && !c.lose
	case eventEnd:
		return undecided || c.end.truncated && c.conn.transport.reason == nil
	}
	return false
}

// deliver calls the hooks for the events that have arrived, in order.
func (c *SSHChannel) deliver() {
	if c.draining {
		return
	}
	c.draining = true
	for len(c.inbox) > 0 && !c.deliveryPaused() && !c.waits(c.inbox[0]) {
		e := c.inbox[0]
		c.inbox[0] = event{}
		c.inbox = c.inbox[1:]
		c.dispatch(e)
	}
	if len(c.inbox) == 0 {
		c.inbox = nil
	}
	c.draining = false
}

func (c *SSHChannel) dispatch(e event) {
	switch e.kind {
	case eventData:
		switch {
		case c.unwanted():
			c.truncate()
		case c.protocol != nil:
			c.guard("DataReceived", func() { c.protocol.DataReceived(e.data) })
		case c.onData != nil:
			c.guard("the data handler", func() { c.onData(e.data) })
		default:
			c.guard("DataReceived", func() { c.self.DataReceived(e.data) })
		}
		c.pump.taken()
	case eventExt:
		if c.unwanted() {
			c.truncate()
		} else {
			c.guard("ExtReceived", func() { c.self.ExtReceived(ExtendedDataStderr, e.data) })
		}
		c.pump.taken()
	case eventRequest:
		c.answer(e)
	case eventEOF:
		if (c.end.verdict != endedByLoss || c.end.eof) && !c.end.truncated {
			c.eofReceived()
			if !c.lose { // otherwise it is the peer's answer to the close
				c.guard("EOFReceived", c.self.EOFReceived)
			}
		}
	case eventEnd:
		c.over()
	}
}

// unwanted reports whether data is dropped: it waited on a channel that ended
// while it was paused, or AbortConnection of the connection was called.
func (c *SSHChannel) unwanted() bool {
	return c.paused > 0 && c.ending() || c.conn.transport.aborted()
}

// truncate notes that data was dropped although this side has not closed the
// channel. The channel then ends as lost, even if the peer has closed it: the
// data must not seem to be complete.
func (c *SSHChannel) truncate() {
	if !c.lose {
		c.end.truncated = true
	}
}

// answer asks the hook about a request and sends the reply when there is one.
func (c *SSHChannel) answer(e event) {
	answered := false
	c.guard("RequestReceived", func() {
		d := c.self.RequestReceived(e.req.Type, e.req.Payload)
		if d == (deferred.Deferred[bool]{}) {
			return
		}
		d.OnResult(func(granted bool, err error) { c.sendReply(e, granted && err == nil) })
		answered = true
	})
	e.req.Payload = nil // may be large
	if !answered {
		c.sendReply(e, false)
	}
}

// sendReply answers a request. Everything that is written to the channel later
// follows the reply: a peer could take a channel that is closed before for a
// refusal.
func (c *SSHChannel) sendReply(e event, granted bool) {
	if sent := c.replies.answer(c.conn.transport, e.r, granted, nil); sent != nil {
		c.out.add(sendItem{kind: itemWait, after: sent})
	}
}
