package sftp

import (
	"bytes"
	"context"
	"io"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// maxBehind is how many writes of one call are under way at a time.
const maxBehind = 16

// pendingWrite is one write under way.
type pendingWrite struct {
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
	total, reading, err := f.pour(r, f.offset)
	f.offset += total
	if err != nil {
		return total, f.err("write", err)
	}
	return total, reading
}

// write writes p at offset and returns how much of it is there for sure.
func (f *File) write(p []byte, offset int64) (int, error) {
	defer f.changes.Add(1)
	if len(p) > filetransfer.MaxChunk {
		n, _, err := f.pour(bytes.NewReader(p), offset)
		return int(n), err
	}
	_, err := callAndWait(f.ctx, f.c, func() deferred.Deferred[filetransfer.Status] { return f.file.WriteChunk(uint64(offset), p) }, nil)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// pour writes what r gives to offset and behind it, many requests at a time. It returns how much has arrived, up to the first that has not; why
// r could not be read on, nil for its end; and what went wrong with writing.
func (f *File) pour(r io.Reader, offset int64) (total int64, reading, writing error) {
	lease := defaultPool.open()
	defer lease.close()
	defer f.changes.Add(1)
	w := &pouring{f: f, lease: lease, next: offset, most: maxBehind}
	if f.flags&filetransfer.FXFAppend != 0 {
		w.most = 1 // there is no order but that of time
	}
	for reading == nil && w.err == nil {
		reading = w.step(r)
	}
	w.drain(0)
	if reading == io.EOF { // a reader may have failed with an error that wraps another one's
		reading = nil
	}
	return w.total, reading, w.err
}

// pouring is a pour under way.
type pouring struct {
	f     *File
	lease *lease
	most  int
	queue []*pendingWrite
	next  int64 // offset of the next write
	total int64 // bytes of those that have succeeded, up to the first that has not
	err   error // that one's
}

// step reads a chunk and begins to write it. It returns why there is nothing more to read.
func (w *pouring) step(r io.Reader) error {
	w.drain(w.most - 1)
	b := w.buffer()
	if b == nil {
		return nil
	}
	n, err := b.fill(r, filetransfer.MaxChunk)
	if n > 0 {
		w.begin(b, n)
	}
	b.release()
	return err
}

// buffer returns a buffer, nil if writing has failed.
func (w *pouring) buffer() *buffer {
	for w.err == nil {
		if b := w.lease.take(filetransfer.MaxChunk, nil); b != nil {
			return b
		}
		if len(w.queue) > 0 {
			w.drain(len(w.queue) - 1)
			continue
		}
		ready := make(chan struct{})
		var got *buffer
		b := w.lease.take(filetransfer.MaxChunk, func(b *buffer) {
			got = b
			close(ready)
		})
		if b != nil {
			return b
		}
		if w.await(ready) {
			return got
		}
	}
	return nil
}

func (w *pouring) begin(b *buffer, n int) {
	s := &pendingWrite{n: n, done: make(chan struct{})}
	offset := w.next
	err := w.f.c.onLoop(func() {
		b.write(w.f.file, offset, n).AddBoth(func(status filetransfer.Status, err error) (filetransfer.Status, error) {
			s.err = err
			close(s.done)
			return status, nil
		})
	})
	if err != nil {
		s.err = err
		close(s.done)
	}
	w.queue = append(w.queue, s)
	w.next += int64(n)
}

// await waits for ready and reports whether that came before the end of the context.
func (w *pouring) await(ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	case <-w.f.ctx.Done():
		if w.err == nil {
			w.err = context.Cause(w.f.ctx)
		}
		return false
	}
}

// drain waits until no more than left writes are under way, or the context ends.
func (w *pouring) drain(left int) {
	for len(w.queue) > left {
		s := w.queue[0]
		w.queue = w.queue[1:]
		if !w.await(s.done) {
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
