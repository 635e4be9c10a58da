package batch

import (
	"net"
	"sync"
	"time"
)

const (
	full      = 4 << 10 // a write of this length comes from a full buffer: the rest of the packet follows at once, nearly always
	nearly    = time.Millisecond
	readAhead = 256 << 10 // the buffer for reading, in bytes, while there is much to read
	farewell  = 200 * time.Millisecond
)

// buffers are for reading ahead. Connections that now have much to read and now little would else make one again and again.
var buffers = sync.Pool{New: func() any { return new([readAhead]byte) }}

// Conn is a connection whose system calls are made in batches. Read and Write may each be called by one goroutine at a time, the other
// methods by any.
type Conn struct {
	net.Conn
	in   []byte           // read ahead, not yet taken
	buf  *[readAhead]byte // what in is part of; nil while little comes
	last bool             // buf is given back when in is taken

	mu    sync.Mutex // guards all below, and is held while writing
	held  []byte     // the beginning of a packet
	timer *time.Timer
	err   error // of writing it late
	vec   [2][]byte
}

// New returns a Conn over c.
func New(c net.Conn) *Conn { return &Conn{Conn: c} }

// Read reads what there is.
func (c *Conn) Read(p []byte) (n int, err error) {
	if len(c.in) == 0 {
		if c.buf == nil {
			return c.readLittle(p)
		}
		if n, err = c.Conn.Read(c.buf[:]); n == 0 {
			return 0, err
		}
		c.in, c.last = c.buf[:n], n < readAhead/16
	}
	n = copy(p, c.in)
	if c.in = c.in[n:]; len(c.in) == 0 && c.last { // an idle connection keeps none
		buffers.Put(c.buf)
		c.in, c.buf, c.last = nil, nil, false
	}
	return n, nil
}

// readLittle reads without a buffer of its own. If p is filled there is more.
func (c *Conn) readLittle(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	if n == len(p) && n >= full {
		c.buf = buffers.Get().(*[readAhead]byte)
	}
	return n, err
}

// Write writes p, or keeps it for a moment, to be written together with what follows. An error then shows at the next Write.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return 0, c.err
	case len(c.held) > 0:
		return c.join(p)
	case len(p) == full:
		c.hold(p)
		return full, nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *Conn) hold(p []byte) {
	c.held = append(c.held[:0], p...)
	if c.timer == nil {
		c.timer = time.AfterFunc(nearly, c.late)
	} else {
		c.timer.Reset(nearly)
	}
}

// join writes what is held and p.
func (c *Conn) join(p []byte) (int, error) {
	c.timer.Stop()
	c.vec = [2][]byte{c.held, p}
	both := net.Buffers(c.vec[:])
	n, err := both.WriteTo(c.Conn)
	n -= int64(len(c.held))
	c.held = c.held[:0]
	return int(max(n, 0)), err
}

// late writes what was held although nothing has followed.
func (c *Conn) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) > 0 {
		_, c.err = c.Conn.Write(c.held)
		c.held = c.held[:0]
	}
}

// CloseWrite writes what is held and ends the sending direction, if the
// connection below can do that. ok is false if it cannot.
func (c *Conn) CloseWrite() (ok bool) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) > 0 {
		c.timer.Stop()
		_, c.err = c.Conn.Write(c.held)
		c.held = c.held[:0]
	}
	return half.CloseWrite() == nil
}

// Close closes the connection. What is held is written first, if that takes no time.
func (c *Conn) Close() error {
	if c.mu.TryLock() { // else somebody is writing, and the Close below ends it
		if len(c.held) > 0 {
			c.timer.Stop()
			_ = c.Conn.SetWriteDeadline(time.Now().Add(farewell))
			_, c.err = c.Conn.Write(c.held)
			c.held = c.held[:0]
		}
		c.mu.Unlock()
	}
	return c.Conn.Close()
}
