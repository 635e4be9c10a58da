package batch

import (
	"net"
	"sync"
	"time"
)

const (
	maxQueued = 256 << 10 // bytes that wait to be written; more make Write wait
	maxSpare  = 16 << 10  // an idle connection keeps no larger buffer
	readAhead = 256 << 10 // the buffer for reading, in bytes, while there is much to read

	// farewell bounds how long Close waits for what was written before.
	farewell = 200 * time.Millisecond
)

// Conn is a connection whose system calls are made in batches. Write returns before the data is on its way; an error shows at a later
// Write. All methods but Read may be called from any goroutine.
type Conn struct {
	net.Conn
	in  []byte // read ahead, not yet taken
	buf []byte // what in is part of; nil while little comes

	mu     sync.Mutex // guards all below
	room   *sync.Cond // signalled when there is room in queued, or err
	idle   *sync.Cond // signalled when the goroutine has ended
	queued []byte
	spare  []byte
	busy   bool // the goroutine runs
	closed bool
	err    error
}

// New returns a Conn over c.
func New(c net.Conn) *Conn {
	b := &Conn{Conn: c}
	b.room, b.idle = sync.NewCond(&b.mu), sync.NewCond(&b.mu)
	return b
}

// Read reads what there is.
func (c *Conn) Read(p []byte) (n int, err error) {
	if len(c.in) == 0 {
		if c.buf == nil {
			n, err = c.Conn.Read(p)
			if n == len(p) { // there is more
				c.buf = make([]byte, readAhead)
			}
			return n, err
		}
		if n, err = c.Conn.Read(c.buf); err != nil && n == 0 {
			return 0, err
		}
		if c.in = c.buf[:n]; n < readAhead/16 {
			c.buf = nil
		}
	}
	n = copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// Write queues p. It waits while there is much to write.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queued) > maxQueued && c.err == nil && !c.closed {
		c.room.Wait()
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case c.closed:
		return 0, net.ErrClosed
	}
	c.queued = append(c.queued, p...)
	if !c.busy {
		c.busy = true
		go c.drain() // until nothing is queued; Close waits for it
	}
	return len(p), nil
}

func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queued) > 0 && c.err == nil {
		batch := c.queued
		c.queued, c.spare = c.spare[:0], nil
		c.room.Broadcast()
		c.mu.Unlock()
		_, err := c.Conn.Write(batch)
		c.mu.Lock()
		c.spare, c.err = batch, err
	}
	if c.err != nil {
		c.queued = nil
		c.room.Broadcast()
	}
	if cap(c.spare) > maxSpare {
		c.spare = nil
	}
	if cap(c.queued) > maxSpare {
		c.queued = nil
	}
	c.busy = false
	c.idle.Broadcast()
}

// Close closes the connection when what was written before has been sent, or after a short time.
func (c *Conn) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.room.Broadcast()
		if c.busy {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(farewell)) // else the Close below ends it
		}
	}
	for c.busy {
		c.idle.Wait()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
