package conch

import (
	"fmt"
	"slices"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// Connection is the service "ssh-connection" (RFC 4254): what runs once authentication is over. Embed SSHConnection by value and replace
// the hooks that matter, as a rule ServiceStarted. All hooks run on the reactor goroutine.
type Connection interface {
	// ServiceStarted is called when the connection may be used.
	ServiceStarted()
	// ServiceStopped is called once, when the connection is gone; Closed of its channels comes after it. Transport().Lost() says why.
	ServiceStopped()
	// GetChannel answers a channel that the peer opens: with the channel to use, or with an error that refuses it. A *ConchError gives
	// the reason's number (an Open… constant) and text, any other error means OpenConnectFailed (C-CONN-53, C-CONN-55).
	GetChannel(channelType string, data []byte) (Channel, error)
	// GotGlobalRequest answers a request that is about no channel: whether it is granted, and what to send with that (C-CONN-52).
	GotGlobalRequest(name string, data []byte) (granted bool, reply []byte)

	base() *SSHConnection
}

// Bounds on what a peer can have waiting. A peer that exceeds them loses the connection.
const (
	maxChannels        = 1000 // channels open at the same time that the peer has opened
	maxWaitingRequests = 128  // requests on one channel that have not been answered
	maxReplies         = 1024 // answers of this side that the peer has not taken
	maxUnseen          = 256  // requests and openings of channels that the loop has not looked at; reading stops there
)

// SSHConnection is the base of connections: it opens channels, sends requests, and refuses what the peer asks for. The zero value is ready
// for use; it serves one connection (C-CONN-4).
type SSHConnection struct {
	self      Connection
	transport *SSHTransport
	client    *SSHClientTransport
	nextID    uint32
	channels  map[uint32]*SSHChannel // open or being opened
	accepted  int                    // of these, opened by the peer
	agents    int                    // of these, to the agent
	requests  serial                 // global requests, in order
	listeners []*RemoteListener      // what the peer listens on for this side
	asking    int                    // requests to listen that the peer has not answered
	early     []gossh.NewChannel     // came meanwhile, and may be from there
}

func (c *SSHConnection) base() *SSHConnection { return c }

// start makes the connection usable.
func (c *SSHConnection) start(self Connection, t *SSHClientTransport) {
	c.self, c.transport, c.client = self, &t.SSHTransport, t
	c.channels = make(map[uint32]*SSHChannel)
}

// ServiceStarted does nothing.
func (c *SSHConnection) ServiceStarted() {}

// ServiceStopped does nothing: the bookkeeping is not here, so there is no need to call it.
func (c *SSHConnection) ServiceStopped() {}

// GetChannel refuses every channel. That a server wants to use the agent, which is not forwarded to it, is logged as well.
func (c *SSHConnection) GetChannel(channelType string, data []byte) (Channel, error) {
	if channelType == agentChannelType {
		c.transport.r.Logger().Warn("Server wants to use the agent, which is not forwarded to it; refused", "server", c.client.address)
		return nil, &ConchError{Value: "agent forwarding is off", Data: OpenAdministrativelyProhibited}
	}
	return nil, &ConchError{Value: "unknown channel type", Data: OpenUnknownChannelType}
}

// GotGlobalRequest refuses every request.
func (c *SSHConnection) GotGlobalRequest(name string, data []byte) (granted bool, reply []byte) {
	return false, nil
}

// Transport returns the SSH transport, and nil before ServiceStarted (C-CONN-3).
func (c *SSHConnection) Transport() *SSHClientTransport { return c.client }

// LoseConnection closes the connection, as the transport's LoseConnection does. Before ServiceStarted it does nothing.
func (c *SSHConnection) LoseConnection() {
	if c.transport != nil {
		c.transport.LoseConnection()
	}
}

// OpenChannel asks the peer to open ch, which must be new. ch.ChannelOpen or ch.OpenFailed follows. extra is data of the channel type
// (RFC 4254, section 5.1); at most one may be given. It panics before ServiceStarted, when ch has no Name, and when it was opened before.
func (c *SSHConnection) OpenChannel(ch Channel, extra ...[]byte) {
	if c.transport == nil {
		panic("conch: OpenChannel before ServiceStarted")
	}
	if len(extra) > 1 {
		panic("conch: OpenChannel takes at most one extra")
	}
	name, data := ch.Name(), slices.Concat(extra...)
	if name == "" {
		panic(fmt.Sprintf("conch: OpenChannel of a %T without a Name", ch))
	}
	b := c.register(ch)
	t := c.transport
	if t.reason != nil {
		t.r.CallLater(0, func() { b.openAnswered(nil, nil, t.reason) })
		return
	}
	t.work.Go(func() { // ends with the peer's answer, or with the connection
		opened, requests, err := t.mux.OpenChannel(name, data)
		if !t.r.CallFromThread(func() { b.openAnswered(opened, requests, err) }) && err == nil {
			opened.Close()
			gossh.DiscardRequests(requests)
		}
	})
}

// register gives the channel its number, counting from 0 (C-CONN-11).
func (c *SSHConnection) register(ch Channel) *SSHChannel {
	b := ch.base()
	if b.self != nil {
		panic("conch: a channel can be opened only once; make a new one")
	}
	b.self, b.conn, b.id = ch, c, c.nextID
	c.nextID++
	c.channels[b.id] = b
	return b
}

// SendRequest sends a request on a channel that is open (RFC 4254, section 5.4). With wantReply the Deferred fires with an empty value when
// the peer grants the request, and fails with a [*ConchError] when it refuses (ErrRequestRefused) or when the channel is closed first
// (ErrChannelClosed). Without it the Deferred fires when the request has been sent. Replies come in the order of the requests; the next
// request that wants a reply is sent when the reply to the one before it has come. data may be reused afterwards.
//
// Requests do not wait for data, which may be stuck, nor data for requests. Who needs an order writes from a callback of the request's Deferred,
// which then has been sent; a request after data can only follow an answer of the peer.
//
// While replies are outstanding, nothing that the peer sends on the channel is delivered: a reply is seen before the output that it
// announces (C-CONN-35).
func (c *SSHConnection) SendRequest(ch Channel, name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	return ch.base().sendRequest(name, data, wantReply)
}

// SendGlobalRequest sends a request that is about no channel (RFC 4254, section 4). With wantReply the Deferred fires with the payload of
// the reply, and fails with a [*ConchError] when the peer refuses (ErrRequestRefused), or when the connection is lost first.
func (c *SSHConnection) SendGlobalRequest(name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	if c.transport == nil {
		panic("conch: SendGlobalRequest before ServiceStarted")
	}
	t := c.transport
	d := deferred.New[[]byte]()
	data = slices.Clone(data)
	c.requests.do(&t.work, func() {
		granted, reply, err := t.mux.SendRequest(name, wantReply, data)
		t.r.CallFromThread(func() {
			switch {
			case err != nil:
				t.end(err) // there is no other reason for such an error than that the connection is lost
				t.whenLost(func() { _ = d.TryErrback(&ConchError{Value: "Connection stopped.", Err: t.reason}) })
			case wantReply && !granted:
				_ = d.TryErrback(&ConchError{Value: "global request refused", Err: ErrRequestRefused})
			default:
				_ = d.TryCallback(reply)
			}
		})
	})
	return d
}

// SendEOF tells the peer that no more data will come on the channel (C-CONN-40). It follows the data written before it; what is
// written later is dropped.
func (c *SSHConnection) SendEOF(ch Channel) { ch.base().out.sendEOF() }

// SendClose closes the channel without waiting for the data written before (C-CONN-41). LoseConnection of the channel waits.
func (c *SSHConnection) SendClose(ch Channel) { ch.base().AbortConnection() }

// openRequested answers a channel that the peer opens.
func (c *SSHConnection) openRequested(offered gossh.NewChannel) {
	t := c.transport
	if c.asking > 0 && len(c.early) < listenBacklog && isForwarded(offered.ChannelType()) {
		c.early = append(c.early, offered)
		return
	}
	if c.accepted == maxChannels {
		t.reject(offered, &ConchError{Value: "too many channels", Data: OpenResourceShortage})
		return
	}
	var ch Channel
	var err error
	if panicked := caught(func() { ch, err = c.channelFor(offered.ChannelType(), offered.ExtraData()) }); panicked != nil {
		t.logPanic("GetChannel", panicked)
		err = panicked
	}
	if err == nil && ch == nil {
		err = &ConchError{Value: "unknown channel type", Data: OpenUnknownChannelType}
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

// channelFor asks the listeners that belong to the connection and the forwarding of the agent, then the hook.
func (c *SSHConnection) channelFor(channelType string, data []byte) (Channel, error) {
	if l, from := c.listenerFor(channelType, data); l != nil {
		return l.channel(channelType, from)
	}
	if channelType == agentChannelType && c.forwardsAgent() {
		return c.agentChannel()
	}
	return c.self.GetChannel(channelType, data)
}

func (t *SSHTransport) reject(offered gossh.NewChannel, err error) {
	reason, text := gossh.ConnectionFailed, "open failed"
	if e, ok := err.(*ConchError); ok {
		reason, text = gossh.RejectionReason(e.Data), e.Value
	}
	t.reply(func() { _ = offered.Reject(reason, text) })
}

// globalRequestReceived answers a global request of the peer.
func (c *SSHConnection) globalRequestReceived(req *gossh.Request) {
	var granted bool
	var reply []byte
	c.transport.guard("GotGlobalRequest", func() { granted, reply = c.self.GotGlobalRequest(req.Type, req.Payload) })
	req.Payload = nil // may be large
	if req.WantReply {
		c.transport.reply(func() { _ = req.Reply(granted, reply) })
	}
}

// forget removes a channel that is over.
func (c *SSHConnection) forget(b *SSHChannel) {
	delete(c.channels, b.id)
	if b.byPeer {
		c.accepted--
	}
}

// discardInput drops the data that paused channels hold back, so that they can end.
func (c *SSHConnection) discardInput() {
	for _, b := range c.channels {
		b.inbox = slices.DeleteFunc(b.inbox, func(e event) bool { return e.kind == eventData || e.kind == eventExt })
		c.transport.r.CallLater(0, b.deliver)
	}
}
