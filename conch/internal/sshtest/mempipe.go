package conch_test

import (
	"io"
	"net"
	"sync"
	"time"
)

// memConn is an end of a connection in memory, with room for whatever is written: for bubbles of testing/synctest, in which the network would hold time up.
type memConn struct {
	in, out *memQueue
}

// memPipe returns both ends of a connection.
func memPipe() (a, b *memConn) {
	x, y := newMemQueue(), newMemQueue()
	return &memConn{x, y}, &memConn{y, x}
}

func (c *memConn) Read(p []byte) (int, error)  { return c.in.take(p) }
func (c *memConn) Write(p []byte) (int, error) { return c.out.add(p) }

func (c *memConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

func (c *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (c *memConn) RemoteAddr() net.Addr             { return c.LocalAddr() }
func (c *memConn) SetDeadline(time.Time) error      { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

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
