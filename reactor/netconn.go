package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// NetConn turns a transport into a net.Conn, for goroutine code (R537): it is the protocol of the connection on the loop's side, and a net.Conn
// on the other. Make one with NewNetConn and give it to a factory, an endpoint or Attach as the protocol.
//
// The methods of net.Conn may be called from any goroutine. On the loop, where they would wait for themselves, Read and Write return ErrOnLoop
// instead of waiting. What comes is kept until it is read, up to NetConnBuffer bytes; then the peer is held up. Write keeps a copy and
// waits while BufferLimit bytes or more are on their way to the loop, or wait there to be sent.
type NetConn struct {
	BaseProtocol
	r *Reactor

	mu       sync.Mutex // guards the following
	made     bool
	local    net.Addr
	remote   net.Addr
	in       []byte
	end      error // why there is no more to read
	full     bool  // the transport is paused
	crowded  bool  // the transport has too much to send
	gone     error // why nothing can be written
	posted   int   // bytes written that the loop has not taken yet
	changed  chan struct{}
	deadline [2]deadline
}

// NetConnBuffer is the number of bytes that a NetConn keeps before it holds the peer up.
const NetConnBuffer = 64 << 10

const (
	reading = iota
	writing
)

var _ net.Conn = (*NetConn)(nil)

// NewNetConn returns a NetConn whose connection is to be made on the loop of r. Until it is, Read and Write wait.
func NewNetConn(r *Reactor) *NetConn {
	return &NetConn{r: r, changed: make(chan struct{})}
}

// ConnectionMade is part of Protocol.
func (c *NetConn) ConnectionMade() {
	c.mu.Lock()
	c.local, c.remote = c.Transport().GetHost(), c.Transport().GetPeer()
	c.made = true
	c.signal()
	c.mu.Unlock()
	_ = c.Transport().RegisterProducer((*netConnProducer)(c), true) // cannot fail: it is the first
}

// DataReceived is part of Protocol.
func (c *NetConn) DataReceived(data []byte) {
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return // closed
	}
	c.in = append(c.in, data...)
	pause := len(c.in) >= NetConnBuffer && !c.full
	c.full = c.full || pause
	c.signal()
	c.mu.Unlock()
	if pause {
		c.Transport().PauseProducing()
	}
}

// ReadConnectionLost is part of HalfCloser.
func (c *NetConn) ReadConnectionLost() { c.ended(io.EOF, nil) }

// WriteConnectionLost is part of HalfCloser.
func (c *NetConn) WriteConnectionLost() {}

// ConnectionLost is part of Protocol.
func (c *NetConn) ConnectionLost(reason error) {
	end := reason
	if errors.Is(reason, ErrConnectionDone) {
		end = io.EOF
	}
	c.ended(end, reason)
}

// ended notes the end of reading and, with gone not nil, of writing.
func (c *NetConn) ended(end, gone error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.end = end
	}
	if c.gone == nil {
		c.gone = gone
	}
	c.signal()
}

// drop ends reading and writing on this side.
func (c *NetConn) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in, c.end, c.gone = nil, net.ErrClosed, net.ErrClosed
	c.signal()
}

// signal wakes everybody who waits for a change. The lock must be held.
func (c *NetConn) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read is part of net.Conn.
func (c *NetConn) Read(p []byte) (n int, err error) {
	err = c.await(reading, func() (done bool, err error) {
		switch {
		case len(c.in) > 0 || len(p) == 0:
			n = copy(p, c.in)
			c.in = c.in[n:]
			return true, nil
		default:
			return c.end != nil, c.end
		}
	})
	c.makeRoom()
	return n, err
}

// makeRoom lets the transport go on when there is room again.
func (c *NetConn) makeRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full && len(c.in) < NetConnBuffer/2 {
		c.full = false
		c.r.CallFromThread(func() { c.Transport().ResumeProducing() })
	}
}

// Write is part of net.Conn.
func (c *NetConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		part := p[n:min(n+BufferLimit, len(p))]
		if err = c.writePart(part); err == nil {
			n += len(part)
		}
	}
	return n, err
}

func (c *NetConn) writePart(p []byte) error {
	err := c.await(writing, func() (done bool, err error) {
		if c.gone == nil && !c.crowded && c.posted < BufferLimit {
			c.posted += len(p)
			return true, nil
		}
		return c.gone != nil, c.gone
	})
	if err != nil {
		return err
	}
	data := append([]byte(nil), p...)
	if !c.r.CallFromThread(func() { c.take(data) }) {
		return ErrReactorEnded
	}
	return nil
}

// take runs on the loop.
func (c *NetConn) take(data []byte) {
	c.Transport().Write(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posted -= len(data); c.posted < BufferLimit && c.posted+len(data) >= BufferLimit {
		c.signal()
	}
}

// await waits for the connection, and then until cond, which is called with the lock held, says that it is done; or until the deadline.
func (c *NetConn) await(which int, cond func() (done bool, err error)) error {
	b := c.r.block()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		expired, timer := c.deadline[which].state()
		var done bool
		var err error
		if c.made || c.gone != nil {
			done, err = cond()
		}
		switch {
		case expired:
			return os.ErrDeadlineExceeded
		case done:
			return err
		}
		if err := c.wait(&b, timer); err != nil {
			return err
		}
	}
}

// wait waits for a change, without the lock, which must be held.
func (c *NetConn) wait(b *blocker, timer <-chan struct{}) error {
	changed := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
	case <-timer:
	case <-b.notice.closed:
		return b.noticed()
	}
	return nil
}

// Close is part of net.Conn. What was written is sent first; what was not read is dropped.
func (c *NetConn) Close() error {
	c.drop()
	c.onTransport(func(t Transport) {
		t.UnregisterProducer()
		t.LoseConnection()
	})
	return nil
}

// CloseWrite ends the sending direction.
func (c *NetConn) CloseWrite() error {
	c.ended(nil, net.ErrClosed)
	c.onTransport(func(t Transport) {
		t.UnregisterProducer()
		if half, ok := t.(HalfCloserTransport); ok {
			half.LoseWriteConnection()
		}
	})
	return nil
}

// onTransport runs f on the loop if the connection was made.
func (c *NetConn) onTransport(f func(t Transport)) {
	c.r.CallFromThread(func() {
		if t := c.Transport(); t != nil {
			f(t)
		}
	})
}

// LocalAddr is part of net.Conn; nil before the connection is made.
func (c *NetConn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local
}

// RemoteAddr is part of net.Conn; nil before the connection is made.
func (c *NetConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// SetDeadline is part of net.Conn.
func (c *NetConn) SetDeadline(t time.Time) error {
	c.setDeadline(t, reading, writing)
	return nil
}

// SetReadDeadline is part of net.Conn.
func (c *NetConn) SetReadDeadline(t time.Time) error {
	c.setDeadline(t, reading)
	return nil
}

// SetWriteDeadline is part of net.Conn.
func (c *NetConn) SetWriteDeadline(t time.Time) error {
	c.setDeadline(t, writing)
	return nil
}

func (c *NetConn) setDeadline(t time.Time, which ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range which {
		c.deadline[i].set(t)
	}
	c.signal()
}

// deadline is a point in time, and a channel that is closed when it has come.
type deadline struct {
	at    time.Time
	timer *time.Timer
	done  chan struct{}
}

func (d *deadline) set(t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{at: t}
	if !t.IsZero() {
		done := make(chan struct{})
		d.done = done
		d.timer = time.AfterFunc(time.Until(t), func() { close(done) })
	}
}

// state reports whether the deadline has come, and returns what to wait for if not.
func (d *deadline) state() (expired bool, done <-chan struct{}) {
	return !d.at.IsZero() && !time.Now().Before(d.at), d.done
}

// netConnProducer is the NetConn as the producer of its transport.
type netConnProducer NetConn

// PauseProducing is part of PushProducer.
func (p *netConnProducer) PauseProducing() { (*NetConn)(p).setCrowded(true) }

// ResumeProducing is part of Producer.
func (p *netConnProducer) ResumeProducing() { (*NetConn)(p).setCrowded(false) }

// StopProducing is part of Producer.
func (p *netConnProducer) StopProducing() { (*NetConn)(p).setCrowded(false) }

func (c *NetConn) setCrowded(crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crowded = crowded
	c.signal()
}
