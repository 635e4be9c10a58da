package conch

import (
	"io"
	"sync"
)

// outbox takes bytes from the loop to the peer: one for a channel's data and one for its extended data. Writing never blocks the loop; a
// goroutine, which exists only while there is something to send, waits for the channel's window and the socket. Bytes go out in the order
// they were written, then end-of-file if asked for, then the close.
type outbox struct {
	mu      sync.Mutex // guards all below
	queued  []segment  // written by the loop, not yet taken
	spare   []segment  // the list of the last batch, to be used again
	copied  []byte     // a buffer of the last batch, to be used again
	sink    sink       // nil until the channel is open
	eof     bool       // send end-of-file after the data
	close   bool       // send close after that
	dead    bool       // no data is sent any more
	over    bool       // nothing at all is done any more
	busy    bool       // the goroutine runs
	tell    func()     // called, off the loop, when everything is sent; the loop asks for it with whenSent
	pending int        // bytes taken or queued, not yet sent
	emptied sync.Cond  // told when pending becomes 0
}

// segment is a run of bytes to send.
type segment struct {
	p    []byte
	own  bool   // p is a buffer of the outbox, which copies go to
	sent func() // called, off the loop or on it, when p is needed no longer; may be nil
}

func (s segment) done() {
	if s.sent != nil {
		s.sent()
	}
}

// sink is where an outbox sends.
type sink struct {
	data  io.Writer
	eof   func() error
	close func() error
	crew  *crew // of which the goroutine is part
}

// maxSpare is the largest buffer, in bytes, that an idle outbox keeps.
const maxSpare = 8 << 10

// WriteOwned is Write for much data: it does not copy p, which must not be changed until sent is called. That happens once, on any goroutine, when
// the data has been sent or dropped; sent may be nil if p is given away for good.
func (c *SSHChannel) WriteOwned(p []byte, sent func()) { c.wrote(&c.out, c.out.writeOwned(p, sent)) }

// write queues a copy of p and returns the number of bytes not yet sent.
func (o *outbox) write(p []byte) (pending int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed() || len(p) == 0 {
		return o.pending
	}
	if n := len(o.queued); n > 0 && o.queued[n-1].own {
		o.queued[n-1].p = append(o.queued[n-1].p, p...)
	} else {
		o.queued = append(o.queued, segment{p: append(o.copied[:0], p...), own: true})
		o.copied = nil
	}
	return o.added(len(p))
}

// writeOwned queues p itself, and returns the number of bytes not yet sent.
func (o *outbox) writeOwned(p []byte, sent func()) (pending int) {
	s := segment{p: p, sent: sent}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed() || len(p) == 0 {
		defer s.done()
		return o.pending
	}
	o.queued = append(o.queued, s)
	return o.added(len(p))
}

// closed reports whether data is dropped.
func (o *outbox) closed() bool { return o.dead || o.eof || o.close }

func (o *outbox) added(n int) (pending int) {
	o.pending += n
	o.wake()
	return o.pending
}

// sendEOF queues end-of-file; what is written later is dropped.
func (o *outbox) sendEOF() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.eof = true
	o.wake()
}

// sendClose queues the close; what is written later is dropped.
func (o *outbox) sendClose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close = true
	o.wake()
}

// whenSent arranges for f to be called, off the loop, once when nothing is left to send.
func (o *outbox) whenSent(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tell = f
	o.wake()
}

// open gives the outbox its sink and sends what has been queued.
func (o *outbox) open(s sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sink = s
	o.wake()
}

// kill drops what is queued and everything written later.
func (o *outbox) kill() { o.die(false) }

// abort is kill, followed by the close, which does not wait for a write that is in progress: the peer may never take it.
func (o *outbox) abort() {
	o.kill()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close = true
	if closing := o.sink.close; closing != nil && !o.over {
		o.sink.close = nil
		o.sink.crew.Go(func() { _ = closing() }) // ends when the socket takes the message; a channel that is gone needs none
	}
}

// end is kill for a channel that is over: there is nothing to close either.
func (o *outbox) end() { o.die(true) }

func (o *outbox) die(over bool) {
	o.mu.Lock()
	dropped := o.queued
	o.dead, o.over = true, o.over || over
	o.queued, o.spare, o.copied, o.pending = nil, nil, nil, 0
	o.emptied.Broadcast()
	o.mu.Unlock()
	for _, s := range dropped {
		s.done()
	}
}

// wake starts the goroutine. It ends when there is nothing to do; a closed channel makes its writes fail.
func (o *outbox) wake() {
	if !o.busy && !o.over && o.sink.crew != nil {
		o.busy = true
		o.sink.crew.Go(o.drain)
	}
}

func (o *outbox) drain() {
	var sent []segment
	for {
		batch, then := o.next(sent)
		switch {
		case len(batch) > 0:
			o.send(batch)
		case then != nil:
			then()
		default:
			return
		}
		sent = batch
	}
}

// send writes the segments of a batch; after an error, or a kill, it drops the rest.
func (o *outbox) send(batch []segment) {
	for _, s := range batch {
		if !o.isDead() {
			if _, err := o.sink.data.Write(s.p); err != nil {
				o.kill()
			}
		}
		s.done()
	}
}

func (o *outbox) isDead() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dead
}

// next notes that the last batch was sent and returns the next one, or the next thing to do. With neither, the goroutine is over.
func (o *outbox) next(sent []segment) (batch []segment, then func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dead {
		o.reuse(sent)
	}
	switch {
	case len(o.queued) > 0:
		batch, o.queued, o.spare = o.queued, o.spare, nil
		return batch, nil
	case o.eof && !o.dead && o.sink.eof != nil:
		eof := o.sink.eof
		o.sink.eof = nil
		return nil, func() { _ = eof() } // a channel that is gone needs none
	case o.close && o.sink.close != nil:
		closing := o.sink.close
		o.sink.close = nil
		return nil, func() { _ = closing() }
	case o.tell != nil:
		tell := o.tell
		o.tell = nil
		return nil, tell
	}
	o.busy = false
	return nil, nil
}

// reuse takes what was sent off the count, and keeps its memory for the next writes.
func (o *outbox) reuse(sent []segment) {
	for _, s := range sent {
		o.pending -= len(s.p)
		if s.own && cap(s.p) <= maxSpare && cap(s.p) > cap(o.copied) {
			o.copied = s.p[:0]
		}
	}
	clear(sent)
	o.spare = sent[:0]
	if o.pending == 0 {
		o.emptied.Broadcast()
	}
}

// waitSent waits, off the loop, until nothing is left to send, or nothing is sent any more.
func (o *outbox) waitSent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.emptied.L = &o.mu
	for o.pending > 0 {
		o.emptied.Wait()
	}
}
