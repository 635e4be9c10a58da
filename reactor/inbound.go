package reactor

import (
	"errors"
	"io"
	"sync/atomic"
)

// readAhead is the number of reads that may be under way to the loop. A connection whose protocol is slow, or paused, reads no more than that,
// and so its peer is held up (R531).
const readAhead = 2

// inbound is the reading half of a connection. The reader fills a slot and posts arrive; the loop takes the slots in the same order.
type inbound struct {
	slots  [readAhead]piece
	ahead  atomic.Int32  // slots that are in use, and one if the reader waits for one
	room   chan struct{} // wakes the reader when there is one
	arrive func()

	// The loop's:
	first   int // the slot that comes next
	full    int // slots that have arrived and are not taken
	paused  bool
	busy    bool // a chunk is being delivered
	started bool // there is a reader
}

func (in *inbound) init(c *conn) {
	in.room = make(chan struct{}, 1)
	in.arrive = c.arrived
}

// startReading starts the reader.
func (c *conn) startReading() {
	if !c.closed && !c.in.started && c.tls == nil {
		c.spawnReader(nil)
	}
}

// spawnReader starts a reader, after the last one has come to its end. It begins with prepare, if that is not nil.
func (c *conn) spawnReader(prepare func() error) {
	c.in.started = true
	s := c.s
	at := (c.in.first + c.in.full) % readAhead
	c.r.spawn(func() { // ends with the stream, which closing the connection ends
		if prepare == nil || prepare() == nil {
			c.read(s, at)
		}
	})
}

// read brings what comes to the loop. It runs on the reader's goroutine.
func (c *conn) read(s stream, at int) {
	for i := at; ; i = (i + 1) % readAhead {
		if c.in.ahead.Add(1) > readAhead {
			<-c.in.room
		}
		got, err := s.read()
		got.err = err
		c.in.slots[i] = got
		if !c.r.queue.post(c.in.arrive) || err != nil {
			return
		}
	}
}

// arrived is run on the loop for each chunk.
func (c *conn) arrived() {
	c.in.full++
	if c.closed {
		c.in.drop()
		return
	}
	c.deliver()
}

// deliver gives the protocol what has arrived, unless it has paused the connection.
func (c *conn) deliver() {
	if c.in.busy {
		return // whoever is at it goes on
	}
	c.in.busy = true
	for c.in.full > 0 && !c.closed && !c.holdsBack() {
		if c.switching() {
			c.collect(c.in.take())
		} else {
			c.handle(c.in.take())
		}
	}
	c.in.busy = false
}

// holdsBack reports whether what has arrived is to wait: for the protocol, or for what is to be sent before TLS, lest a peer that does not
// read makes the connection collect what it sends (R531).
func (c *conn) holdsBack() bool {
	if c.switching() {
		return !c.tls.interrupted
	}
	return c.in.paused || c.disconnecting
}

func (in *inbound) take() piece {
	got := in.slots[in.first]
	in.slots[in.first] = piece{}
	in.first = (in.first + 1) % readAhead
	in.full--
	if in.ahead.Add(-1) >= readAhead {
		in.room <- struct{}{}
	}
	return got
}

// drop forgets what was not delivered, so that the reader is not held up and comes to its end.
func (in *inbound) drop() {
	for in.full > 0 {
		closeDescriptors(in.take().fds)
	}
}

func (c *conn) handle(got piece) {
	if len(got.fds) > 0 {
		c.descriptorsReceived(got.fds)
	}
	if len(got.data) > 0 && !c.closed {
		_ = c.guard("DataReceived", func() { c.p.DataReceived(got.data) })
	}
	if got.err != nil && !c.closed {
		c.readEnded(got.err)
	}
}

// readEnded is told why no more data comes.
func (c *conn) readEnded(err error) {
	if c.tls != nil && c.tls.cutOff() && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if !errors.Is(err, io.EOF) {
		c.close(&ConnectionLostError{err})
		return
	}
	half, ok := c.p.(HalfCloser)
	if !ok {
		c.close(ErrConnectionDone)
		return
	}
	_ = c.guard("ReadConnectionLost", half.ReadConnectionLost)
}

// descriptorsReceived gives file descriptors to a protocol that wants them; the others are closed (R335).
func (c *conn) descriptorsReceived(fds []int) {
	receiver, ok := c.p.(FileDescriptorReceiver)
	if !ok {
		c.r.logger().Warn("reactor: file descriptors were received that the protocol does not want", "protocol", LogPrefix(c.p), "count", len(fds))
		closeDescriptors(fds)
		return
	}
	for i, fd := range fds {
		if c.guard("FileDescriptorReceived", func() { receiver.FileDescriptorReceived(fd) }) != nil {
			closeDescriptors(fds[i+1:])
			return
		}
	}
}

// PauseProducing is part of Transport.
func (c *conn) PauseProducing() { c.in.paused = true }

// ResumeProducing is part of Transport.
func (c *conn) ResumeProducing() {
	if !c.in.paused || c.closed {
		return
	}
	c.in.paused = false
	if c.in.full > 0 {
		c.r.queue.post(c.resumed) // never inside the call
	}
}

func (c *conn) resumed() {
	if !c.closed {
		c.deliver()
	}
}

// StopProducing is part of Transport.
func (c *conn) StopProducing() { c.LoseConnection() }
