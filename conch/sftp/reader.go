package sftp

import (
	"errors"
	"io"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// maxBacklog is the maximum number of chunks that wait for the consumer of a
	// reader, or for chunks before them.
	maxBacklog = 48

	// probe is the length in bytes of the first request behind the planned size.
	// Usually the answer is end-of-file.
	probe = 1 << 10
)

// reader reads a file through a pipeline from an offset to its end, and delivers
// chunks in order. Only an end-of-file status ends the file: the planned size
// decides how many requests are in flight. Behind the planned size their number
// starts at one, and doubles with each chunk that the consumer has used.
//
// The consumer gets chunks through deliver, on the loop. For each chunk it must
// release the buffer, on any goroutine, and call credit, on the loop.
type reader struct {
	pipeline
	deliver func(chunk)
	arrived func(n int) // called when n bytes have arrived, in any order; may be nil

	planned int64 // the size that the file is expected to have
	first   int   // length of the first request behind planned
	window  int   // maximum number of chunks between request and credit; 0 means no limit
	ahead   int   // maximum number of those behind planned
	asked   bool  // a request behind planned was sent

	queue   []*reading // requested, and not delivered
	backlog int        // chunks that are answered or delivered, without credit
	beyond  int        // chunks behind planned, without credit
	failed  bool       // an answer is an error; nothing more is requested
}

// reading is a chunk that a reader has requested.
type reading struct {
	chunk
	done bool
	err  error
	d    deferred.Deferred[int]
}

// newReader returns a reader from offset on. It starts with the first add.
func newReader(l loop, lease *lease, offset, planned int64, deliver func(chunk)) *reader {
	r := &reader{deliver: deliver, planned: planned, first: probe, ahead: 1}
	if offset >= planned {
		r.first = filetransfer.MaxChunk
	}
	r.pipeline = pipeline{loop: l, lease: lease, next: offset, pump: r.request}
	return r
}

// request sends requests while there is room for them.
func (r *reader) request() {
	for r.mayAsk() {
		s := r.pick(r.length)
		if s == nil {
			return
		}
		n := r.length(s)
		b := r.buffer(n)
		if b == nil {
			return
		}
		c := &reading{chunk: chunk{b: b, offset: r.next, n: n}}
		r.queue = append(r.queue, c)
		if r.next += int64(n); c.offset >= r.planned {
			r.asked = true
			r.beyond++
		}
		r.send(s, c)
	}
}

func (r *reader) mayAsk() bool {
	return !r.stopped && !r.failed && r.backlog < maxBacklog &&
		(r.next < r.planned || r.beyond < r.ahead) &&
		(r.window == 0 || r.backlog+r.inFlight() < r.window)
}

func (r *reader) inFlight() (n int) {
	for _, s := range r.stripes {
		n += s.inFlight
	}
	return n
}

// length returns the length of the next request on a handle.
func (r *reader) length(s *stripe) int {
	n := s.file.Client().ReadSize()
	if left := r.planned - r.next; left > 0 {
		return int(min(int64(n), left))
	}
	if !r.asked {
		return min(n, r.first)
	}
	return n
}

func (r *reader) send(s *stripe, c *reading) {
	s.inFlight++
	c.d = s.file.ReadInto(uint64(c.offset), c.b.data()[:c.n])
	c.d.AddBoth(func(n int, err error) (int, error) {
		s.inFlight--
		s.answered = true
		r.answer(s, c, n, err)
		return 0, nil
	})
}

// answer notes the answer for a chunk. A failure on a further handle is no
// failure: the chunk is read through the first one.
func (r *reader) answer(s *stripe, c *reading, n int, err error) {
	eof := errors.Is(err, io.EOF)
	switch {
	case r.stopped:
		c.b.release()
		return
	case err != nil && !eof && s != r.stripes[0]:
		r.drop(s)
		r.send(r.stripes[0], c)
		return
	}
	if r.arrived != nil && n > 0 {
		r.arrived(n)
	}
	c.done, c.err = true, err
	if r.backlog++; eof || err == nil && n < c.n {
		c.err = io.EOF
	}
	c.n = n
	r.failed = r.failed || c.err != nil
	r.flush()
	r.again()
}

// drop makes the reader do without a handle.
func (r *reader) drop(s *stripe) {
	for i, other := range r.stripes {
		if other == s {
			r.stripes = append(r.stripes[:i:i], r.stripes[i+1:]...)
		}
	}
}

// flush delivers the chunks that have their turn.
func (r *reader) flush() {
	for !r.stopped && len(r.queue) > 0 && r.queue[0].done {
		c := r.queue[0]
		r.queue = r.queue[1:]
		if c.n > 0 {
			r.deliver(c.chunk)
		} else {
			c.b.release()
			r.backlog--
		}
		switch {
		case c.err == io.EOF:
			r.stop(nil)
		case c.err != nil:
			r.stop(c.err)
		}
	}
}

// credit notes that the consumer has used a chunk.
func (r *reader) credit(c chunk) {
	if r.backlog--; c.offset >= r.planned {
		r.beyond--
		r.ahead = min(2*r.ahead, maxBacklog)
	}
	r.again()
}

// stop ends the reader. Chunks that are delivered stay with the consumer.
func (r *reader) stop(err error) {
	if r.stopped {
		return
	}
	r.err, r.stopped = err, true
	queue := r.queue
	r.queue = nil
	for _, c := range queue {
		if c.done {
			c.b.release()
		} else {
			c.d.Cancel() // answer releases the buffer
		}
	}
	r.finish()
}

// run waits for the end of the file, or for a failure.
func (r *reader) run(co *deferred.Coro) error { return r.wait(co, r.stop) }
