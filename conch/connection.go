package conch

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Connection is the service "ssh-connection" (RFC 4254), the same for a client
// and a server: it exists from the end of authentication on. Embed SSHConnection
// by value and replace the hooks that matter, usually ServiceStarted. All methods
// belong to the loop.
type Connection interface {
	// ServiceStarted is called when the connection can be used.
	ServiceStarted()

	// ServiceStopped is called once, when the connection has ended, before
	// Closed of its channels. Transport().Lost() is the reason.
	ServiceStopped()

	// GetChannel answers a channel that the peer wants to open and that
	// HandleChannel has no function for. The value is the channel to use. A
	// failure refuses the channel: with the number and text of a *ConchError,
	// with OpenConnectFailed for any other error. The zero Deferred and a nil
	// Channel refuse it with OpenUnknownChannelType. The Deferred is cancelled
	// when the connection ends.
	GetChannel(channelType string, data []byte) deferred.Deferred[Channel]

	// GotGlobalRequest answers a global request of the peer that
	// HandleGlobalRequest has no function for. The value is the payload of the
	// reply. A failure, and the zero Deferred, refuse the request. A reply waits
	// for the replies to earlier requests.
	GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte]

	// The methods that SSHConnection has; see there.
	OpenChannel(ch Channel, extra ...[]byte)
	SendRequest(ch Channel, name string, data []byte, wantReply bool) deferred.Deferred[[]byte]
	SendGlobalRequest(name string, data []byte, wantReply bool) deferred.Deferred[[]byte]
	HandleChannel(channelType string, open func(data []byte) deferred.Deferred[Channel])
	HandleGlobalRequest(name string, answer func(data []byte) deferred.Deferred[[]byte])
	Value(key any, create func() any) any
	ReplyWanted() bool
	NumChannels() int
	Drain()
	LoseConnection()
	Transport() *SSHTransport
	Self() Connection

	base() *SSHConnection
}

// SSHConnection is the base of connections: it opens channels, sends requests,
// and refuses the requests of the peer. The zero value is ready for use. An
// SSHConnection serves one connection.
type SSHConnection struct {
	// Limits bounds what the peer can make the connection hold. Set it before
	// the connection starts.
	Limits Limits

	self       Connection
	transport  *SSHTransport
	nextID     uint32
	channels   map[uint32]*SSHChannel // open, or being opened
	accepted   int                    // of these, opened by the peer
	opening    map[*peerOpen]struct{} // not answered yet
	opens      work.Queue             // channels to open, in order
	requests   work.Queue             // global requests to send, in order
	unanswered int                    // of these, not sent or not answered
	globals    globals

	began       time.Time    // when the connection started
	timed       atomic.Bool  // the use of channels is measured
	used        atomic.Int64 // when a channel has carried data, since began
	idle        idleTimer
	unusedAfter time.Duration
	unusedCall  *reactor.DelayedCall
	draining    bool // Drain was called
	replyWanted bool // by the peer, for the global request that is handled

	onChannel map[string]func(data []byte) deferred.Deferred[Channel]
	onGlobal  map[string]func(data []byte) deferred.Deferred[[]byte]
	values    map[any]any
}

func (c *SSHConnection) base() *SSHConnection { return c }

// start makes the connection usable.
func (c *SSHConnection) start(self Connection, t *SSHTransport) {
	c.self, c.transport = self, t
	c.channels = make(map[uint32]*SSHChannel)
	c.opening = make(map[*peerOpen]struct{})
	c.globals.c = c
	c.began = t.r.Now()
}

// ServiceStarted does nothing.
func (c *SSHConnection) ServiceStarted() {}

// ServiceStopped does nothing. A replacement need not call it.
func (c *SSHConnection) ServiceStopped() {}

// GetChannel refuses every channel. It logs a warning if the peer wants to use an
// agent, which no one has forwarded.
func (c *SSHConnection) GetChannel(channelType string, data []byte) deferred.Deferred[Channel] {
	if channelType == "auth-agent@openssh.com" {
		c.transport.r.Logger().Warn("Peer wants to use the agent, which is not forwarded to it; refused", "remote", c.transport.GetPeer())
		return deferred.Fail[Channel](&ConchError{Value: "agent forwarding is off", Data: OpenAdministrativelyProhibited})
	}
	return deferred.Deferred[Channel]{}
}

// GotGlobalRequest refuses every request.
func (c *SSHConnection) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	return deferred.Deferred[[]byte]{}
}

// HandleChannel makes open answer the channels of that type that the peer opens,
// as GetChannel does for the others. A nil open removes the function.
func (c *SSHConnection) HandleChannel(channelType string, open func(data []byte) deferred.Deferred[Channel]) {
	handle(&c.onChannel, channelType, open)
}

// HandleGlobalRequest makes answer answer the global requests of that name, as
// GotGlobalRequest does for the others. A nil answer removes the function.
func (c *SSHConnection) HandleGlobalRequest(name string, answer func(data []byte) deferred.Deferred[[]byte]) {
	handle(&c.onGlobal, name, answer)
}

// handle sets or removes an entry of a table of handlers.
func handle[T any](table *map[string]func([]byte) deferred.Deferred[T], name string, f func([]byte) deferred.Deferred[T]) {
	if f == nil {
		delete(*table, name)
		return
	}
	if *table == nil {
		*table = make(map[string]func([]byte) deferred.Deferred[T])
	}
	(*table)[name] = f
}

// Transport returns the SSH transport, and nil before ServiceStarted.
func (c *SSHConnection) Transport() *SSHTransport { return c.transport }

// Self returns the value that embeds the connection, and nil before
// ServiceStarted. It panics if the value embeds a nil pointer.
func (c *SSHConnection) Self() Connection {
	if c == nil {
		panic("conch: a connection embeds a nil *SSHConnection; embed SSHConnection by value")
	}
	return c.self
}

// Value returns the value that a package keeps with the connection under key. If
// there is none, create makes it.
func (c *SSHConnection) Value(key any, create func() any) any {
	v, ok := c.values[key]
	if !ok {
		if c.values == nil {
			c.values = make(map[any]any)
		}
		v = create()
		c.values[key] = v
	}
	return v
}

// LoseConnection closes the connection, as the transport's LoseConnection does.
// Before ServiceStarted it does nothing.
func (c *SSHConnection) LoseConnection() {
	if c.transport != nil {
		c.transport.LoseConnection()
	}
}

// OpenChannel asks the peer to open ch, which must be new. ch.ChannelOpen or
// ch.OpenFailed follows. extra is data of the channel type (RFC 4254, section
// 5.1); at most one may be given. Channels are opened in the order of the calls.
// OpenChannel panics before ServiceStarted, if ch has no Name, and if ch has been
// opened before.
func (c *SSHConnection) OpenChannel(ch Channel, extra ...[]byte) {
	if c.transport == nil {
		panic("conch: OpenChannel before ServiceStarted")
	}
	if len(extra) > 1 {
		panic("conch: OpenChannel takes at most one extra")
	}
	mustHaveBase(ch)
	name, data := ch.Name(), slices.Concat(extra...)
	if name == "" {
		panic(fmt.Sprintf("conch: OpenChannel of a %T without a Name", ch))
	}
	b := c.register(ch)
	t := c.transport
	switch {
	case t.reason != nil:
		t.r.CallLater(0, func() { b.openAnswered(nil, nil, t.reason) })
		return
	case tooLong(name, data):
		b.failLater(ErrTooLong)
		return
	case c.Limits.full(c.NumChannels() - 1):
		b.failLater(&ConchError{Value: "too many channels are open", Data: OpenResourceShortage})
		return
	}
	c.opens.Do(&t.work, func() { t.open(b, name, data) })
}

// failLater fails the opening of a channel.
func (c *SSHChannel) failLater(reason error) {
	c.conn.transport.r.CallLater(0, func() {
		if c.state == channelNew { // otherwise the connection was lost meanwhile
			c.openFailed(reason)
		}
	})
}

// open sends the opening of a channel, and returns when it is sent. x/crypto/ssh
// may wait for the answer for ever if the connection breaks at that moment. So
// the goroutine that waits is none that the transport waits for.
func (t *SSHTransport) open(b *SSHChannel, name string, data []byte) {
	if t.socket.life.Err() != nil {
		return // connectionLost follows, and ends the channel
	}
	sent := t.socket.start(new(work.Group), func() {
		opened, requests, err := t.mux.OpenChannel(name, data)
		t.r.CallFromThread(func() { b.openAnswered(opened, requests, err) })
	})
	select {
	case <-sent:
	case <-t.socket.life.Done():
	}
}

// register gives the channel its number, counting from 0.
func (c *SSHConnection) register(ch Channel) *SSHChannel {
	b := mustHaveBase(ch)
	if b.self != nil {
		panic("conch: a channel can be opened only once; make a new one")
	}
	b.self, b.conn, b.id = ch, c, c.nextID
	c.nextID++
	c.channels[b.id] = b
	c.checkUse()
	return b
}

// mustHaveBase returns the base of a channel. It panics if the channel embeds a
// nil pointer.
func mustHaveBase(ch Channel) *SSHChannel {
	b := ch.base()
	if b == nil {
		panic(fmt.Sprintf("conch: %T embeds a nil *SSHChannel; embed SSHChannel by value", ch))
	}
	return b
}

// SendRequest sends a request on an open channel (RFC 4254, section 5.4). With
// wantReply the Deferred fires with an empty value when the peer grants the
// request. It fails with a [*ConchError] that matches ErrRequestRefused if the
// peer refuses, or ErrChannelClosed if the channel is closed first. Without
// wantReply it fires when the request has been sent. It fails with
// ErrChannelNotOpen before ChannelOpen. data is copied.
//
// Requests, data, end-of-file and the close leave in the order of the calls,
// with one exception: a request waits for data only some milliseconds, so that
// it can pass data that the peer does not take. Two requests of a channel that
// want replies are sent one after the other's reply.
//
// While a reply is outstanding nothing that the peer sends on the channel is
// delivered, so that the reply is seen before the output that it announces.
func (c *SSHConnection) SendRequest(ch Channel, name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	return ch.base().sendRequest(name, data, wantReply)
}

// SendGlobalRequest sends a request that belongs to no channel (RFC 4254,
// section 4). With wantReply the Deferred fires with the payload of the reply. It
// fails with a [*ConchError] that matches ErrRequestRefused if the peer refuses,
// or ErrConnectionLost if the connection ends first. Without wantReply it fires
// when the request has been sent. data is copied.
func (c *SSHConnection) SendGlobalRequest(name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	if c.transport == nil {
		panic("conch: SendGlobalRequest before ServiceStarted")
	}
	if tooLong(name, data) {
		return deferred.Fail[[]byte](ErrTooLong)
	}
	t := c.transport
	d := deferred.New[[]byte]()
	c.sendGlobalRequest(name, slices.Clone(data), wantReply, func(granted bool, reply []byte, err error) {
		switch {
		case err != nil:
			t.broken()
			t.whenLost(func() { _ = d.TryErrback(&ConchError{Value: "Connection stopped.", Err: t.reason}) })
		case wantReply && !granted:
			_ = d.TryErrback(&ConchError{Value: "global request failed", Err: ErrRequestRefused})
		default:
			_ = d.TryCallback(reply)
		}
	})
	return d
}

// sendGlobalRequest sends a request, and calls answered on the loop.
func (c *SSHConnection) sendGlobalRequest(name string, data []byte, wantReply bool, answered func(bool, []byte, error)) {
	t := c.transport
	c.unanswered++
	c.requests.Do(&t.work, func() {
		granted, reply, err := t.mux.SendRequest(name, wantReply, data)
		t.r.CallFromThread(func() {
			c.unanswered--
			answered(granted, reply, err)
		})
	})
}

// SendEOF tells the peer that no more data will be sent on the channel. It
// follows the data written before; data written later is dropped.
func (c *SSHConnection) SendEOF(ch Channel) { ch.base().LoseWriteConnection() }

// SendClose closes the channel at once; unsent data is dropped. LoseConnection of
// the channel waits for the data.
func (c *SSHConnection) SendClose(ch Channel) { ch.base().AbortConnection() }

// globalRequest asks the table of handlers, then the hook.
func (c *SSHConnection) globalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	if f := c.onGlobal[name]; f != nil {
		return f(data)
	}
	return c.self.GotGlobalRequest(name, data)
}

// forget removes a channel that is over.
func (c *SSHConnection) forget(b *SSHChannel) {
	delete(c.channels, b.id)
	if b.byPeer {
		c.accepted--
	}
	b.idle.stop()
	c.checkUse()
}

// ReplyWanted reports whether the peer wants a reply to the global request that
// GotGlobalRequest, or a function of HandleGlobalRequest, is called with. It may
// be asked only before that returns.
func (c *SSHConnection) ReplyWanted() bool { return c.replyWanted }

// connectionLost ends the channels, and what the peer wanted to open.
func (c *SSHConnection) connectionLost() {
	c.idle.stop()
	c.stopUnused()
	for o := range c.opening {
		o.answer.Cancel()
	}
	for _, b := range c.inOrder() {
		b.connectionLost()
	}
}

// discardInput drops the data that paused channels hold back.
func (c *SSHConnection) discardInput() {
	for _, b := range c.inOrder() {
		b.inbox = slices.DeleteFunc(b.inbox, func(e event) bool {
			dropped := e.kind == eventData || e.kind == eventExt
			if dropped {
				b.truncate()
			}
			return dropped
		})
		c.transport.r.CallLater(0, b.deliver)
	}
}

// sent returns a number that grows while channels send.
func (c *SSHConnection) sent() (n int64) {
	for _, b := range c.channels {
		n += b.out.sent.Load()
	}
	return n
}

// Channels returns the channels that are open, or that this side is opening, in
// the order of their numbers. It belongs to the loop.
func (c *SSHConnection) Channels() []Channel {
	var list []Channel
	for _, b := range c.inOrder() {
		list = append(list, b.Self())
	}
	return list
}

// inOrder returns the channels in the order of their numbers.
func (c *SSHConnection) inOrder() []*SSHChannel {
	list := make([]*SSHChannel, 0, len(c.channels))
	for _, b := range c.channels {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b *SSHChannel) int { return int(a.id) - int(b.id) })
	return list
}

// guardHook calls a hook and returns its panic, which it logs.
func (c *SSHConnection) guardHook(name string, f func()) error {
	err := hook.Call(f)
	if err != nil {
		hook.Log(c.transport.r.Logger(), name, err)
	}
	return err
}
