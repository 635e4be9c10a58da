package blocking

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// File is an open file or directory. Its methods may be called from any goroutine but the loop's. It should be closed: servers limit how many
// files a session may have open.
type File struct {
	c     *Client
	ctx   context.Context // of what has none of its own
	name  string
	file  *filetransfer.ClientFile // nil for a directory; only the loop uses it
	flags filetransfer.OpenFlags
	info  fs.FileInfo // of a directory

	mu     sync.Mutex // guards the rest: held while a Read, Write, Seek or ReadDir runs
	offset int64
	ahead  *ahead     // what is read in advance; nil for nothing
	dir    *directory // nil for a file
	closed bool
}

// Name returns the path that the file was opened by.
func (f *File) Name() string { return f.name }

// WithContext returns the same file for use with another context. Each has an offset of its own; closing one closes both.
func (f *File) WithContext(ctx context.Context) *File {
	f.mu.Lock()
	defer f.mu.Unlock()
	other := &File{c: f.c, ctx: ctx, name: f.name, file: f.file, flags: f.flags, info: f.info, offset: f.offset, closed: f.closed}
	if f.dir != nil {
		other.dir = new(directory)
	}
	return other
}

func (f *File) err(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return pathError(op, f.name, err)
}

// usable returns why a file cannot be read or written; f.mu is held.
func (f *File) usable() error {
	switch {
	case f.closed:
		return fs.ErrClosed
	case f.dir != nil:
		return errIsDirectory
	default:
		return nil
	}
}

var errIsDirectory = errors.New("is a directory")

// Stat returns the file's attributes.
func (f *File) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return nil, f.err("stat", fs.ErrClosed)
	}
	if f.dir != nil {
		return f.info, nil
	}
	attrs, err := call(f.ctx, f.c, func() deferred.Deferred[filetransfer.Attrs] { return f.file.GetAttrs() })
	if err != nil {
		return nil, f.err("stat", err)
	}
	return attrs.FileInfo(f.name), nil
}

// Read reads the next bytes. Reading in sequence reads ahead.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return 0, f.err("read", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	data, err := f.next(len(p))
	n := copy(p, data)
	f.took(n)
	return n, f.err("read", err)
}

// ReadAt reads the bytes at offset; it returns fewer than p has room for only with an error, at the end of the file io.EOF.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, f.err("readat", errNegative)
	}
	f.mu.Lock()
	err := f.usable()
	f.mu.Unlock()
	if err != nil {
		return 0, f.err("readat", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := settled(f.ctx, f.c, func() deferred.Deferred[int] { return f.file.ReadInto(uint64(offset), p) }, nil)
	if errors.Is(err, io.EOF) || err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, f.err("readat", err)
}

var errNegative = errors.New("negative offset")

// Write writes p at the offset, or at the end if the file was opened for appending.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return 0, f.err("write", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.forget()
	if err := f.write(p, f.offset); err != nil {
		return 0, f.err("write", err)
	}
	f.offset += int64(len(p))
	return len(p), nil
}

func (f *File) write(p []byte, offset int64) error {
	_, err := settled(f.ctx, f.c, func() deferred.Deferred[filetransfer.Status] { return f.file.WriteChunk(uint64(offset), p) }, nil)
	return err
}

// WriteString is Write for a string.
func (f *File) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

// WriteAt writes p at offset.
func (f *File) WriteAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	err := f.usable()
	f.mu.Unlock()
	switch {
	case err != nil:
	case offset < 0:
		err = errNegative
	case f.flags&filetransfer.FXFAppend != 0:
		err = errors.New("the file was opened for appending")
	case len(p) == 0:
		return 0, nil
	default:
		err = f.write(p, offset)
	}
	if err != nil {
		return 0, f.err("writeat", err)
	}
	return len(p), nil
}

// Seek sets the offset for the next Read or Write.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	base := int64(0)
	if whence == io.SeekEnd {
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		base = info.Size()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, f.err("seek", fs.ErrClosed)
	}
	if whence == io.SeekCurrent {
		base = f.offset
	}
	if whence < io.SeekStart || whence > io.SeekEnd || base+offset < 0 {
		return 0, f.err("seek", fs.ErrInvalid)
	}
	if f.dir != nil {
		f.dir = new(directory)
	}
	if to := base + offset; to != f.offset {
		f.forget()
		f.offset = to
	}
	return f.offset, nil
}

// Truncate changes the size of the file; the offset stays.
func (f *File) Truncate(size int64) error {
	return f.status("truncate", func() deferred.Deferred[filetransfer.Status] {
		return f.file.SetAttrs(filetransfer.Attrs{}.WithSize(uint64(size)))
	})
}

// Chmod changes the file's permissions.
func (f *File) Chmod(mode fs.FileMode) error {
	return f.status("chmod", func() deferred.Deferred[filetransfer.Status] {
		return f.file.SetAttrs(filetransfer.Attrs{}.WithMode(mode))
	})
}

// Sync makes the server write the file to its disk, if it has fsync@openssh.com; else it fails with errors.ErrUnsupported.
func (f *File) Sync() error {
	return f.status("sync", func() deferred.Deferred[filetransfer.Status] { return f.file.Sync() })
}

// status is for operations without result; what was read ahead may be wrong afterwards.
func (f *File) status(op string, do func() deferred.Deferred[filetransfer.Status]) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return f.err(op, err)
	}
	f.forget()
	_, err := call(f.ctx, f.c, do)
	return f.err(op, err)
}

// Close closes the file, also when the context that it was opened with is done. A second call fails with fs.ErrClosed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.err("close", fs.ErrClosed)
	}
	f.forget()
	f.closed = true
	if f.dir != nil {
		return nil
	}
	_, err := call(context.WithoutCancel(f.ctx), f.c, func() deferred.Deferred[filetransfer.Status] { return f.file.Close() })
	return f.err("close", err)
}

// directory is what is left of a directory's entries for ReadDir.
type directory struct {
	read bool
	rest []fs.DirEntry
}

// ReadDir returns the next n entries of a directory, or, if n is not positive, all that are left, as fs.ReadDirFile has it.
func (f *File) ReadDir(n int) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, f.err("readdir", fs.ErrClosed)
	case f.dir == nil:
		return nil, f.err("readdir", errNotDirectory)
	}
	if !f.dir.read {
		entries, err := f.c.ReadDir(f.ctx, f.name)
		if err != nil {
			return nil, err
		}
		f.dir.read, f.dir.rest = true, entries
	}
	if n > 0 && len(f.dir.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.dir.rest) {
		n = len(f.dir.rest)
	}
	batch := f.dir.rest[:n:n]
	f.dir.rest = f.dir.rest[n:]
	return batch, nil
}
