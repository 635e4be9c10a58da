package conch

import (
	"io"
	"slices"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/internal/work"
	gossh "golang.org/x/crypto/ssh"
)

// pump moves what the peer sends on a channel from the blocking calls of
// x/crypto/ssh to the loop. Three goroutines read data, extended data and
// requests; they only exchange buffers with the loop.
//
// Reading grants the peer more of the channel's window. The pump has at most
// maxInFlight buffers on the way to the loop, enough for reading and handling to
// overlap, and then waits until the loop has handled one: a slow consumer slows
// the peer down.
type pump struct {
	c        *SSHChannel
	ch       gossh.Channel
	requests <-chan *gossh.Request
	inFlight chan struct{} // one element for each buffer that the loop has not handled
	free     chan []byte   // buffers of maxRead bytes, from Recycle
	streams  atomic.Int32  // data streams that have not ended
	work     work.Group    // all goroutines of the channel
}

const (
	maxInFlight = 4        // buffers
	minRead     = 1 << 10  // bytes of a stream's first buffer; it grows when a read fills it
	maxRead     = 64 << 10 // bytes; twice the largest packet that x/crypto/ssh grants
	shrinkAfter = 3        // after this many small reads a stream returns to minRead
)

func newPump(c *SSHChannel, ch gossh.Channel, requests <-chan *gossh.Request) *pump {
	p := &pump{c: c, ch: ch, requests: requests, inFlight: make(chan struct{}, maxInFlight), free: make(chan []byte, maxInFlight)}
	p.work.Parent = &c.conn.transport.work
	p.streams.Store(2)
	return p
}

// start starts the goroutines. They end when the channel has ended on both
// sides, or the connection has ended.
func (p *pump) start() {
	p.work.Go(func() { p.read(p.ch, eventData) })
	p.work.Go(func() { p.read(p.ch.Stderr(), eventExt) })
	p.work.Go(p.run)
}

// run posts the requests to the loop until the channel is closed, then its end.
func (p *pump) run() {
	for req := range p.requests {
		p.c.conn.transport.enter(func() { p.c.arrived(event{kind: eventRequest, req: req}) })
	}
	p.c.post(p.c.peerEnded)
	p.c.out.end()
	p.work.WhenIdle(func() { p.post(event{kind: eventEnd}) })
}

func (p *pump) post(e event) {
	p.c.post(func() { p.c.arrived(e) })
}

// taken is called by the loop when it has handled a buffer.
func (p *pump) taken() { <-p.inFlight }

// Recycle returns a buffer of DataReceived or ExtReceived to the channel, which
// reads into it again. Calling it is optional, and pays for consumers of large
// amounts of data. The caller must not use p afterwards.
func (c *SSHChannel) Recycle(p []byte) {
	if c.pump == nil || cap(p) != maxRead {
		return
	}
	select {
	case c.pump.free <- p[:maxRead]:
	default:
	}
}

// read posts the data of one stream to the loop. Read can return data together
// with an error from the window adjustment; the data is good.
func (p *pump) read(from io.Reader, kind eventKind) {
	in := readBuffer{buf: make([]byte, minRead), free: p.free}
	for {
		n, err := from.Read(in.buf)
		if n > 0 {
			p.c.touch()
			select {
			case p.inFlight <- struct{}{}:
			case <-p.c.conn.transport.abandoned:
				return
			}
			p.post(event{kind: kind, data: in.split(n)})
		}
		if n == 0 && err != nil {
			break
		}
	}
	if p.streams.Add(-1) == 0 {
		p.post(event{kind: eventEOF})
	}
}

// readBuffer is the buffer that a stream is read into.
type readBuffer struct {
	buf   []byte
	free  chan []byte
	small int // consecutive small reads
}

// split returns the n bytes read, for the loop to keep, and provides a buffer for
// the next read. It copies the bytes where that is cheaper than a new buffer.
func (r *readBuffer) split(n int) (data []byte) {
	size := len(r.buf)
	if n > size/8 {
		r.small = 0
	} else if r.small++; r.small >= shrinkAfter && size > minRead {
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

// next returns a buffer of size bytes, at most maxRead. It prefers recycled ones.
func (r *readBuffer) next(size int) []byte {
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

// drop leaves the recycled buffers to the garbage collector: an idle channel
// keeps none.
func (r *readBuffer) drop() {
	for {
		select {
		case <-r.free:
		default:
			return
		}
	}
}
