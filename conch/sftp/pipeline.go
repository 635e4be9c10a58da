package sftp

import (
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// singleAhead is the number of bytes in flight on the only handle of a file.
	// The window of the channel never runs empty, whatever the processors do.
	singleAhead = 3 * window

	// stripeAhead is the number of bytes in flight on each of several handles:
	// a window, and a little to fill a gap. With eight channels, a third of the
	// pool is left for chunks that wait for others.
	stripeAhead = window + 2*filetransfer.MaxChunk

	// maxRequests is the maximum number of requests in flight on a handle.
	maxRequests = 64

	// drainTimeout is how long a stopped pipeline waits for the answers to the
	// requests in flight.
	drainTimeout = 5 * time.Second
)

// chunk is a part of a file: n bytes at offset.
type chunk struct {
	b      *buffer
	offset int64
	n      int
	hole   bool // all bytes are zero, and the chunk is not to be sent
}

// stripe is a handle that a pipeline uses.
type stripe struct {
	file     *filetransfer.ClientFile
	inFlight int
	answered bool // a request on the handle was answered
}

// pipeline moves the chunks of one file, with many requests in flight on one or
// more handles. It is the common part of reader and writer. It belongs to the
// loop.
type pipeline struct {
	loop  loop
	lease *lease
	pump  func() // sends the requests that can be sent; of reader or writer

	most    int   // maximum number of requests on a handle; 0 means that bytes decide
	next    int64 // the offset of the next chunk
	stripes []*stripe

	spare   *buffer // was given to the pipeline, but is not used yet
	waiting bool    // for a buffer
	pumping bool

	err     error // the first failure
	stopped bool  // nothing more is sent
	over    bool  // and nothing is in flight any more
	ended   func()
}

// add makes the pipeline use another handle. The pipeline does not close it.
func (p *pipeline) add(file *filetransfer.ClientFile) {
	p.stripes = append(p.stripes, &stripe{file: file})
	p.again()
}

// again calls pump, but not from inside pump.
func (p *pipeline) again() {
	if p.pumping || p.stopped {
		return
	}
	p.pumping = true
	defer func() { p.pumping = false }()
	p.pump()
}

// pick returns the stripe with the most room for another request of its size, or
// nil.
func (p *pipeline) pick(size func(*stripe) int) *stripe {
	var best *stripe
	most := 0
	for _, s := range p.stripes {
		if room := p.depth(s, size(s)) - s.inFlight; room > most {
			best, most = s, room
		}
	}
	return best
}

// depth returns how many requests of n bytes may be in flight on a handle. Before
// the first answer it is a window, so that chunks requested at about the same
// time on several channels arrive at about the same time.
func (p *pipeline) depth(s *stripe, n int) int {
	ahead := singleAhead
	switch {
	case !s.answered:
		ahead = window
	case len(p.stripes) > 1:
		ahead = stripeAhead
	}
	depth := min(max(ahead/n, 1), maxRequests)
	if p.most > 0 {
		depth = min(depth, p.most)
	}
	return depth
}

// buffer returns a buffer for n bytes. If there is none now, buffer returns nil,
// and pump is called when there is one.
func (p *pipeline) buffer(n int) *buffer {
	if b := p.spare; b != nil && len(b.data()) >= n {
		p.spare = nil
		return b
	}
	p.dropSpare() // it is too small
	if p.waiting {
		return nil
	}
	b := p.lease.take(n, func(b *buffer) {
		if !p.loop.CallFromThread(func() { p.gotBuffer(b) }) {
			b.release()
		}
	})
	p.waiting = b == nil
	return b
}

func (p *pipeline) gotBuffer(b *buffer) {
	p.waiting = false
	p.dropSpare()
	if p.stopped {
		b.release()
		return
	}
	p.spare = b
	p.again()
}

func (p *pipeline) dropSpare() {
	if p.spare != nil {
		p.spare.release()
		p.spare = nil
	}
}

// finish notes that the pipeline has ended.
func (p *pipeline) finish() {
	if p.over {
		return
	}
	p.over, p.stopped = true, true
	p.dropSpare()
	if p.ended != nil {
		p.ended()
	}
}

// wait waits for the end of the pipeline, and returns its error. If the wait is
// cancelled, the pipeline is stopped with the error.
func (p *pipeline) wait(co *deferred.Coro, stop func(error)) error {
	for !p.over {
		d := deferred.New[struct{}]()
		p.ended = func() { _ = d.TryCallback(struct{}{}) }
		if _, err := deferred.Await(co, d); err != nil {
			stop(err)
		}
	}
	return p.err
}
