package batch

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// bufferSize is the size of the buffers of x/crypto/ssh, in bytes. A write
	// of exactly this size is a full buffer: the rest of the packet usually
	// follows at once.
	bufferSize = 4 << 10

	// flushDelay is the time after which buffered data is written even if no
	// other write follows.
	flushDelay = time.Millisecond

	// readAhead is the size of the buffer for reading ahead, in bytes.
	readAhead = 256 << 10

	// closeTimeout limits how long Close waits until buffered data is written.
	closeTimeout = 200 * time.Millisecond
)

// buffers has the buffers for reading ahead. All connections share them.
var buffers = sync.Pool{New: func() any { return new([readAhead]byte) }}

// Conn is a net.Conn that makes fewer and larger system calls than its caller.
// Any goroutine may call its methods.
//
// A write of exactly 4 KiB is buffered for up to a millisecond, and is then
// written together with the next write. If a delayed write fails, the next
// Write tries again and returns the error. While a write deadline is set,
// nothing is buffered.
//
// Read returns data that was read ahead even after the read deadline. Between
// reads an idle Conn has no buffer for reading, and at most 4 KiB for writing.
type Conn struct {
	net.Conn
	size int // bufferSize, except in tests

	deadline atomic.Bool // a write deadline is set
	closed   atomic.Bool // Close was called

	reading sync.Mutex       // guards the fields below, is held during a read
	in      []byte           // was read ahead; is part of buf
	inErr   error            // follows in
	buf     *[readAhead]byte // nil unless much data arrives
	more    bool             // the last read filled buf

	writing  sync.Mutex // guards the fields below, is held during a write
	buffered []byte     // was accepted by Write; is not written yet
	timer    *time.Timer
	parts    [2][]byte // memory for write
}

// New returns a Conn that reads from c and writes to c. The caller must not use
// c any more, except to close it.
func New(c net.Conn) *Conn { return &Conn{Conn: c, size: bufferSize} }

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.in) == 0 && c.inErr == nil {
		if c.buf == nil || len(p) == 0 {
			return c.readDirectly(p)
		}
		n, err := c.Conn.Read(c.buf[:])
		c.in, c.inErr, c.more = c.buf[:n], err, n == readAhead
	}
	return c.take(p)
}

// readDirectly reads without the large buffer. Only a read for the buffer of
// x/crypto/ssh shows, if it fills the buffer, that more data follows. A longer
// p ends with a packet, and after the packet there may be nothing.
func (c *Conn) readDirectly(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == len(p) && n == c.size {
		c.buf = buffers.Get().(*[readAhead]byte)
	}
	return n, err
}

// take returns data that was read ahead. When all data is taken, the large
// buffer is released, unless the last read filled it.
func (c *Conn) take(p []byte) (n int, err error) {
	n = copy(p, c.in)
	if c.in = c.in[n:]; len(c.in) > 0 {
		return n, nil
	}
	err, c.in, c.inErr = c.inErr, nil, nil
	if !c.more {
		buffers.Put(c.buf)
		c.buf = nil
	}
	return n, err
}

// Write implements [net.Conn]. Buffered data is a copy of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.buffered) > 0 || len(p) != c.size || c.deadline.Load() || c.closed.Load() {
		return c.write(p)
	}
	c.buffered = append(c.buffered, p...)
	if c.timer == nil {
		c.timer = time.AfterFunc(flushDelay, c.flush)
	} else {
		c.timer.Reset(flushDelay)
	}
	return len(p), nil
}

// write writes the buffered data and p. The result is the number of bytes
// written of p. After an error it keeps the buffered data that is not written.
func (c *Conn) write(p []byte) (int, error) {
	if len(c.buffered) == 0 {
		return c.Conn.Write(p)
	}
	c.timer.Stop()
	c.parts = [2][]byte{c.buffered, p}
	both := net.Buffers(c.parts[:])
	if len(p) == 0 {
		both = both[:1] // an empty write to a net.Pipe waits for a reader
	}
	n, err := both.WriteTo(c.Conn)
	c.parts = [2][]byte{}
	sent := min(int(n), len(c.buffered))
	c.buffered = append(c.buffered[:0], c.buffered[sent:]...)
	return int(n) - sent, err
}

// flush writes the buffered data when no other write has followed.
func (c *Conn) flush() {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.buffered) > 0 {
		_, _ = c.write(nil) // after an error the next Write tries again
	}
}

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

// SetWriteDeadline implements [net.Conn]. The deadline also applies to data
// that is buffered already.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

// CloseWrite writes the buffered data and ends the sending direction, if the
// connection below can do that. ok is false if it cannot.
func (c *Conn) CloseWrite() (ok bool) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return false
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.buffered) > 0 {
		if _, err := c.write(nil); err != nil {
			return false
		}
	}
	return half.CloseWrite() == nil
}

// Close closes the connection, and interrupts a Read or Write in progress. If
// no Write is in progress, it first writes the buffered data, which takes at
// most closeTimeout.
func (c *Conn) Close() error {
	c.closed.Store(true)
	if c.writing.TryLock() { // otherwise a Write is in progress
		if len(c.buffered) > 0 {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(closeTimeout)) // if it fails, so does the write
			_, _ = c.write(nil)                                       // the caller gives up the connection
			c.buffered = nil
		}
		c.writing.Unlock()
	}
	return c.Conn.Close()
}
