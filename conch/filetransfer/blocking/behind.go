package blocking

import (
	"context"
	"errors"
	"io"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// maxBehind is how many writes of a ReadFrom are under way at a time.
const maxBehind = 16

// store is one write under way.
type store struct {
	n    int
	done chan struct{} // closed by the loop when err is there
	err  error
}

// ReadFrom writes what r gives, until it ends, for io.Copy: it keeps many requests under way. After an error, what was written may
// have holes behind the number of bytes that is returned.
func (f *File) ReadFrom(r io.Reader) (total int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return 0, f.err("write", err)
	}
	f.forget()
	lease := filetransfer.DefaultArena().Open()
	defer lease.Close()
	most := maxBehind
	if f.flags&filetransfer.FXFAppend != 0 {
		most = 1 // there is no order but that of time
	}
	w := &writing{f: f, lease: lease, most: most}
	reading := error(nil)
	for reading == nil && w.err == nil {
		reading = w.step(r)
	}
	w.drain(0)
	f.offset += w.total
	switch {
	case w.err != nil:
		return w.total, f.err("write", w.err)
	case errors.Is(reading, io.EOF):
		return w.total, nil
	default:
		return w.total, reading
	}
}

// writing is a ReadFrom under way.
type writing struct {
	f     *File
	lease *filetransfer.Lease
	most  int
	queue []*store
	begun int64 // bytes of the writes that were begun
	total int64 // bytes of those that have succeeded, up to the first that has not
	err   error // that one's
}

// step reads a chunk and begins to write it. It returns why there is nothing more to read.
func (w *writing) step(r io.Reader) error {
	w.drain(w.most - 1)
	b := w.lease.Get(filetransfer.MaxChunk)
	for ; b == nil && w.err == nil; b = w.lease.Get(filetransfer.MaxChunk) {
		w.drain(len(w.queue) - 1)
	}
	if w.err != nil {
		if b != nil {
			b.Release()
		}
		return nil
	}
	n, err := io.ReadFull(r, b.Data()[:filetransfer.MaxChunk])
	if n > 0 {
		w.begin(b, n)
	}
	b.Release()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return err
}

func (w *writing) begin(b *filetransfer.Buffer, n int) {
	s := &store{n: n, done: make(chan struct{})}
	offset := w.f.offset + w.begun
	_, err := call(context.WithoutCancel(w.f.ctx), w.f.c, func() deferred.Deferred[struct{}] {
		w.f.file.WriteBuffer(uint64(offset), b, n).AddBoth(func(status filetransfer.Status, err error) (filetransfer.Status, error) {
			s.err = err
			close(s.done)
			return status, nil
		})
		return deferred.Succeed(struct{}{})
	})
	if err != nil {
		s.err = err
		close(s.done)
	}
	w.queue = append(w.queue, s)
	w.begun += int64(n)
}

// drain waits until no more than left writes are under way. The context's end is waited for as well.
func (w *writing) drain(left int) {
	for len(w.queue) > max(left, 0) {
		s := w.queue[0]
		w.queue = w.queue[1:]
		select {
		case <-s.done:
		case <-w.f.ctx.Done():
			if w.err == nil {
				w.err = context.Cause(w.f.ctx)
			}
			continue
		}
		if w.err == nil {
			w.err = s.err
		}
		if w.err == nil {
			w.total += int64(s.n)
		}
	}
}
