package sftp

import (
	"bytes"
	"io"

	"github.com/hawser-go/hawser/deferred"
)

// maxBacklog is how many chunks of a download may wait for the disk, or for chunks before them.
const maxBacklog = 48

// sink writes the chunks of a file in their order, whatever the order they come in: what is written has no holes, however the transfer ends.
// It belongs to the loop.
type sink struct {
	queue   *taskQueue
	to      *output
	next    int64 // offset of the chunk to be written next
	ready   map[int64]chunk
	backlog int
	failed  func(error)
	wrote   func()
	room    []deferred.Deferred[struct{}] // of those who wait until there is less backlog
}

// chunk is n bytes in a buffer.
type chunk struct {
	b *buffer
	n int
}

// output is where a sink writes. Only threads of its line use it.
type output struct {
	w      io.Writer
	sparse io.Seeker // w, if zeros are to be left out
	pos    int64     // bytes written or left out
	hole   bool      // the end was left out
	err    error     // the first; nothing is written after it
}

func (s *sink) put(offset int64, c chunk) {
	s.ready[offset] = c
	s.backlog++
	for {
		c, ok := s.ready[s.next]
		if !ok {
			return
		}
		delete(s.ready, s.next)
		s.next += int64(c.n)
		do(s.queue, func() error {
			defer c.b.Release()
			return s.to.write(c.b.Data()[:c.n])
		}).AddBoth(func(_ struct{}, err error) (struct{}, error) {
			s.done(err)
			return struct{}{}, nil
		})
	}
}

func (s *sink) done(err error) {
	s.backlog--
	if err != nil {
		s.failed(err)
	} else {
		s.wrote()
	}
	for len(s.room) > 0 && s.backlog < maxBacklog {
		d := s.room[0]
		s.room = s.room[1:]
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// wait waits until the backlog is not too long.
func (s *sink) wait(co *deferred.Coro) error {
	if s.backlog < maxBacklog {
		return nil
	}
	d := deferred.New[struct{}]()
	s.room = append(s.room, d)
	_, err := deferred.Await(co, d)
	return err
}

// drop releases the chunks that never had their turn.
func (s *sink) drop() {
	for offset, c := range s.ready {
		c.b.Release()
		delete(s.ready, offset)
	}
}

// sparseBlock is the unit of holes, in bytes.
const sparseBlock = 4 << 10

var zeros [sparseBlock]byte

func (o *output) write(p []byte) error {
	for len(p) > 0 && o.err == nil {
		n, zero := o.run(p)
		if zero {
			_, o.err = o.sparse.Seek(int64(n), io.SeekCurrent)
		} else {
			o.err = writeAll(o.w, p[:n])
		}
		if o.err == nil {
			o.pos, o.hole = o.pos+int64(n), zero
		}
		p = p[n:]
	}
	return o.err
}

func writeAll(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// run returns how many bytes at the beginning of p are to be written, or to be left out, together.
func (o *output) run(p []byte) (n int, zero bool) {
	if o.sparse == nil {
		return len(p), false
	}
	for n < len(p) {
		end := min(len(p), n+sparseBlock-int((o.pos+int64(n))%sparseBlock))
		isZero := bytes.Equal(p[n:end], zeros[:end-n])
		if n == 0 {
			zero = isZero
		}
		if isZero != zero {
			break
		}
		n = end
	}
	return n, zero
}
