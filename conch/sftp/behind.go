package sftp

import (
	"bytes"
	"context"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

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
func (f *File) WriteAt(p []byte, offset int64) (int, error) {
	err := f.usable(filetransfer.FXFWrite)
	switch {
	case err != nil:
		return 0, f.err("write", err)
	case f.h.flags&filetransfer.FXFAppend != 0:
		return 0, errAppending
	case offset < 0:
		return 0, f.err("writeat", errNegative)
	case len(p) == 0:
		return 0, nil
	}
	n, _, err := f.pourAt(bytes.NewReader(p), offset)
	return int(n), f.err("write", err)
}

// ReadFrom writes the data of r, up to its end, with many requests in flight.
// io.Copy calls it. After an error, the returned number of bytes is surely
// written; the file may have more data, with holes. ReadFrom waits for a Read of
// r that is in progress, also if the context is done.
func (f *File) ReadFrom(r io.Reader) (total int64, err error) {
	if err := f.usable(filetransfer.FXFWrite); err != nil {
		return 0, f.err("write", err)
	}
	if r == f {
		return 0, f.err("write", fs.ErrInvalid)
	}
	f.mu.Lock()
	defer f.unlock()
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
	offset, err := f.position()
	if err != nil {
		return 0, nil, err
	}
	total, reading, writing = f.pourAt(r, offset)
	f.offset += total
	return total, reading, writing
}

// appendFrom is pour for a file opened for appending. Requests carry the offset
// of the end, for servers that do not append by themselves.
func (f *File) appendFrom(r io.Reader) (total int64, reading, writing error) {
	f.h.appends.Lock()
	defer f.h.appends.Unlock()
	end := f.h.end.Load()
	if end == unknownEnd {
		if end, writing = f.size(); writing != nil {
			return 0, nil, writing
		}
	}
	f.h.end.Store(unknownEnd)
	total, reading, writing = f.pourAt(r, end)
	if writing == nil {
		f.h.end.Store(end + total)
	}
	f.offset = atEnd
	return total, reading, writing
}

// pourAt writes the data of r at offset, and returns like pour.
func (f *File) pourAt(r io.Reader, offset int64) (total int64, reading, writing error) {
	if p, ok := r.(*bytes.Reader); ok && p.Len() <= firstRead {
		return f.writeSmall(p, offset)
	}
	p := &pouring{f: f, begin: offset, planned: sizeOf(r), fills: make(chan fillRequest, fillAhead), over: make(chan struct{})}
	f.c.post(func() {
		f.h.write(p.start).OnResult(func(_ filetransfer.Status, err error) {
			p.err = err
			close(p.over)
		}).AddErrback(ignore)
	})
	return p.run(r)
}

// writeSmall writes data of one request.
func (f *File) writeSmall(r *bytes.Reader, offset int64) (total int64, reading, writing error) {
	p := make([]byte, r.Len())
	_, _ = r.Read(p) // reads all of it
	_, err := call(f.ctx, f.c, func() deferred.Deferred[filetransfer.Status] {
		return f.h.write(func() deferred.Deferred[filetransfer.Status] { return f.h.file.WriteChunk(uint64(offset), p) })
	})
	if err != nil {
		return 0, nil, err
	}
	return int64(len(p)), nil, nil
}

// sizeOf returns how many bytes r will give, if that is known, and else 0.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case *io.LimitedReader:
		if n := sizeOf(r.R); n > 0 {
			return min(n, r.N)
		}
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// pouring is a pour in progress: a goroutine that fills the buffers of a writer.
type pouring struct {
	f       *File
	begin   int64
	planned int64 // bytes that are expected; 0 if not known
	fills   chan fillRequest
	over    chan struct{} // closed when nothing is in flight

	// The following belong to the loop, until over is closed.
	job     *job
	writer  *writer
	stripes *striping
	stopped bool
	err     error // of the writer
}

// fillRequest is a request of a writer to fill a buffer with n bytes.
type fillRequest struct {
	b *buffer
	n int
}

// start starts the writer, on the loop. The Deferred fires when nothing is in
// flight any more.
func (p *pouring) start() deferred.Deferred[filetransfer.Status] {
	s, h := p.f.c.session, p.f.h
	if p.stopped {
		return deferred.Succeed(filetransfer.Status{})
	}
	p.job = s.newJob("put", Options{})
	p.writer = newWriter(s.loop, p.job.lease, s.FileTransferClient, p.begin, func(b *buffer, n int) { p.fills <- fillRequest{b, n} })
	if p.planned > 0 {
		p.writer.planned = p.begin + p.planned
	}
	if h.flags&filetransfer.FXFAppend != 0 {
		p.writer.most = 1 // servers that append may change the order
	} else if s.bearsSecondHandle() && p.planned > 0 {
		p.stripes = p.job.stripe(&p.writer.pipeline, p.job.channels[0], func(co *deferred.Coro, l *channel) (*filetransfer.ClientFile, error) {
			return deferred.Await(co, l.client.OpenFile(p.f.name, filetransfer.FXFWrite, filetransfer.Attrs{}))
		})
		p.job.spread(p.planned)
	}
	return deferred.Inline(func(co *deferred.Coro) (s filetransfer.Status, err error) {
		p.writer.add(h.file)
		if p.stripes != nil {
			p.stripes.begin()
		}
		err = p.writer.run(co)
		if p.stripes != nil {
			if closed := p.stripes.close(co); err == nil {
				err = closed
			}
		}
		p.job.release()
		return s, err
	})
}

// run fills buffers with the data of r until the writer has ended. It returns
// like pour.
func (p *pouring) run(r io.Reader) (total int64, reading, writing error) {
	defer p.drain()
	ended := p.f.c.session.r.Context()
	for {
		select {
		case q := <-p.fills:
			n, err := q.b.fill(r, q.n)
			if err != nil && err != io.EOF {
				reading, err = err, io.EOF
			}
			p.f.c.post(func() { p.writer.filled(q.b, q.n, n, false, err) })
		case <-p.over:
			return p.confirmed(), reading, p.err
		case <-p.f.ctx.Done():
			return p.giveUp(context.Cause(p.f.ctx)), reading, context.Cause(p.f.ctx)
		case <-ended.Done():
			return p.giveUp(context.Cause(ended)), reading, context.Cause(ended)
		}
	}
}

// giveUp stops the writer, and returns the number of bytes that are confirmed. It
// does not wait for the writes in flight.
func (p *pouring) giveUp(cause error) (total int64) {
	_ = p.f.c.onLoop(func() { // a loop that has ended has confirmed nothing more
		p.stopped = true
		if p.writer != nil {
			p.writer.stop(cause)
			p.f.h.givenUp = p.f.h.writes > 0
		}
		total = p.confirmed()
	})
	return total
}

// confirmed returns the number of bytes that are surely written.
func (p *pouring) confirmed() int64 {
	if p.writer == nil {
		return 0
	}
	return p.writer.confirmed - p.begin
}

// drain releases the buffers that were not filled.
func (p *pouring) drain() {
	for {
		select {
		case q := <-p.fills:
			q.b.release()
		default:
			return
		}
	}
}
