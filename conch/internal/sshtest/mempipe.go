package sshtest

import (
	"io"
	"net"
	"sync"
	"time"
)

// MemConn is one end of a connection in memory. Writes never block. Tests in a
// bubble of testing/synctest use it, because time does not advance there while
// a goroutine waits for the network. It has no deadlines.
type MemConn struct {
	in, out *memQueue
}

// MemPipe returns both ends of a connection.
func MemPipe() (a, b *MemConn) {
	x, y := newMemQueue(), newMemQueue()
	return &MemConn{x, y}, &MemConn{y, x}
}

// Read implements [net.Conn].
func (c *MemConn) Read(p []byte) (int, error) { return c.in.take(p) }

// Write implements [net.Conn].
func (c *MemConn) Write(p []byte) (int, error) { return c.out.add(p) }

// Close closes both directions. Data that was written can still be read.
func (c *MemConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

// LocalAddr is an address of the loopback interface.
func (c *MemConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// RemoteAddr equals LocalAddr.
func (c *MemConn) RemoteAddr() net.Addr { return c.LocalAddr() }

// SetDeadline does nothing.
func (c *MemConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *MemConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *MemConn) SetWriteDeadline(time.Time) error { return nil }

// memQueue has the data of one direction.
type memQueue struct {
	mu      sync.Mutex // guards data and closed
	changed sync.Cond
	data    []byte
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
	for len(q.data) == 0 && !q.closed {
		q.changed.Wait()
	}
	if len(q.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, q.data)
	q.data = q.data[n:]
	return n, nil
}

func (q *memQueue) add(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, io.ErrClosedPipe
	}
	q.data = append(q.data, p...)
	q.changed.Broadcast()
	return len(p), nil
}

func (q *memQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}
