package conch

import (
	"fmt"
	"log/slog"
	"net"
	"slices"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// Channel is a channel of an SSH connection (RFC 4254, section 5). Embed SSHChannel by value, give it a Name, and replace the hooks that
// matter. All hooks run on the reactor goroutine, in this order: ChannelOpen, or OpenFailed and nothing else; then data, extended data and
// requests, as they come; EOFReceived at most once; CloseReceived if the peer closes; Closed once and last. When the connection is lost
// only Closed comes. A panic in a hook is logged and closes the channel.
type Channel interface {
	// Name returns the type of channel to open, such as "session".
	Name() string
	// ChannelOpen is called when the channel can be used. specificData is what the peer sent with the opening; it is empty on channels
	// that this side opened, where x/crypto/ssh keeps it to itself.
	ChannelOpen(specificData []byte)
	// OpenFailed is called when the channel could not be opened: with a *ConchError whose Data is the reason (an Open… constant), or with
	// an ErrConnectionLost (C-CHAN-2).
	OpenFailed(reason error)
	// DataReceived is called with the peer's data. p belongs to the callee. The peer may send more only when it has returned and the
	// channel is not paused.
	DataReceived(p []byte)
	// ExtReceived is called with extended data; dataType is ExtendedDataStderr. p belongs to the callee.
	ExtReceived(dataType uint32, p []byte)
	// EOFReceived is called when the peer will send no more data. x/crypto/ssh does not tell that from a plain close, so it is called before
	// CloseReceived also when there was none. After LoseConnection it is not called.
	EOFReceived()
	// CloseReceived is called when the peer has closed the channel.
	CloseReceived()
	// Closed is called when the channel is over; CloseReason says why.
	Closed()
	// RequestReceived answers a request of the peer: a Deferred that fires with whether it is granted. A failure refuses it. The zero
	// Deferred refuses at once.
	RequestReceived(name string, data []byte) deferred.Deferred[bool]
	// StopWriting is called when more than HighWater bytes wait to be sent, StartWriting when none do any more. They are hints: Write
	// takes data at all times (C-CHAN-15).
	StopWriting()
	StartWriting()

	base() *SSHChannel
}

// ExtendedDataStderr is the type of extended data that is standard error (RFC 4254, section 5.2).
const ExtendedDataStderr = 1

// HighWater is the number of bytes waiting to be sent above which StopWriting is called.
const HighWater = 256 << 10

// SSHChannel is the base of channels. Its hooks do nothing, but for those that say otherwise. The zero value is a channel that has not been
// opened. Except where noted its methods belong to the reactor goroutine.
type SSHChannel struct {
	self   Channel
	conn   *SSHConnection
	id     uint32
	byPeer bool
	data   []byte // what came with the peer's opening
	state  channelState
	pump   *pump // nil before the channel is open
	reason error
	lose   bool // LoseConnection was called

	out, ext  outbox
	requests  serial
	unsure    int // replies outstanding
	paused    int
	inbox     []event // came while delivery was held back
	asked     int     // the peer's requests that have not been answered
	draining  bool
	writing   bool // StopWriting was called last
	onData    func([]byte)
	onRequest map[string]func(data []byte) deferred.Deferred[bool]
	stream    *ChannelConn // takes data and the end; nil if NetConn was not called
	end       notice       // fires when the channel is over
	producer  producing
}

type channelState uint8

const (
	channelNew channelState = iota
	channelOpen
	channelOver
)

func (c *SSHChannel) base() *SSHChannel { return c }

// Name returns "", which no peer opens; a channel that is to be opened needs a Name of its own.
func (c *SSHChannel) Name() string { return "" }

// ChannelOpen does nothing.
func (c *SSHChannel) ChannelOpen(specificData []byte) {}

// OpenFailed logs the reason.
func (c *SSHChannel) OpenFailed(reason error) {
	c.log().Warn("Channel could not be opened", "err", reason)
}

// DataReceived does nothing.
func (c *SSHChannel) DataReceived(p []byte) {}

// ExtReceived does nothing.
func (c *SSHChannel) ExtReceived(dataType uint32, p []byte) {}

// EOFReceived does nothing.
func (c *SSHChannel) EOFReceived() {}

// CloseReceived calls LoseConnection (C-CHAN-3).
func (c *SSHChannel) CloseReceived() { c.LoseConnection() }

// Closed does nothing.
func (c *SSHChannel) Closed() {}

// StopWriting does nothing.
func (c *SSHChannel) StopWriting() {}

// StartWriting does nothing.
func (c *SSHChannel) StartWriting() {}

// RequestReceived answers with the function given to HandleRequest for that name, and refuses requests that have none (C-CHAN-5).
func (c *SSHChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	if f := c.onRequest[name]; f != nil {
		return f(data)
	}
	c.log().Debug("Unhandled channel request", "request", printable(name))
	return deferred.Succeed(false)
}

// HandleRequest makes f answer the requests of that name, as a method request_name does in Twisted.
func (c *SSHChannel) HandleRequest(name string, f func(data []byte) deferred.Deferred[bool]) {
	if c.onRequest == nil {
		c.onRequest = make(map[string]func(data []byte) deferred.Deferred[bool])
	}
	c.onRequest[name] = f
}

// SetDataReceived makes f take the data that arrives from now on instead of the channel's DataReceived; nil undoes it (PORT-5).
func (c *SSHChannel) SetDataReceived(f func(p []byte)) { c.onData = f }

// Conn returns the connection, and nil before the channel was given to OpenChannel.
func (c *SSHChannel) Conn() *SSHConnection { return c.conn }

// ID returns the number of the channel; it is this library's count (C-CONN-11), not the number on the wire. ok is false before
// OpenChannel.
func (c *SSHChannel) ID() (id uint32, ok bool) { return c.id, c.self != nil }

// CloseReason returns nil if the channel was closed in the normal way or is open, and else an ErrConnectionLost.
func (c *SSHChannel) CloseReason() error { return c.reason }

// WhenClosed returns a new Deferred that fires when the channel is over, after Closed. It fails with what OpenFailed was given, or with an
// ErrConnectionLost. It need not be the hook's business: any number of parties may wait.
func (c *SSHChannel) WhenClosed() deferred.Deferred[struct{}] { return c.end.wait() }

// GetPeer returns the address of the peer's end of the SSH connection's own transport, and nil before the channel is opened.
func (c *SSHChannel) GetPeer() net.Addr {
	if c.conn == nil {
		return nil
	}
	return c.conn.transport.GetPeer()
}

// GetHost returns the address of this end, likewise.
func (c *SSHChannel) GetHost() net.Addr {
	if c.conn == nil {
		return nil
	}
	return c.conn.transport.GetHost()
}

// String returns the type and number of the channel, for logs (C-CHAN-31).
func (c *SSHChannel) String() string {
	if c.self == nil {
		return "channel (not opened)"
	}
	return fmt.Sprintf("channel %s %d", c.self.Name(), c.id)
}

func (c *SSHChannel) log() *slog.Logger {
	if c.conn == nil {
		return slog.Default()
	}
	return c.conn.transport.r.Logger().With("channel", c.String())
}

// Write sends a copy of p. It never blocks: what the peer's window or the socket does not take is kept, see StopWriting. Data written
// before the channel is open is sent then (C-CHAN-16); data written after LoseConnection, SendEOF or the end is dropped (C-CHAN-17).
func (c *SSHChannel) Write(p []byte) { c.wrote(&c.out, c.out.write(p)) }

// WriteSequence is Write of the pieces, one after the other (C-CHAN-13).
func (c *SSHChannel) WriteSequence(pieces [][]byte) { c.Write(slices.Concat(pieces...)) }

// WriteExtended sends a copy of p as extended data. The only type is ExtendedDataStderr; data of any other type is dropped with a line in the log.
// Extended data is not ordered against data (C-CHAN-12), but end-of-file and close follow both.
func (c *SSHChannel) WriteExtended(dataType uint32, p []byte) {
	if dataType != ExtendedDataStderr {
		c.log().Warn("Cannot send extended data of this type", "type", dataType)
		return
	}
	c.wrote(&c.ext, c.ext.write(p))
}

func (c *SSHChannel) wrote(o *outbox, pending int) {
	if pending <= HighWater || c.writing || c.self == nil {
		return
	}
	c.writing = true
	o.whenSent(func() { c.post(c.sent) })
	c.guard("StopWriting", c.self.StopWriting)
	c.guard("PauseProducing of the producer", c.producer.pause)
}

// sent runs on the loop when an outbox that was full is empty.
func (c *SSHChannel) sent() {
	stopped := c.writing
	c.writing = false
	if c.state != channelOpen {
		return
	}
	if stopped {
		c.guard("StartWriting", c.self.StartWriting)
		if c.stream != nil {
			c.stream.writable()
		}
	}
	c.guard("ResumeProducing of the producer", func() { c.producer.resume(stopped) })
	c.expectSent()
}

// expectSent makes sent be called again for a producer that is to be asked each time.
func (c *SSHChannel) expectSent() {
	if c.producer.p != nil && !c.producer.streams {
		c.out.whenSent(func() { c.post(c.sent) })
	}
}

// LoseConnection closes the channel once everything written has been sent (C-CHAN-20), and the producer, if there is one, has been
// unregistered. Closed follows when the peer has closed it too. Data that is held back by PauseProducing then, or comes to a channel that
// is paused later, is dropped. A second call does nothing. No end-of-file is sent (C-CHAN-21).
func (c *SSHChannel) LoseConnection() {
	if c.producer.p != nil && c.state != channelOver {
		c.producer.closing = true
		return
	}
	if c.lose {
		return
	}
	c.lose = true
	c.out.sendClose()
	if c.paused > 0 && c.state == channelOpen {
		c.post(c.deliver) // a pause does not hold the end back any more
	}
}

// AbortConnection closes the channel at once, without sending what is waiting.
func (c *SSHChannel) AbortConnection() {
	c.out.kill()
	c.ext.kill()
	c.guard("StopProducing of the producer", c.producer.stop)
	c.LoseConnection()
	c.out.abort()
}

// PauseProducing holds back everything the peer sends, until ResumeProducing, or until LoseConnection drops it; pauses nest. The peer's window
// fills up meanwhile.
func (c *SSHChannel) PauseProducing() { c.paused++ }

// ResumeProducing takes one PauseProducing back and delivers what has come. Without one it does nothing.
func (c *SSHChannel) ResumeProducing() {
	if c.paused > 0 {
		c.paused--
	}
	if !c.held() {
		c.deliver()
	}
}

// StopProducing is LoseConnection.
func (c *SSHChannel) StopProducing() { c.LoseConnection() }

// openAnswered ends the opening of the channel.
func (c *SSHChannel) openAnswered(opened gossh.Channel, requests <-chan *gossh.Request, err error) {
	t := c.conn.transport
	if refused := openRefusal(err); refused != nil {
		c.openFailed(refused)
		return
	}
	if err != nil || t.reason != nil {
		t.end(err) // there is no other reason for such an error than that the connection is lost
		t.whenLost(func() { c.openFailed(t.reason) })
		return
	}
	c.state = channelOpen
	c.pump = newPump(c, opened, requests)
	c.guard("ChannelOpen", func() { c.self.ChannelOpen(c.data) })
	c.pump.start()
}

func (c *SSHChannel) openFailed(reason error) {
	c.state = channelOver
	c.conn.forget(c)
	c.guard("OpenFailed", func() { c.self.OpenFailed(reason) })
	c.finish(reason)
}

// finish tells those who wait for the end of the channel.
func (c *SSHChannel) finish(reason error) {
	c.guard("StopProducing of the producer", c.producer.stop)
	if c.stream != nil {
		c.stream.closed(reason)
	}
	c.end.fire(reason)
}

func (c *SSHChannel) sendRequest(name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	switch {
	case c.lose || c.state == channelOver:
		return deferred.Fail[[]byte](closedError(c.reason))
	case c.state == channelNew:
		return deferred.Fail[[]byte](ErrChannelNotOpen)
	}
	d := deferred.New[[]byte]()
	data = slices.Clone(data)
	if wantReply {
		c.unsure++
	}
	peer := c.pump.ch
	c.requests.do(&c.pump.work, func() {
		granted, err := peer.SendRequest(name, wantReply, data)
		c.post(func() { c.requestAnswered(d, wantReply, granted, err) })
	})
	return d
}

func (c *SSHChannel) requestAnswered(d deferred.Deferred[[]byte], wanted, granted bool, err error) {
	if wanted {
		c.unsure--
	}
	switch {
	case err != nil && c.conn.transport.ended():
		t := c.conn.transport
		t.whenLost(func() { _ = d.TryErrback(closedError(t.reason)) }) // it may have been cancelled
	case err != nil:
		_ = d.TryErrback(closedError(nil))
	case wanted && !granted:
		_ = d.TryErrback(&ConchError{Value: "channel request failed", Err: ErrRequestRefused})
	default:
		_ = d.TryCallback(nil)
	}
	c.deliver()
}

// post takes f to the loop, from any goroutine.
func (c *SSHChannel) post(f func()) { c.conn.transport.r.CallFromThread(f) }

// guard runs a hook of the user's. A panic in it is logged and closes the channel.
func (c *SSHChannel) guard(hook string, f func()) {
	if err := caught(f); err != nil {
		c.conn.transport.logPanic(hook+" of "+c.String(), err)
		c.AbortConnection()
	}
}
