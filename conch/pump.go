package conch

import (
	"io"
	"slices"
	"sync/atomic"

	gossh "golang.org/x/crypto/ssh"
)

// pump moves what the peer sends on a channel from x/crypto/ssh's blocking calls to the loop. Three goroutines read data, extended data and
// requests; they only exchange buffers with the loop.
//
// Reading is what grants the peer more of the channel's window. So the pump has a bounded number of buffers under way to the loop, enough
// for reading and handling to overlap, and reads no further until the loop has dealt with one: a slow consumer slows the peer down.
type pump struct {
	c        *SSHChannel
	ch       gossh.Channel
	requests <-chan *gossh.Request
	underWay chan struct{} // has one element for each buffer that the loop has not dealt with
	free     chan []byte   // buffers of maxRead bytes that Recycle has given back
	streams  atomic.Int32  // data streams that have not ended
	work     crew          // all goroutines of the channel
}

const (
	maxUnderWay = 4        // buffers
	minRead     = 1 << 10  // the first buffer of a stream, in bytes; it grows while it is filled
	maxRead     = 64 << 10 // twice the largest packet x/crypto/ssh grants
	calm        = 3        // so many small reads after one another, and a stream goes back to minRead
)

func newPump(c *SSHChannel, ch gossh.Channel, requests <-chan *gossh.Request) *pump {
	p := &pump{c: c, ch: ch, requests: requests, underWay: make(chan struct{}, maxUnderWay), free: make(chan []byte, maxUnderWay)}
	p.work.of = &c.conn.transport.work
	p.streams.Store(2)
	after := func(end func() error) func() error { // what ends the data ends the extended data as well
		return func() error {
			c.ext.waitSent()
			return end()
		}
	}
	c.out.open(sink{data: ch, eof: after(ch.CloseWrite), close: after(ch.Close), crew: &p.work})
	c.ext.open(sink{data: ch.Stderr(), crew: &p.work})
	return p
}

// start starts the goroutines. They end when the channel has ended on both sides, or the connection has.
func (p *pump) start() {
	p.work.Go(func() { p.read(p.ch, eventData) })
	p.work.Go(func() { p.read(p.ch.Stderr(), eventExt) })
	p.work.Go(p.run)
}

// run takes the requests to the loop, which end when the channel is closed, then its end.
func (p *pump) run() {
	for req := range p.requests {
		p.c.conn.transport.enter(func() { p.c.arrived(event{kind: eventRequest, req: req}) })
	}
	p.c.out.end()
	p.c.ext.end()
	p.work.whenIdle(func() { p.post(event{kind: eventEnd}) })
}

func (p *pump) post(e event) {
	p.c.post(func() { p.c.arrived(e) })
}

// taken is called by the loop when it has dealt with a buffer.
func (p *pump) taken() { <-p.underWay }

// Recycle gives a buffer back that DataReceived or ExtReceived was called with, for the channel to read into again: for users who are done with
// it when the hook returns, and are given much. There is no need to call it. p must not be used afterwards.
func (c *SSHChannel) Recycle(p []byte) {
	if c.pump == nil || cap(p) != maxRead {
		return
	}
	select {
	case c.pump.free <- p[:maxRead]:
	default:
	}
}

// read takes one stream to the loop.
func (p *pump) read(from io.Reader, kind eventKind) {
	in := reading{buf: make([]byte, minRead), free: p.free}
	for {
		n, err := from.Read(in.buf)
		if n > 0 {
			select {
			case p.underWay <- struct{}{}:
			case <-p.c.conn.transport.abandoned:
				return
			}
			p.post(event{kind: kind, data: in.split(n)})
		}
		if n == 0 && err != nil { // beside data it is about the window that was to be granted: what has come is there all the same
			break
		}
	}
	if p.streams.Add(-1) == 0 && !p.c.conn.transport.ended() {
		p.post(event{kind: eventEOF})
	}
}

// reading is the buffer that a stream is read into.
type reading struct {
	buf   []byte
	free  chan []byte
	small int // reads that were small, one after another
}

// split returns the n bytes read for the loop to keep, and sees to a buffer for the next read: the same where copying the bytes is cheaper
// than giving it away.
func (r *reading) split(n int) (data []byte) {
	size := len(r.buf)
	if n > size/8 {
		r.small = 0
	} else if r.small++; r.small >= calm && size > minRead {
		data = slices.Clone(r.buf[:n])
		r.buf = make([]byte, minRead)
		r.drop()
		return data
	}
	switch {
	case n == size && n < maxRead:
		data, r.buf = r.buf, r.next(4*n)
	case n >= size/2:
		data, r.buf = r.buf[:n], r.next(size)
	default:
		data = slices.Clone(r.buf[:n])
	}
	return data
}

// next returns a buffer of size bytes, at most maxRead, from those that were given back if there are any.
func (r *reading) next(size int) []byte {
	if size < maxRead {
		return make([]byte, size)
	}
	select {
	case buf := <-r.free:
		return buf
	default:
		return make([]byte, maxRead)
	}
}

// drop leaves the buffers that were given back to the garbage collector: an idle channel keeps none.
func (r *reading) drop() {
	for {
		select {
		case <-r.free:
		default:
			return
		}
	}
}
