package conch

import (
	"errors"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// peerOpen is a channel that the peer wants to open, until it is answered.
type peerOpen struct {
	offered gossh.NewChannel
	answer  deferred.Deferred[Channel]
}

// openRequested answers a channel that the peer wants to open.
func (c *SSHConnection) openRequested(offered gossh.NewChannel) {
	t := c.transport
	switch {
	case c.draining:
		t.reject(offered, &ConchError{Value: "the connection is about to be closed", Data: OpenAdministrativelyProhibited})
		return
	case len(c.opening) >= c.Limits.opening():
		t.reject(offered, &ConchError{Value: "too many channels wait to be opened", Data: OpenResourceShortage})
		return
	case c.Limits.full(c.NumChannels()):
		t.reject(offered, &ConchError{Value: "too many channels", Data: OpenResourceShortage})
		return
	}
	o := &peerOpen{offered: offered}
	err := c.guardHook("GetChannel", func() {
		o.answer = c.channelFor(offered.ChannelType(), offered.ExtraData())
		if o.answer == (deferred.Deferred[Channel]{}) {
			o.answer = deferred.Fail[Channel](unknownType())
		}
		c.opening[o] = struct{}{}
		c.checkUse()
		o.answer.OnResult(func(ch Channel, err error) {
			delete(c.opening, o)
			if used := c.guardHook("GetChannel", func() { c.openDecided(offered, ch, err) }); used != nil {
				t.reject(offered, used) // the channel is one that cannot be opened
			}
			c.checkUse()
		})
	})
	if err != nil {
		delete(c.opening, o)
		c.checkUse()
		t.reject(offered, err)
	}
}

func unknownType() error {
	return &ConchError{Value: "unknown channel type", Data: OpenUnknownChannelType}
}

// channelFor asks the table of handlers, then the hook.
func (c *SSHConnection) channelFor(channelType string, data []byte) deferred.Deferred[Channel] {
	if f := c.onChannel[channelType]; f != nil {
		return f(data)
	}
	return c.self.GetChannel(channelType, data)
}

// openDecided accepts or refuses a channel.
func (c *SSHConnection) openDecided(offered gossh.NewChannel, ch Channel, err error) {
	t := c.transport
	switch {
	case t.reason != nil:
		if err == nil && ch != nil {
			c.register(ch).openFailed(t.reason)
		}
		return
	case err == nil && ch == nil:
		err = unknownType()
	case err == nil && c.accepted >= c.Limits.channels():
		err = &ConchError{Value: "too many channels", Data: OpenResourceShortage}
		c.register(ch).openFailed(err)
	}
	if err != nil {
		t.reject(offered, err)
		return
	}
	b := c.register(ch)
	b.byPeer, b.data = true, offered.ExtraData()
	c.accepted++
	t.reply(func() {
		opened, requests, err := offered.Accept()
		t.r.CallFromThread(func() { b.openAnswered(opened, requests, err) })
	})
}

// reject refuses a channel. The text of errors other than ConchErrors is not
// told to the peer.
func (t *SSHTransport) reject(offered gossh.NewChannel, err error) {
	reason, text := gossh.ConnectionFailed, "open failed"
	if e, ok := errors.AsType[*ConchError](err); ok && e.Data != 0 {
		reason, text = gossh.RejectionReason(e.Data), e.Value
	}
	t.reply(func() { _ = offered.Reject(reason, text) })
}
