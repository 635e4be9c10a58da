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

// keepAliveRequest is OpenSSH's question for a sign of life, on the connection or on a channel. A server that gets none ends the connection, so a
// channel whose events are held back answers all the same.
const keepAliveRequest = "keepalive@openssh.com"

// arrived takes an event from the pump.
func (c *SSHChannel) arrived(e event) {
	if e.kind == eventRequest {
		if e.req.Type == keepAliveRequest && c.held() && c.asked == 0 { // answers have to keep their order
			c.reply(e.req, false)
			return
		}
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
	return (c.paused > 0 && !c.lose || c.unsure > 0) && !c.conn.transport.aborted()
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
		case c.unwanted():
		case c.stream != nil:
			c.stream.dataReceived(e.data)
		case c.onData != nil:
			c.guard("the data handler", func() { c.onData(e.data) })
		default:
			c.guard("DataReceived", func() { c.self.DataReceived(e.data) })
		}
		c.pump.taken()
	case eventExt:
		if !c.unwanted() {
			c.guard("ExtReceived", func() { c.self.ExtReceived(ExtendedDataStderr, e.data) })
		}
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

// unwanted reports whether data is dropped: nobody may resume a channel that was closed while it was paused.
func (c *SSHChannel) unwanted() bool { return c.paused > 0 && c.lose }

// answer asks the hook about a request and sends the reply when there is one (C-CONN-50, C-CONN-51).
func (c *SSHChannel) answer(req *gossh.Request) {
	asked := false
	c.guard("RequestReceived", func() {
		granted := c.self.RequestReceived(req.Type, req.Payload)
		if granted == (deferred.Deferred[bool]{}) {
			return
		}
		granted.AddBoth(func(ok bool, err error) (bool, error) {
			c.asked--
			c.reply(req, ok && err == nil)
			return ok, nil
		})
		asked = true
	})
	req.Payload = nil // may be large
	if !asked {
		c.asked--
		c.reply(req, false)
	}
}

// reply answers a request if it wants that.
func (c *SSHChannel) reply(req *gossh.Request, granted bool) {
	if req.WantReply {
		c.conn.transport.reply(func() { _ = req.Reply(granted, nil) }) // a channel that is gone needs no reply
	}
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
