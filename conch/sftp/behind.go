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
	d    deferred.Deferred[filetransfer.Status] // for the loop
}

// Write writes p at the offset, or at the end of a file opened for appending. It
// returns when the server has confirmed the data. After an error, n bytes are
// surely written, and there may be more.
func (f *File) Write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.unlock()
	if err := f.usable(filetransfer.FXFWrite); err != nil {
		return 0, f.err("write", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	total, _, err := f.pour(bytes.NewReader(p))
	return int(total), f.err("write", err)
}

// WriteString is like Write, but writes the bytes of s.
func (f *File) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

// WriteAt writes p at offset. Several goroutines may call it at the same time. It
// fails if the file was opened for appending.
func (f *File) WriteAt(p []byte, offset int64) (n int, err error) {
	err = f.usable(filetransfer.FXFWrite)
	switch {
	case err != nil:
		return 0, f.err("write", err)
	case f.h.flags&filetransfer.FXFAppend != 0:
		return 0, errAppending
	case offset < 0:
		return 0, f.err("writeat", errNegative)
	case len(p) > 0:
		n, err = f.write(p, offset)
	}
	return n, f.err("write", err)
}

// ReadFrom writes the data of r, up to its end, with many requests in flight.
// io.Copy calls it. After an error, the returned number of bytes is surely
// written; the file may have more data, with holes.
func (f *File) ReadFrom(r io.Reader) (total int64, err error) {
	f.mu.Lock()
	defer f.unlock()
	if err := f.usable(filetransfer.FXFWrite); err != nil {
		return 0, f.err("write", err)
	}
	total, reading, err := f.pour(r)
	if err != nil {
		return total, f.err("write", err)
	}
	return total, reading
}

// pour writes the data of r at the offset, or at the end of a file opened for
// appending, and moves the offset; f.mu is held. It returns the number of bytes
// confirmed before the first failed write, the error of r (nil for its end), and
// the error of the write.
func (f *File) pour(r io.Reader) (total int64, reading, writing error) {
	f.forget()
	if f.h.flags&filetransfer.FXFAppend != 0 {
		return f.appendFrom(r)
	}
	total, reading, writing = f.pourAt(r, f.offset, maxBehind)
	f.offset += total
	return total, reading, writing
}

// appendFrom is pour for a file opened for appending. Requests carry the offset
// of the end, for servers that do not append. They are sent one after another,
// for servers that do, and may change the order.
func (f *File) appendFrom(r io.Reader) (total int64, reading, writing error) {
	f.h.appends.Lock()
	defer f.h.appends.Unlock()
	end := f.h.end.Load()
	if end == unknownEnd {
		var err error
		if end, err = f.size(); err != nil {
			return 0, nil, err
		}
	}
	f.h.end.Store(unknownEnd)
	total, reading, writing = f.pourAt(r, end, 1)
	if writing == nil {
		f.h.end.Store(end + total)
	}
	f.offset = atEnd
	return total, reading, writing
}

// write writes p at offset, and returns the number of bytes that are surely
// written.
func (f *File) write(p []byte, offset int64) (int, error) {
	n, _, err := f.pourAt(bytes.NewReader(p), offset, maxBehind)
	return int(n), err
}

func (f *File) pourAt(r io.Reader, offset int64, most int) (total int64, reading, writing error) {
	lease := defaultPool.open()
	defer lease.close()
	w := &pouring{f: f, lease: lease, next: offset, most: most}
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
	b.holds.Add(1) // the write may have to wait
	err := w.f.c.onLoop(func() {
		s.d = w.f.h.write(func() deferred.Deferred[filetransfer.Status] { return b.write(w.f.h.file, offset, n) })
		s.d.AddBoth(func(status filetransfer.Status, err error) (filetransfer.Status, error) {
			s.err = err
			close(s.done)
			b.release()
			return status, nil
		})
	})
	if err != nil {
		s.err = err
		close(s.done)
		b.release()
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
			w.f.c.post(s.d.Cancel)
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
