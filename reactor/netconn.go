package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// NetConn is a net.Conn for code that blocks. On the loop it is the [Protocol]
// of a connection: pass it to a factory, an endpoint, [Reactor.Attach] or
// [MakeConnection]. It works with every [Transport].
//
// Any goroutine may call the methods of net.Conn and CloseWrite and Abort. The
// others are called by the transport. On the loop, where waiting would
// deadlock, Read and Write return [ErrOnLoop] instead of waiting. If the
// reactor ends, they return [ErrReactorEnded].
//
// Received data is buffered up to about NetConnBuffer bytes; beyond that the
// peer must wait. Write copies its data, and waits while BufferLimit or more
// bytes are not sent.
type NetConn struct {
	BaseProtocol
	r *Reactor

	mu       sync.Mutex // guards the following
	made     bool       // ConnectionMade was called
	state    netConnState
	local    net.Addr
	remote   net.Addr
	unread   []byte
	readErr  error         // follows unread; nil while more data may come
	writeErr error         // nil while data may be written
	paused   bool          // the transport does not deliver data
	crowded  bool          // the transport has too much unsent data
	posted   int           // bytes on the way to the loop
	busy     bool          // a Write is in progress
	changed  chan struct{} // closed at the next change; nil if no one waits
	reads    deadline
	writes   deadline
}

// netConnState is the way in which this side has ended the connection.
type netConnState uint8

const (
	netConnOpen netConnState = iota
	netConnWriteClosed
	netConnClosed
	netConnAborted
)

// NetConnBuffer is the number of received bytes that a NetConn buffers before
// it pauses its transport.
const NetConnBuffer = 64 << 10

var (
	_ net.Conn     = (*NetConn)(nil)
	_ Protocol     = (*NetConn)(nil)
	_ HalfCloser   = (*NetConn)(nil)
	_ PushProducer = (*netConnProducer)(nil)
)

// NewNetConn returns a NetConn without a connection. Read and Write wait until
// it is connected on the loop of r. Any goroutine may call NewNetConn.
func NewNetConn(r *Reactor) *NetConn { return &NetConn{r: r} }

// ConnectionMade implements [Protocol].
func (c *NetConn) ConnectionMade() {
	t := c.Transport()
	c.mu.Lock()
	c.made, c.local, c.remote = true, t.GetHost(), t.GetPeer()
	state := c.state
	c.signal()
	c.mu.Unlock()
	if state == netConnOpen {
		_ = t.RegisterProducer((*netConnProducer)(c), true) // cannot fail: it is the first
		return
	}
	state.apply(t)
}

// DataReceived implements [Protocol].
func (c *NetConn) DataReceived(data []byte) {
	c.mu.Lock()
	if c.state >= netConnClosed {
		c.mu.Unlock()
		return
	}
	if len(c.unread) == 0 {
		c.unread = data
	} else {
		c.unread = append(c.unread, data...)
	}
	pause := len(c.unread) >= NetConnBuffer && !c.paused
	c.paused = c.paused || pause
	c.signal()
	c.mu.Unlock()
	if pause {
		c.Transport().PauseProducing()
	}
}

// ReadConnectionLost implements [HalfCloser].
func (c *NetConn) ReadConnectionLost() { c.ended(io.EOF, nil) }

// WriteConnectionLost implements [HalfCloser].
func (c *NetConn) WriteConnectionLost() {}

// ConnectionLost implements [Protocol].
func (c *NetConn) ConnectionLost(reason error) {
	readErr := reason
	if errors.Is(reason, ErrConnectionDone) {
		readErr = io.EOF
	}
	c.ended(readErr, reason)
}

// ended sets the errors of Read and Write, unless they are set or nil.
func (c *NetConn) ended(readErr, writeErr error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readErr == nil {
		c.readErr = readErr
	}
	if c.writeErr == nil {
		c.writeErr = writeErr
	}
	c.signal()
}

// signal wakes all goroutines in wait. The caller holds mu.
func (c *NetConn) signal() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Read implements net.Conn. It returns buffered data, or else waits for data.
// After all data it returns io.EOF if the peer has ended its sending direction
// or the connection has ended cleanly, and else the reason given to
// ConnectionLost. After Close it returns net.ErrClosed. After the read deadline
// it reads nothing and returns os.ErrDeadlineExceeded.
func (c *NetConn) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.await(&c.reads, func() (bool, error) {
		switch {
		case c.state >= netConnClosed:
			return true, net.ErrClosed
		case c.reads.expired():
			return true, os.ErrDeadlineExceeded
		case len(p) == 0 || len(c.unread) > 0:
			return true, nil
		}
		return c.readErr != nil, c.readErr
	})
	if err != nil {
		return 0, err
	}
	n = copy(p, c.unread)
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.unread = nil
	}
	if c.paused && len(c.unread) < NetConnBuffer/2 {
		c.paused = false
		c.r.CallFromThread(func() { c.Transport().ResumeProducing() })
	}
	return n, nil
}

// Write implements net.Conn. It returns when all of p is on its way to the
// socket. Concurrent calls do not mix their data. After Close and CloseWrite it
// returns net.ErrClosed, and after the loss of the connection the reason given
// to ConnectionLost. After the write deadline it returns
// os.ErrDeadlineExceeded. With an error, n is the number of bytes that are on
// their way.
func (c *NetConn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.awaitWrite(func() bool { return !c.busy }); err != nil {
		return 0, err
	}
	c.busy = true
	defer func() {
		c.busy = false
		c.signal()
	}()
	for n < len(p) {
		if err := c.awaitWrite(c.accepts); err != nil {
			return n, err
		}
		part := p[n:min(n+BufferLimit, len(p))]
		if !c.post(part) {
			return n, ErrReactorEnded
		}
		n += len(part)
	}
	return n, nil
}

// accepts reports whether the connection accepts data to write.
func (c *NetConn) accepts() bool {
	return c.made && !c.crowded && c.posted < BufferLimit
}

// awaitWrite waits until ready returns true, or Write must fail. The caller
// holds mu.
func (c *NetConn) awaitWrite(ready func() bool) error {
	return c.await(&c.writes, func() (bool, error) {
		switch {
		case c.state >= netConnWriteClosed:
			return true, net.ErrClosed
		case c.writeErr != nil:
			return true, c.writeErr
		case c.writes.expired():
			return true, os.ErrDeadlineExceeded
		}
		return ready(), nil
	})
}

// post sends a copy of p to the loop, or returns false if the loop has ended.
// The caller holds mu, so that data is posted in the order of the calls.
func (c *NetConn) post(p []byte) bool {
	data := cloneBytes(p)
	if !c.r.CallFromThread(func() { c.transmit(data) }) {
		return false
	}
	c.posted += len(p)
	return true
}

// transmit runs on the loop.
func (c *NetConn) transmit(data []byte) {
	c.Transport().Write(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posted -= len(data)
	c.signal()
}

// await waits until done returns true, and returns the error of done. It waits
// for changes and for d. The caller holds mu, which is released while waiting.
func (c *NetConn) await(d *deadline, done func() (bool, error)) error {
	ok, err := done()
	switch {
	case ok:
		return err
	case c.r.here():
		return ErrOnLoop
	}
	for b := c.r.block(); !ok; {
		if err := c.wait(&b, d.passed); err != nil {
			return err
		}
		ok, err = done()
	}
	return err
}

// wait waits for a change or until passed is closed. It returns ErrReactorEnded
// if the reactor has ended, and ErrOnLoop if the caller is on the loop. The
// caller holds mu, which is released while waiting.
func (c *NetConn) wait(b *blocker, passed <-chan struct{}) error {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	changed := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
	case <-passed:
	case <-b.notice.closed:
		return b.noticed()
	}
	return nil
}

// Close implements net.Conn. It does not wait and always returns nil. Data that
// was written is still sent, by the rules of [Transport]'s LoseConnection;
// Abort ends that. Unread data is dropped. A NetConn that is closed before it
// is connected closes its connection as soon as it gets one.
func (c *NetConn) Close() error {
	c.end(netConnClosed)
	return nil
}

// Abort closes the connection at once and drops data that is not sent. Over TCP
// the peer gets a reset. Abort does not wait, and may be called after Close.
func (c *NetConn) Abort() { c.end(netConnAborted) }

// CloseWrite ends the sending direction after all written data is sent. It does
// not wait. It returns net.ErrClosed after Close and Abort, and else nil.
func (c *NetConn) CloseWrite() error {
	if !c.end(netConnWriteClosed) {
		return net.ErrClosed
	}
	return nil
}

// end ends the connection on this side in the given way. It returns false if
// the connection has ended in a stronger way.
func (c *NetConn) end(state netConnState) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state <= c.state {
		return state == c.state
	}
	c.state = state
	if state >= netConnClosed {
		c.unread = nil
		c.reads.set(time.Time{}) // stops the timers
		c.writes.set(time.Time{})
	}
	c.signal()
	c.r.CallFromThread(func() { // after all posted data
		if t := c.Transport(); t != nil { // else ConnectionMade calls apply
			state.apply(t)
		}
	})
	return true
}

// apply ends the connection of t in this way.
func (s netConnState) apply(t Transport) {
	t.UnregisterProducer()
	switch s {
	case netConnWriteClosed:
		if half, ok := t.(HalfCloserTransport); ok {
			half.LoseWriteConnection()
		}
	case netConnClosed:
		t.LoseConnection()
	case netConnAborted:
		t.AbortConnection()
	}
}

// LocalAddr implements net.Conn. It returns nil before the NetConn is
// connected.
func (c *NetConn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local
}

// RemoteAddr implements net.Conn. It returns nil before the NetConn is
// connected.
func (c *NetConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// SetDeadline implements net.Conn.
func (c *NetConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.reads, &c.writes) }

// SetReadDeadline implements net.Conn.
func (c *NetConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.reads) }

// SetWriteDeadline implements net.Conn. Calls of Write that have returned are
// not affected.
func (c *NetConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writes) }

func (c *NetConn) setDeadlines(t time.Time, deadlines ...*deadline) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= netConnClosed {
		return net.ErrClosed
	}
	for _, d := range deadlines {
		d.set(t)
	}
	c.signal() // goroutines that wait need the new channel
	return nil
}

// deadline is a point in time. The zero value never passes.
type deadline struct {
	timer  *time.Timer
	passed chan struct{} // closed when the deadline has passed; nil if it never does
}

func (d *deadline) set(t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{}
	if t.IsZero() {
		return
	}
	passed := make(chan struct{})
	d.passed = passed
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { close(passed) })
	} else {
		close(passed)
	}
}

func (d *deadline) expired() bool {
	select {
	case <-d.passed:
		return true
	default:
		return false
	}
}

// netConnProducer is the NetConn as the producer of its transport.
type netConnProducer NetConn

// PauseProducing implements [PushProducer].
func (p *netConnProducer) PauseProducing() { (*NetConn)(p).setCrowded(true) }

// ResumeProducing implements [Producer].
func (p *netConnProducer) ResumeProducing() { (*NetConn)(p).setCrowded(false) }

// StopProducing implements [Producer].
func (p *netConnProducer) StopProducing() { (*NetConn)(p).setCrowded(false) }

func (c *NetConn) setCrowded(crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crowded = crowded
	c.signal()
}
