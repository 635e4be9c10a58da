package reactor

// outbound is the writing half of a connection: data that was written and is
// not sent. The loop sends it at the end of each iteration.
type outbound struct {
	buf     []byte
	fds     []int  // are sent together with the first byte of buf
	flight  []byte // the goroutine that writes is sending it; nil if there is none
	written func()
	err     error // of the goroutine that writes; it sets err and then posts written
}

func (o *outbound) init(c *conn) { o.written = c.written }

// pending returns the number of bytes that are not sent.
func (o *outbound) pending() int { return len(o.buf) + len(o.flight) }

func (o *outbound) drop() {
	o.buf = nil
	closeDescriptors(o.fds)
	o.fds = nil
}

// Write implements [Transport].
func (c *conn) Write(data []byte) {
	c.r.mustBeOnLoop("Write")
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

// WriteSequence implements [Transport].
func (c *conn) WriteSequence(pieces [][]byte) {
	for _, data := range pieces {
		c.Write(data)
	}
}

// mayWrite reports whether data that is written now will be sent. A producer
// may write until it is unregistered; the end of sending waits for that.
func (c *conn) mayWrite() bool {
	ending := c.closingWrite || c.disconnecting && c.tls != nil
	return !c.closed && !c.endingWrite && !(ending && c.producer == nil)
}

// holdProducer pauses a push producer if too much data is buffered, and notes
// that a pull producer has written. A panic in PauseProducing reaches the
// caller of Write.
func (c *conn) holdProducer() {
	if c.held || c.producer == nil {
		return
	}
	c.held = !c.streaming || c.out.pending() > BufferLimit
	if c.held && c.streaming {
		c.producer.(PushProducer).PauseProducing()
	}
}

// markDirty makes the loop flush the connection at the end of the iteration.
func (c *conn) markDirty() {
	if !c.dirty {
		c.dirty = true
		c.r.dirty = append(c.r.dirty, c)
	}
}

// flush flushes the connections that are marked dirty. Those marked meanwhile
// wait for the next iteration.
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

// send writes the data that the socket accepts, and starts a goroutine for the
// rest. It reports whether all data is sent.
func (c *conn) send() bool {
	n, err := c.s.tryWrite(c.out.buf, c.out.fds)
	if err != nil {
		c.sendFailed(err)
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
	c.r.spawn(func() { // ends when the peer has accepted the data, or with the connection
		c.out.err = s.write(buf[n:], fds)
		c.r.queue.post(c.out.written)
	})
	return false
}

// written runs on the loop when the goroutine that writes has exited.
func (c *conn) written() {
	c.r.spare.put(c.out.flight[:0])
	c.out.flight = nil
	switch {
	case c.closed:
	case c.out.err != nil:
		c.sendFailed(c.out.err)
	case c.switching():
		c.sendPlain()
	default:
		c.markDirty()
	}
}

func (c *conn) sendFailed(err error) {
	if c.files != nil && isBrokenPipe(err) {
		c.outputClosed(err)
		return
	}
	c.close(&ConnectionLostError{err})
}

// drained runs when all data is sent. It resumes the producer, or does what
// had to wait for the data.
func (c *conn) drained() {
	switch {
	case c.producer != nil:
		c.resumeProducer()
	case c.disconnecting && len(c.out.fds) > 0:
		c.close(ErrFileDescriptorOverrun)
	case (c.disconnecting || c.closingWrite) && !c.writeClosed:
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

// RegisterProducer implements [Transport].
func (c *conn) RegisterProducer(p Producer, streaming bool) error {
	c.r.mustBeOnLoop("RegisterProducer")
	switch _, push := p.(PushProducer); {
	case c.producer != nil:
		return ErrProducerRegistered
	case streaming && !push:
		return ErrNotPushProducer
	case c.closed || c.closingWrite || c.endingWrite:
		p.StopProducing()
		return nil
	}
	c.producer, c.streaming, c.held = p, streaming, false
	if !streaming {
		p.ResumeProducing()
	}
	return nil
}

// UnregisterProducer implements [Transport].
func (c *conn) UnregisterProducer() {
	c.r.mustBeOnLoop("UnregisterProducer")
	c.producer = nil
	c.markDirty()
}
