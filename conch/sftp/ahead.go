package sftp

import (
	"errors"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// firstRead is the number of bytes of the first request of a sequence of
	// reads. Most small files end there.
	firstRead = 32 << 10

	// maxAhead is the maximum number of chunks that Read is ahead.
	maxAhead = 16
)

// ahead is data that was read from a file and is not used yet. It belongs to the
// holder of the file's lock.
type ahead struct {
	rest    []byte // the data at the offset of the file
	more    bool   // the last request was answered in full
	stream  *stream
	changes int64 // those of the handle when this was read
}

// Read reads the next bytes of the file. Sequential reads are read ahead.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.unlock()
	if err := f.usable(filetransfer.FXFRead); err != nil {
		return 0, f.err("read", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	data, err := f.next(maxAhead)
	n := copy(p, data)
	f.took(n)
	return n, f.err("read", err)
}

// ReadAt reads len(p) bytes at offset. It returns fewer only with an error, which
// is io.EOF at the end of the file.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	err := f.usable(filetransfer.FXFRead)
	switch {
	case err != nil:
		return 0, f.err("read", err)
	case offset < 0:
		return 0, f.err("readat", errNegative)
	case len(p) == 0:
		return 0, nil
	}
	n, err := callAndWait(f.io, f.c, func() deferred.Deferred[int] { return f.h.file.ReadInto(uint64(offset), p) }, nil)
	err = f.readError(offset, n, err)
	if errors.Is(err, io.EOF) || err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, f.err("read", err)
}

// WriteTo writes the rest of the file to w, with many requests in flight. io.Copy
// calls it.
func (f *File) WriteTo(w io.Writer) (total int64, err error) {
	if err := f.usable(filetransfer.FXFRead); err != nil {
		return 0, f.err("read", err)
	}
	if w == f {
		return 0, f.err("read", fs.ErrInvalid)
	}
	f.mu.Lock()
	defer f.unlock()
	for {
		data, err := f.next(0)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, f.err("read", err)
		}
		n, err := w.Write(data)
		if err == nil && n < len(data) {
			err = io.ErrShortWrite
		}
		f.took(n)
		total += int64(n)
		if err != nil {
			f.forget()
			return total, err
		}
	}
}

// next returns data at the offset of the file, or the reason why there is none,
// which is io.EOF at the end. window is the maximum number of chunks that are
// requested in advance; 0 leaves it to the pipeline. f.mu is held.
func (f *File) next(window int) ([]byte, error) {
	if f.ahead != nil && f.ahead.changes != f.h.changes.Load() {
		f.forget()
	}
	if f.ahead == nil {
		f.ahead = &ahead{changes: f.h.changes.Load()}
	}
	if len(f.ahead.rest) > 0 {
		return f.ahead.rest, nil
	}
	offset, err := f.position()
	if err == nil {
		err = f.fill(offset, window)
		err = f.readError(offset, len(f.ahead.rest), err)
	}
	if err != nil {
		f.forget() // the file may grow until the next read
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, err
	}
	return f.ahead.rest, nil
}

// fill gets data at offset, the offset of the file.
func (f *File) fill(offset int64, window int) (err error) {
	a := f.ahead
	if a.stream == nil && a.more {
		a.stream = f.newStream(offset, window)
	}
	if a.stream != nil {
		a.rest, err = a.stream.next(f.io)
		return err
	}
	a.rest, err = call(f.io, f.c, func() deferred.Deferred[[]byte] { return f.h.file.ReadChunk(uint64(offset), firstRead) })
	if a.more = len(a.rest) == firstRead; err == nil && len(a.rest) == 0 {
		err = io.ErrNoProgress
	}
	return err
}

// took notes that n bytes of the data from next were used.
func (f *File) took(n int) {
	if n == 0 {
		return
	}
	a := f.ahead
	f.offset += int64(n)
	if a.rest = a.rest[n:]; len(a.rest) == 0 && a.stream != nil {
		a.stream.used()
	}
}

// forget drops the data that was read ahead.
func (f *File) forget() {
	if f.ahead != nil && f.ahead.stream != nil {
		f.ahead.stream.stop()
	}
	f.ahead = nil
}

// newStream starts to read from offset to the end of the file. The size that the
// server states says how much is requested in advance; without a size that is
// little at first.
func (f *File) newStream(offset int64, window int) *stream {
	attrs, err := f.attrs()
	planned := offset
	if err == nil && attrs.Has(filetransfer.AttrSize) {
		planned = max(offset, attrs.FileInfo("").Size())
	}
	s := &stream{f: f, most: window, wake: make(chan struct{}, 1)}
	f.c.post(func() { s.start(offset, planned, attrs) })
	return s
}
