package sshtest

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// memConn is one end of a connection in memory. Writes never block. Tests in a
// bubble of testing/synctest use it, because time does not advance there while
// a goroutine waits for the network. It has no deadlines.
type memConn struct {
	in, out *memQueue
}

// MemPipe returns both ends of a connection.
func MemPipe() (a, b net.Conn) {
	x, y := newMemQueue(), newMemQueue()
	return &memConn{x, y}, &memConn{y, x}
}

// Read implements [net.Conn].
func (c *memConn) Read(p []byte) (int, error) { return c.in.take(p) }

// Write implements [net.Conn].
func (c *memConn) Write(p []byte) (int, error) { return c.out.add(p) }

// Close closes both directions. Data that was written can still be read.
func (c *memConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

// LocalAddr is an address of the loopback interface.
func (c *memConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// RemoteAddr equals LocalAddr.
func (c *memConn) RemoteAddr() net.Addr { return c.LocalAddr() }

// SetDeadline does nothing.
func (c *memConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *memConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

// memQueue has the data of one direction.
type memQueue struct {
	mu      sync.Mutex // guards data and closed
	changed sync.Cond
	data    bytes.Buffer
	closed  bool
}

func newMemQueue() *memQueue {
	q := &memQueue{}
	q.changed.L = &q.mu
	return q
}

func (q *memQueue) take(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.data.Len() == 0 && !q.closed {
		q.changed.Wait()
	}
	if q.data.Len() == 0 {
		return 0, io.EOF
	}
	return q.data.Read(p)
}

func (q *memQueue) add(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, io.ErrClosedPipe
	}
	q.changed.Broadcast()
	return q.data.Write(p)
}

func (q *memQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}
