package sshtest

import (
	"io"
	"net"
	"sync"
	"time"
)

// memConn is an end of a connection in memory, with room for whatever is written: for bubbles of testing/synctest, in which the network would hold time up.
type MemConn struct {
	in, out *memQueue
}

// memPipe returns both ends of a connection.
func MemPipe() (a, b *MemConn) {
	x, y := newMemQueue(), newMemQueue()
	return &MemConn{x, y}, &MemConn{y, x}
}

func (c *MemConn) Read(p []byte) (int, error)  { return c.in.take(p) }
func (c *MemConn) Write(p []byte) (int, error) { return c.out.add(p) }

func (c *MemConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

func (c *MemConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (c *MemConn) RemoteAddr() net.Addr             { return c.LocalAddr() }
func (c *MemConn) SetDeadline(time.Time) error      { return nil }
func (c *MemConn) SetReadDeadline(time.Time) error  { return nil }
func (c *MemConn) SetWriteDeadline(time.Time) error { return nil }

// memQueue is one direction.
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
