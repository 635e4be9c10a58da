package reactor

import (
	"io"
	"sync/atomic"
)

// readAhead is the number of pieces that are read before the loop has taken
// them. A connection whose protocol is slow or paused reads no further, so TCP
// makes the peer wait.
const readAhead = 2

// inbound is the reading half of a connection. The reader, a goroutine, fills
// one slot after the other and posts arrive for each; the loop empties them in
// the same order.
type inbound struct {
	slots  [readAhead]piece
	ahead  atomic.Int32  // slots in use, plus one if the reader waits for a slot
	room   chan struct{} // wakes the reader
	arrive func()

	// The following belong to the loop.
	first   int // the slot to be emptied next
	full    int // slots that are filled and posted
	paused  bool
	busy    bool // deliver is running
	started bool // there is, or was, a reader
	ended   bool // the peer has ended its sending direction
}

func (in *inbound) init(c *conn) {
	in.room = make(chan struct{}, 1)
	in.arrive = c.arrived
}

// startReading starts the reader of a connection without TLS.
func (c *conn) startReading() {
	if !c.closed && !c.in.started && c.tls == nil {
		c.spawnReader(nil)
	}
}

// spawnReader starts a reader. An earlier one must have exited. The reader
// first calls prepare, if that is not nil, and exits if prepare fails.
func (c *conn) spawnReader(prepare func() error) {
	c.in.started = true
	s := c.s
	at := (c.in.first + c.in.full) % readAhead
	read := func() { // ends with the stream, which closing the connection ends
		if prepare == nil || prepare() == nil {
			c.read(s, at)
		}
	}
	if c.files != nil && c.files.stuck {
		go read() // ends with the next input at the latest, so Run must not wait for it
		return
	}
	c.r.spawn(read)
}

// read passes pieces from the stream to the loop, the first one in slot at. It
// runs on the reader's goroutine.
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

// arrived runs on the loop for each filled slot.
func (c *conn) arrived() {
	c.in.full++
	if c.closed {
		c.in.drop()
		return
	}
	c.deliver()
}

// deliver empties the filled slots, unless their data must wait.
func (c *conn) deliver() {
	if c.in.busy {
		return // the caller further up the stack continues
	}
	c.in.busy = true
	for c.in.full > 0 && !c.closed && !c.holdsBack() {
		switch got := c.in.take(); {
		case c.switching():
			c.collect(got)
		case c.disconnecting:
			c.discard(got)
		default:
			c.handle(got)
		}
	}
	c.in.busy = false
}

// holdsBack reports whether received data must wait. It waits while the
// protocol has paused the connection, or while output from before StartTLS is
// unsent, so that no peer can fill our memory.
func (c *conn) holdsBack() bool {
	if c.switching() {
		return !c.tls.interrupted
	}
	return c.in.paused && !c.disconnecting
}

// take empties the first filled slot.
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

// drop empties all filled slots, so that the reader can continue and exit.
func (in *inbound) drop() {
	for in.full > 0 {
		closeDescriptors(in.take().fds)
	}
}

// handle passes a piece to the protocol.
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

// readEnded handles the end of the received data. An err that is not io.EOF is
// a failure of the connection.
func (c *conn) readEnded(err error) {
	if c.tls != nil && c.tls.truncated() && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != io.EOF {
		c.close(&ConnectionLostError{err})
		return
	}
	c.in.ended = true
	if c.disconnecting {
		return // called in DataReceived just now; finish closes the connection
	}
	switch half, ok := As[HalfCloser](c.p); {
	case ok:
		_ = c.guard("ReadConnectionLost", half.ReadConnectionLost)
	case c.files != nil:
		c.inputEnded()
	default:
		c.close(ErrConnectionDone)
	}
}

// descriptorsReceived passes file descriptors to the protocol, or closes them
// if the protocol does not accept any.
func (c *conn) descriptorsReceived(fds []int) {
	receiver, ok := As[FileDescriptorReceiver](c.p)
	if !ok {
		c.r.logger().Warn("reactor: file descriptors were received that the protocol does not want; they are closed",
			"protocol", LogPrefix(c.p), "count", len(fds))
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

// PauseProducing implements [Transport].
func (c *conn) PauseProducing() {
	c.r.mustBeOnLoop("PauseProducing")
	c.in.paused = true
}

// ResumeProducing implements [Transport].
func (c *conn) ResumeProducing() {
	c.r.mustBeOnLoop("ResumeProducing")
	if !c.in.paused || c.closed {
		return
	}
	c.in.paused = false
	if c.in.full > 0 {
		c.r.queue.post(c.resumed) // data is never delivered inside the call
	}
}

// resumed delivers the data that had to wait.
func (c *conn) resumed() {
	if !c.closed {
		c.deliver()
	}
}

// StopProducing implements [Transport].
func (c *conn) StopProducing() { c.LoseConnection() }
