package conch

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// Channel is a channel of an SSH connection (RFC 4254, section 5), the same for a
// client and a server. Embed SSHChannel by value, give it a Name, and replace the
// hooks that matter. All methods belong to the loop.
//
// Hooks are called in this order: ChannelOpen, or OpenFailed and nothing else;
// then data, extended data and requests as they arrive; EOFReceived at most once;
// CloseReceived if the peer closes the channel; Closed once and last. If the
// connection is lost, only Closed comes. A panic in a hook is logged and closes
// the channel.
type Channel interface {
	// Name returns the type of the channel to open, such as "session".
	Name() string

	// ChannelOpen is called when the channel can be used. specificData is the
	// data of the peer's opening. It is empty on channels that this side opened,
	// where x/crypto/ssh does not reveal it.
	ChannelOpen(specificData []byte)

	// OpenFailed is called if the channel could not be opened: with a
	// *ConchError whose Data is the reason (an Open… constant), or with an error
	// that matches ErrConnectionLost.
	OpenFailed(reason error)

	// DataReceived is called with data of the peer. p belongs to the callee. The
	// peer may send more only after DataReceived has returned, and while the
	// channel is not paused.
	DataReceived(p []byte)

	// ExtReceived is called with extended data; dataType is ExtendedDataStderr.
	// p belongs to the callee.
	ExtReceived(dataType uint32, p []byte)

	// EOFReceived is called when the peer will send no more data. x/crypto/ssh
	// does not tell end-of-file from a close, so EOFReceived also precedes
	// CloseReceived if there was none. It is not called after LoseConnection.
	EOFReceived()

	// CloseReceived is called when the peer has closed the channel. It is not
	// called after LoseConnection.
	CloseReceived()

	// Closed is called when the channel has ended; CloseReason is the reason.
	Closed()

	// RequestReceived answers a request of the peer with whether it is granted.
	// A failure and the zero Deferred refuse it. A reply waits for the replies
	// to earlier requests.
	RequestReceived(name string, data []byte) deferred.Deferred[bool]

	// StopWriting is called when more than 256 KiB wait to be sent, StartWriting
	// when nothing does any more. They are hints: Write always takes data.
	StopWriting()
	StartWriting()

	// A channel is a transport: it can be written to and closed, and
	// reactor.MakeConnection connects a protocol to it.
	reactor.Transport

	// Conn returns the connection of the channel.
	Conn() *SSHConnection

	base() *SSHChannel
}

// ExtendedDataStderr is the type of extended data that is standard error (RFC
// 4254, section 5.2).
const ExtendedDataStderr = 1

// highWater is the number of unsent bytes above which StopWriting is called.
const highWater = 256 << 10

// SSHChannel is the base of channels. Its hooks do nothing, unless their comments
// say otherwise. The zero value is a channel that has not been opened.
type SSHChannel struct {
	self   Channel
	conn   *SSHConnection
	id     uint32
	byPeer bool
	data   []byte // the data of the peer's opening
	state  channelState
	pump   *pump // nil before the channel is open
	end    ending
	reason error
	lose   bool // LoseConnection was called

	out      sendQueue
	asked    int // replies of the peer that are outstanding
	paused   int
	inbox    []event // waits while delivery is paused
	replies  replies
	draining bool
	writing  bool // StopWriting was called last
	producer producing

	onData    func([]byte)
	onRequest map[string]func(data []byte) deferred.Deferred[bool]
	protocol  reactor.Protocol // receives the data instead of the hooks; may be nil
	closed    work.Completion

	idle idleTimer
	used atomic.Int64 // when the channel has carried data, since the start of conn, if that is measured
}

type channelState uint8

const (
	channelNew channelState = iota
	channelOpen
	channelOver
)

func (c *SSHChannel) base() *SSHChannel { return c }

// Name returns "", which is no valid type.
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

// CloseReceived calls LoseConnection.
func (c *SSHChannel) CloseReceived() { c.LoseConnection() }

// Closed does nothing.
func (c *SSHChannel) Closed() {}

// StopWriting does nothing.
func (c *SSHChannel) StopWriting() {}

// StartWriting does nothing.
func (c *SSHChannel) StartWriting() {}

// ExitStatusReceiver is an optional interface of a [Channel]: the exit status of
// the program at the other end (RFC 4254, section 6.10).
type ExitStatusReceiver interface{ ExitStatusReceived(status uint32) }

// ExitSignalReceiver is an optional interface of a [Channel]: the signal that
// ended the program at the other end (RFC 4254, section 6.10).
type ExitSignalReceiver interface{ ExitSignalReceived(signal ExitSignal) }

// RequestReceived answers with the function that HandleRequest has for the name.
// Without one it calls ExitStatusReceived or ExitSignalReceived if the channel
// has that method and the request is about it, and refuses all others.
func (c *SSHChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	if f := c.onRequest[name]; f != nil {
		return f(data)
	}
	switch name {
	case "exit-status":
		if hooks, ok := c.self.(ExitStatusReceiver); ok {
			status, err := ParseRequestExitStatus(data)
			if err == nil {
				hooks.ExitStatusReceived(status)
			}
			return deferred.Succeed(err == nil)
		}
	case "exit-signal":
		if hooks, ok := c.self.(ExitSignalReceiver); ok {
			signal, err := ParseRequestExitSignal(data)
			if err == nil {
				hooks.ExitSignalReceived(signal)
			}
			return deferred.Succeed(err == nil)
		}
	}
	c.log().Debug("Unhandled channel request", "request", text.Line(name))
	return deferred.Succeed(false)
}

// HandleRequest makes answer answer the requests of that name, as a method
// request_name does in Twisted. A nil answer removes the function.
func (c *SSHChannel) HandleRequest(name string, answer func(data []byte) deferred.Deferred[bool]) {
	handle(&c.onRequest, name, answer)
}

// SetDataReceived makes f take received data from now on instead of the channel's
// DataReceived, as assigning to channel.dataReceived does in Twisted. nil removes
// f.
func (c *SSHChannel) SetDataReceived(f func(p []byte)) { c.onData = f }

// Conn returns the connection, and nil before the channel is opened.
func (c *SSHChannel) Conn() *SSHConnection { return c.conn }

// Self returns the value that embeds the channel, and nil before it is opened.
func (c *SSHChannel) Self() Channel { return c.self }

// ID returns the number of the channel: this library counts from 0 for each
// connection. x/crypto/ssh does not reveal the number on the wire. ok is false
// before the channel is opened.
func (c *SSHChannel) ID() (id uint32, ok bool) { return c.id, c.self != nil }

// CloseReason returns nil while the channel is open, and if it was closed in the
// normal way. Otherwise it returns an error that matches ErrConnectionLost. Once
// this side has sent its close, the loss of the connection counts as the peer's
// answer.
func (c *SSHChannel) CloseReason() error { return c.reason }

// WhenClosed returns a new Deferred that fires when the channel has ended, after
// Closed. It fails with the error that OpenFailed was called with, or with an
// error that matches ErrConnectionLost.
func (c *SSHChannel) WhenClosed() deferred.Deferred[struct{}] { return c.closed.Wait() }

// GetPeer returns the address of the peer of the SSH connection, and nil before
// the channel is opened.
func (c *SSHChannel) GetPeer() net.Addr {
	if c.conn == nil {
		return nil
	}
	return c.conn.transport.GetPeer()
}

// GetHost returns the address of this end of the SSH connection, and nil before
// the channel is opened.
func (c *SSHChannel) GetHost() net.Addr {
	if c.conn == nil {
		return nil
	}
	return c.conn.transport.GetHost()
}

// String returns the type and number of the channel, for logs.
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

// PauseProducing stops delivery of everything that the peer sends, until
// ResumeProducing. Pauses nest. The peer is slowed down when the window of the
// channel is full. A pause does not delay the end: after LoseConnection, and when
// the connection is lost, data that waits is dropped.
func (c *SSHChannel) PauseProducing() { c.paused++ }

// ResumeProducing undoes one PauseProducing and delivers what has arrived. Without
// a pause it does nothing.
func (c *SSHChannel) ResumeProducing() {
	if c.paused > 0 {
		c.paused--
	}
	c.deliver()
}

// StopProducing is LoseConnection.
func (c *SSHChannel) StopProducing() { c.LoseConnection() }

// openAnswered ends the opening of the channel.
func (c *SSHChannel) openAnswered(opened gossh.Channel, requests <-chan *gossh.Request, err error) {
	t := c.conn.transport
	if c.state != channelNew {
		return // the connection was lost meanwhile
	}
	if refused := openRefusal(err); refused != nil {
		c.openFailed(refused)
		return
	}
	if err != nil || t.reason != nil {
		if err != nil && t.reason == nil {
			t.broken()
		}
		t.whenLost(func() { c.openFailed(t.reason) })
		return
	}
	c.state = channelOpen
	c.pump = newPump(c, opened, requests)
	c.replies.before = c.out.afterReply
	c.out.open(opened, &c.pump.work, t.socket, c.touch)
	c.touch()
	if limit := c.conn.Limits.Idle; limit != nil {
		c.SetIdleTimeout(limit(c.self.Name()))
	}
	c.guard("ChannelOpen", func() { c.self.ChannelOpen(c.data) })
	c.pump.start()
}

func (c *SSHChannel) openFailed(reason error) {
	c.state = channelOver
	c.out.end()
	c.conn.forget(c)
	c.guard("OpenFailed", func() { c.self.OpenFailed(reason) })
	c.finish(reason)
}

// finish informs everyone who waits for the end of the channel.
func (c *SSHChannel) finish(reason error) {
	c.guard("StopProducing of the producer", c.producer.stop)
	if c.protocol != nil {
		c.endProtocol(reason)
	}
	c.closed.Fire(reason)
}

func (c *SSHChannel) sendRequest(name string, data []byte, wantReply bool) deferred.Deferred[[]byte] {
	switch {
	case c.lose || c.state == channelOver:
		return deferred.Fail[[]byte](closedError(c.reason))
	case c.state == channelNew:
		return deferred.Fail[[]byte](ErrChannelNotOpen)
	case tooLong(name, data):
		return deferred.Fail[[]byte](ErrTooLong)
	}
	d := deferred.New[[]byte]()
	if wantReply {
		c.asked++
	}
	c.out.add(sendItem{kind: itemRequest, request: &sendRequest{
		name: name, data: slices.Clone(data), wantReply: wantReply, sent: make(chan struct{}),
		answered: func(granted bool, err error) {
			c.post(func() { c.requestAnswered(d, wantReply, granted, err) })
		},
	}})
	return d
}

func (c *SSHChannel) requestAnswered(d deferred.Deferred[[]byte], wanted, granted bool, err error) {
	if wanted {
		c.asked--
	}
	switch {
	case err != nil && c.lose:
		_ = d.TryErrback(closedError(nil)) // it may have been cancelled
	case err != nil:
		c.whenEnded(func(lost error) { _ = d.TryErrback(closedError(lost)) })
	case wanted && !granted:
		_ = d.TryErrback(&ConchError{Value: "channel request failed", Err: ErrRequestRefused})
	default:
		_ = d.TryCallback(nil)
	}
	c.deliver()
}

// post runs f on the loop. Any goroutine may call it.
func (c *SSHChannel) post(f func()) { c.conn.transport.r.CallFromThread(f) }

// guard calls a hook. A panic in the hook is logged and closes the channel.
func (c *SSHChannel) guard(name string, f func()) {
	if err := hook.Call(f); err != nil {
		hook.Log(c.conn.transport.r.Logger(), name+" of "+c.String(), err)
		c.AbortConnection()
	}
}
