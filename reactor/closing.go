package reactor

import (
	"errors"
	"io"
	"net"
	"time"
)

// LoseConnection waits for the peer's end of the connection. These limits apply
// from the moment when all data is sent.
const (
	// LingerTimeout is the longest time that a connection waits for the peer's
	// end.
	LingerTimeout = 30 * time.Second

	// LingerIdleTimeout is the longest time that a connection waits for the
	// peer's end while the peer sends nothing.
	LingerIdleTimeout = 5 * time.Second
)

// LoseConnection implements [Transport].
func (c *conn) LoseConnection() {
	c.r.mustBeOnLoop("LoseConnection")
	if c.disconnecting || c.closed {
		return
	}
	c.disconnecting = true
	if c.tls != nil && !c.tls.open && !c.tls.sendingPlain() && c.out.pending() == 0 {
		c.AbortConnection() // the peer expects a handshake, and nothing is to be sent
		return
	}
	c.markDirty()
	if c.in.full > 0 {
		c.r.queue.post(c.resumed) // a paused connection now drops its data
	}
}

// AbortConnection implements [Transport].
func (c *conn) AbortConnection() {
	c.r.mustBeOnLoop("AbortConnection")
	if c.closed {
		return
	}
	c.disconnecting = true
	if socket, ok := c.socket.(*net.TCPConn); ok {
		_ = socket.SetLinger(0) // closing sends a reset
	}
	c.s = newConnStream(c.socket) // closing sends no TLS alert
	c.close(ErrConnectionAborted)
}

// LoseWriteConnection implements [HalfCloserTransport].
func (c *conn) LoseWriteConnection() {
	c.r.mustBeOnLoop("LoseWriteConnection")
	if c.closed || c.closingWrite {
		return
	}
	c.closingWrite = true
	c.markDirty()
}

// Disconnecting implements [Transport].
func (c *conn) Disconnecting() bool { return c.disconnecting }

// closeWrite ends the sending direction when all data is sent. If that may
// block, a goroutine does it.
func (c *conn) closeWrite() {
	if c.endingWrite {
		return
	}
	c.endingWrite = true
	if done, err := c.s.tryCloseWrite(); done {
		c.writeEnded(err)
		return
	}
	s := c.s
	c.r.spawn(func() { // ends by the time limit of crypto/tls, or with the connection
		err := s.closeWrite()
		c.r.queue.post(func() { c.writeEnded(err) })
	})
}

// writeEnded runs on the loop after closeWrite. An error is not reported to the
// protocol: usually the peer has closed the connection already.
func (c *conn) writeEnded(err error) {
	if c.closed {
		return
	}
	c.writeClosed, c.writeErr = true, err
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		c.r.logger().Debug("reactor: ending one direction of a connection", "err", err)
	}
	if half, ok := As[HalfCloser](c.p); ok && c.closingWrite {
		_ = c.guard("WriteConnectionLost", half.WriteConnectionLost)
	}
	c.markDirty() // LoseConnection may wait
}

// finish completes a LoseConnection, after all data and the end of the sending
// direction were sent. Closing the socket now could destroy sent data: if the
// peer sends anything afterwards, or has sent data that was not read, the
// system resets the connection, and the peer loses the data that it has not
// read. Therefore the connection lingers: it reads and drops data until the
// peer ends the connection too.
func (c *conn) finish() {
	switch {
	case c.in.ended || c.writeErr != nil || c.files != nil: // the peer is done, cannot be told, or need not be
		c.close(ErrConnectionDone)
	case c.linger == nil:
		c.lingerEnd = c.r.Now().Add(LingerTimeout)
		c.linger = c.r.CallLater(LingerIdleTimeout, func() { c.close(ErrConnectionDone) })
	}
}

// discard handles a piece that arrived after LoseConnection.
func (c *conn) discard(got piece) {
	closeDescriptors(got.fds)
	switch {
	case got.err == nil:
		c.keepLingering()
	case c.linger == nil && got.err == io.EOF:
		c.in.ended = true // finish closes the connection
	case c.endingWrite: // all data is sent
		c.close(ErrConnectionDone)
	default:
		c.close(&ConnectionLostError{got.err})
	}
}

// keepLingering restarts the idle time, because the peer has sent something.
func (c *conn) keepLingering() {
	if c.linger != nil {
		left := c.lingerEnd.Sub(c.r.Now())
		_ = c.linger.Reset(min(LingerIdleTimeout, left)) // cannot fail: it is active until close
	}
}

// close closes the socket and calls ConnectionLost in a later iteration of the
// loop. It does nothing if the socket is closed.
func (c *conn) close(reason error) {
	if c.closed {
		return
	}
	c.closed = true
	c.reason = reason
	if c.linger != nil {
		_ = c.linger.Cancel() // an error: it has run
	}
	c.out.drop()
	c.in.drop()
	c.closeSocket()
	c.r.queue.post(c.notifyLost)
}

// closeSocket closes the socket on a goroutine, because TLS sends an alert and
// package net waits for the reader. It closes standard input and output at
// once: the terminal must be restored before Run panics or returns.
func (c *conn) closeSocket() {
	s := c.s
	if c.files != nil && c.tls == nil {
		_ = s.close()
		return
	}
	c.r.spawn(func() { _ = s.close() }) // ends by the time limit of crypto/tls
}

// notifyLost tells the producer and the protocol that the connection is lost.
// It does so once.
func (c *conn) notifyLost() {
	if c.p == nil {
		return
	}
	c.r.unregister(c.key)
	what := LogPrefix(c.p)
	if p := c.producer; p != nil {
		c.producer = nil
		c.r.guard("StopProducing of a producer of "+what, p.StopProducing)
	}
	p := c.p
	c.p = nil
	c.r.guard("ConnectionLost of "+what, func() { EndConnection(p, c.reason) })
}

// shutDown closes the connection at once, because the reactor stops. A
// connection that lingers has done its work, so its end is clean.
func (c *conn) shutDown() {
	if c.linger != nil {
		c.close(ErrConnectionDone)
	} else {
		c.close(&ConnectionLostError{ErrReactorEnded})
	}
	c.notifyLost()
}
