package sftp

import (
	"io"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// fillAhead is the maximum number of chunks that a writer has requested from the
// producer, or has and cannot send yet.
const fillAhead = 4

// writer writes a file through a pipeline from an offset on. It asks the producer
// for chunks, in order, and keeps writes in flight. No write is sent twice.
//
// The producer is asked through fill, on the loop, to fill a buffer with n bytes.
// It must answer by a call of filled, on the loop, in the order of the requests.
// At the end of the writer it may still have requests to answer. With lastLast it
// must give io.EOF together with the last chunk.
type writer struct {
	pipeline
	fill  func(b *buffer, n int)
	wrote func(n int, hole bool) // called when n bytes are confirmed, in any order; may be nil

	client   *filetransfer.FileTransferClient
	planned  int64 // the offset at which the data is expected to end; 0 if unknown
	spread   int64 // maximum distance of an unconfirmed byte and the end of the last write; 0 means no limit
	lastLast bool  // the last of several chunks is sent when all others are confirmed

	begin     int64      // the offset of the first chunk
	asked     int        // requests to the producer that are not answered
	asking    int64      // the bytes of these
	ready     []chunk    // not sent
	pending   []*writing // not confirmed, or behind an unconfirmed one
	confirmed int64      // the server has confirmed all bytes before this offset
	eof       bool       // the producer has ended
	source    error      // the error of the producer, except io.EOF
	failedOn  *stripe    // the handle of the first write that failed
	sending   int        // writes that are not answered
	stopTimer func() bool
}

// writing is a chunk in flight.
type writing struct {
	end  int64
	done bool
	d    deferred.Deferred[filetransfer.Status]
}

// newWriter returns a writer from offset on, through handles of the client and
// others of the same server. It asks the producer after the first again or add,
// and writes after the first add.
func newWriter(l loop, lease *lease, c *filetransfer.FileTransferClient, offset int64, fill func(b *buffer, n int)) *writer {
	w := &writer{client: c, begin: offset, confirmed: offset, fill: fill}
	w.pipeline = pipeline{loop: l, lease: lease, next: offset, pump: w.move}
	return w
}

// move sends the chunks for which there is room, and asks the producer for more.
func (w *writer) move() {
	for w.send() {
	}
	for w.mayAsk() {
		n := w.length()
		b := w.buffer(n)
		if b == nil {
			break
		}
		w.asked++
		w.asking += int64(n)
		w.fill(b, n)
	}
	w.check()
}

// mayAsk reports whether the producer is to be asked for another chunk. The first
// chunk, or what follows the planned end, is usually all that there is.
func (w *writer) mayAsk() bool {
	end := w.planned <= 0 && w.next == w.begin || w.planned > 0 && w.next+w.asking >= w.planned
	return !w.stopped && !w.eof && w.asked+len(w.ready) < fillAhead && !(end && w.asked > 0)
}

// length returns the length of the next chunk.
func (w *writer) length() int {
	n := w.client.WriteSize()
	if left := w.planned - w.next - w.asking; left > 0 {
		return int(min(int64(n), left))
	}
	return n
}

// filled takes from the producer the first n of the want bytes for which fill has
// asked. err is io.EOF, or another error, if no data follows; later calls have no
// effect then. A hole is not sent, but counts as written.
func (w *writer) filled(b *buffer, want, n int, hole bool, err error) {
	w.asked--
	w.asking -= int64(want)
	if n > 0 && !w.eof && !w.stopped {
		w.ready = append(w.ready, chunk{b, w.next, n, hole})
		w.next += int64(n)
	} else {
		b.release()
	}
	if err != nil && !w.eof {
		if w.eof = true; err != io.EOF {
			w.source = err
		}
	}
	w.again()
}

// send sends the first chunk, and reports whether it did.
func (w *writer) send() bool {
	if w.stopped || len(w.ready) == 0 {
		return false
	}
	c := w.ready[0]
	end := c.offset + int64(c.n)
	switch {
	case w.lastLast && w.eof && len(w.ready) == 1 && c.offset != w.confirmed:
		return false
	case w.spread > 0 && end-w.confirmed > w.spread && c.offset != w.confirmed:
		return false
	}
	s := w.pick(func(*stripe) int { return c.n })
	if s == nil {
		return false
	}
	w.ready = w.ready[1:]
	f := &writing{end: end}
	w.pending = append(w.pending, f)
	if c.hole {
		c.b.release()
		w.confirm(f, c)
		return true
	}
	w.sending++
	s.inFlight++
	f.d = c.b.write(s.file, c.offset, c.n)
	c.b.release()
	f.d.AddBoth(func(_ filetransfer.Status, err error) (filetransfer.Status, error) {
		s.inFlight--
		s.answered = true
		w.answer(s, f, c, err)
		return filetransfer.Status{}, nil
	})
	return true
}

func (w *writer) answer(s *stripe, f *writing, c chunk, err error) {
	w.sending--
	switch {
	case err == nil:
		w.confirm(f, c)
	case w.failedOn == nil && !w.stopped:
		w.failedOn = s
		w.stop(err)
	}
	w.again()
	w.check()
}

func (w *writer) confirm(f *writing, c chunk) {
	f.done = true
	if w.wrote != nil {
		w.wrote(c.n, c.hole)
	}
	for len(w.pending) > 0 && w.pending[0].done {
		w.confirmed = w.pending[0].end
		w.pending = w.pending[1:]
	}
}

// check ends the writer if nothing is left to do.
func (w *writer) check() {
	switch {
	case w.over || w.sending > 0:
	case w.stopped:
		w.end()
	case w.eof && len(w.ready) == 0:
		w.err = w.source
		w.end()
	}
}

func (w *writer) end() {
	if w.stopTimer != nil {
		w.stopTimer()
	}
	w.finish()
}

// stop makes the writer end when the writes in flight are answered. After
// drainTimeout the writer does not wait for them any longer.
func (w *writer) stop(err error) {
	if w.stopped {
		return
	}
	w.err, w.stopped = err, true
	for _, c := range w.ready {
		c.b.release()
	}
	w.ready = nil
	if w.sending > 0 {
		w.stopTimer = w.loop.AfterFunc(drainTimeout, w.giveUp)
	}
	w.check()
}

func (w *writer) giveUp() {
	for _, f := range w.pending {
		if !f.done {
			f.d.Cancel()
		}
	}
}

// run waits until everything is confirmed, or for a failure.
func (w *writer) run(co *deferred.Coro) error { return w.wait(co, w.stop) }
