package conch

import (
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// event is something that the peer did on a channel, on its way to the channel's hooks.
type event struct {
	kind eventKind
	data []byte
	req  *gossh.Request
}

type eventKind uint8

const (
	eventData eventKind = iota
	eventExt
	eventRequest
	eventEOF
	eventEnd // the channel is over: nothing comes after it
)

// arrived takes an event from the pump.
func (c *SSHChannel) arrived(e event) {
	if e.kind == eventRequest {
		c.asked++
		if c.asked > maxWaitingRequests {
			c.log().Error("Too many unanswered requests; closing the connection", "limit", maxWaitingRequests)
			c.conn.transport.LoseConnection()
			return
		}
	}
	c.inbox = append(c.inbox, e)
	c.deliver()
}

// held reports whether events have to wait: the user has paused the channel, or a reply that announces them is outstanding.
func (c *SSHChannel) held() bool {
	return (c.paused > 0 || c.unsure > 0) && !c.conn.transport.aborted()
}

// deliver gives the events that have come to the hooks, in order.
func (c *SSHChannel) deliver() {
	if c.draining {
		return
	}
	c.draining = true
	for len(c.inbox) > 0 && !c.held() {
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
		case c.stream != nil:
			c.stream.dataReceived(e.data)
		case c.onData != nil:
			c.guard("the data handler", func() { c.onData(e.data) })
		default:
			c.guard("DataReceived", func() { c.self.DataReceived(e.data) })
		}
		c.pump.taken()
	case eventExt:
		c.guard("ExtReceived", func() { c.self.ExtReceived(ExtendedDataStderr, e.data) })
		c.pump.taken()
	case eventRequest:
		c.answer(e.req)
	case eventEOF:
		if c.stream != nil {
			c.stream.eofReceived()
		}
		if !c.lose { // else it is the peer's answer to our close
			c.guard("EOFReceived", c.self.EOFReceived)
		}
	case eventEnd:
		c.over()
	}
}

// answer asks the hook about a request and sends the reply when there is one (C-CONN-50, C-CONN-51).
func (c *SSHChannel) answer(req *gossh.Request) {
	var granted deferred.Deferred[bool]
	c.guard("RequestReceived", func() { granted = c.self.RequestReceived(req.Type, req.Payload) })
	if granted == (deferred.Deferred[bool]{}) {
		granted = deferred.Succeed(false)
	}
	t := c.conn.transport
	granted.AddBoth(func(ok bool, err error) (bool, error) {
		c.asked--
		if req.WantReply {
			t.control.do(&t.work, func() { _ = req.Reply(ok && err == nil, nil) }) // a channel that is gone needs no reply
		}
		return ok, nil
	})
}

// over ends the channel. That the connection is lost is told to the connection first.
func (c *SSHChannel) over() {
	t := c.conn.transport
	if t.reason == nil && t.ended() {
		t.whenLost(c.over)
		return
	}
	if t.reason == nil && !c.lose {
		c.guard("CloseReceived", c.self.CloseReceived)
	}
	c.state = channelOver
	c.reason = t.reason
	c.conn.forget(c)
	c.guard("Closed", c.self.Closed)
	c.finish(c.reason)
}
