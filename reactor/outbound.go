package reactor

// outbound is the writing half of a connection: what was written and is not sent. It goes out at the end of the turn.
type outbound struct {
	buf     []byte
	fds     []int  // to be sent with the first byte of buf
	flight  []byte // what the writing goroutine sends; nil if there is none
	written func()
	err     error // of the writing goroutine, set before it posts written
}

func (o *outbound) init(c *conn) { o.written = c.written }

// pending is the number of bytes that are not sent.
func (o *outbound) pending() int { return len(o.buf) + len(o.flight) }

func (o *outbound) drop() {
	o.buf = nil
	closeDescriptors(o.fds)
	o.fds = nil
}

// Write is part of Transport.
func (c *conn) Write(data []byte) {
	if len(data) == 0 || !c.mayWrite() {
		return
	}
	if c.out.buf == nil {
		c.out.buf = c.r.spare.get()
	}
	c.out.buf = append(c.out.buf, data...)
	c.markDirty()
	c.holdProducer()
}

// WriteSequence is part of Transport.
func (c *conn) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		c.Write(data)
	}
}

// mayWrite reports whether what is written now is sent. A producer may go on until it is unregistered, which the end of sending waits for.
func (c *conn) mayWrite() bool {
	ending := c.closingWrite || c.disconnecting && c.tls != nil
	return !c.closed && !c.writeClosed && !(ending && c.producer == nil)
}

// holdProducer tells a push producer to pause if too much is buffered, and notes that a pull producer has given something. A panic in the
// producer surfaces from the write (R294).
func (c *conn) holdProducer() {
	if c.held || c.producer == nil {
		return
	}
	c.held = !c.streaming || c.out.pending() > BufferLimit
	if c.held && c.streaming {
		c.producer.(PushProducer).PauseProducing()
	}
}

// markDirty has the connection flushed at the end of the turn.
func (c *conn) markDirty() {
	if !c.dirty {
		c.dirty = true
		c.r.dirty = append(c.r.dirty, c)
	}
}

// flush sends what the connections have to send. What they write meanwhile waits for the next turn.
func (r *Reactor) flush() {
	if len(r.dirty) == 0 {
		return
	}
	dirty := r.dirty
	r.dirty = r.flushed[:0]
	for i, c := range dirty {
		dirty[i] = nil
		c.dirty = false
		c.flush()
	}
	r.flushed = dirty
	if len(r.dirty) > 0 {
		r.queue.post(nop)
	}
}

func (c *conn) flush() {
	if c.closed || c.out.flight != nil || c.tls != nil && !c.tls.open {
		return
	}
	if len(c.out.buf) > 0 && !c.send() {
		return
	}
	c.drained()
}

// send sends what the socket takes and gives the rest to a goroutine. It reports whether all is sent.
func (c *conn) send() bool {
	n, err := c.s.tryWrite(c.out.buf, c.out.fds)
	if err != nil {
		c.close(&ConnectionLostError{err})
		return false
	}
	if n > 0 {
		closeDescriptors(c.out.fds)
		c.out.fds = nil
	}
	buf := c.out.buf
	c.out.buf = nil
	if n == len(buf) {
		c.r.spare.put(buf)
		return true
	}
	s, fds := c.s, c.out.fds
	c.out.flight, c.out.fds = buf[n:], nil
	c.r.spawn(func() { // ends when the peer has taken it, or with the connection
		c.out.err = s.write(buf[n:], fds)
		c.r.queue.post(c.out.written)
	})
	return false
}

// written is run on the loop when the writing goroutine is done.
func (c *conn) written() {
	c.r.spare.put(c.out.flight[:0])
	c.out.flight = nil
	switch {
	case c.closed:
	case c.out.err != nil:
		c.close(&ConnectionLostError{c.out.err})
	case c.switching():
		c.sendPlain()
	default:
		c.markDirty()
	}
}

// drained is called when all is sent: the producer may go on, and what waited for this may happen.
func (c *conn) drained() {
	switch {
	case c.producer != nil:
		c.resumeProducer()
	case c.closingWrite && !c.writeClosed:
		c.closeWrite()
	case c.disconnecting:
		c.finish()
	}
}

func (c *conn) resumeProducer() {
	if !c.held {
		return
	}
	c.held = false
	_ = c.guard("ResumeProducing of a producer", c.producer.ResumeProducing)
}

// finish closes the connection after LoseConnection.
func (c *conn) finish() {
	if len(c.out.fds) > 0 {
		c.close(ErrFileDescriptorOverrun)
		return
	}
	c.close(ErrConnectionDone)
}

// closeWrite ends the sending direction: on a goroutine, because TLS has something to say, for which the peer may have no room.
func (c *conn) closeWrite() {
	if c.endingWrite {
		return
	}
	c.endingWrite = true
	s := c.s
	c.r.spawn(func() { // ends by the time limit of TLS, or with the connection
		err := s.closeWrite()
		c.r.queue.post(func() { c.writeEnded(err) })
	})
}

// writeEnded is told of the end of closeWrite. That the peer has closed the connection already is no error (R281).
func (c *conn) writeEnded(err error) {
	if c.closed {
		return
	}
	c.writeClosed = true
	if err != nil {
		c.r.logger().Debug("reactor: ending one direction of a connection", "err", err)
	}
	if half, ok := c.p.(HalfCloser); ok {
		_ = c.guard("WriteConnectionLost", half.WriteConnectionLost)
	}
	c.markDirty() // LoseConnection may have come meanwhile
}

// RegisterProducer is part of Transport.
func (c *conn) RegisterProducer(p Producer, streaming bool) error {
	switch _, push := p.(PushProducer); {
	case c.producer != nil:
		return ErrProducerRegistered
	case streaming && !push:
		return ErrNotPushProducer
	case c.closed || c.closingWrite:
		p.StopProducing()
		return nil
	}
	c.producer, c.streaming, c.held = p, streaming, false
	if !streaming {
		p.ResumeProducing()
	}
	return nil
}

// UnregisterProducer is part of Transport.
func (c *conn) UnregisterProducer() {
	c.producer = nil
	c.markDirty()
}
