package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// File is an open file or directory. Its methods may be called from any goroutine but the loop's; those that use the offset wait for each other,
// and Close waits for them. It should be closed: servers limit how many files a session may have open.
//
// Reading in sequence keeps up to 4 MiB of the file under way, or read and not yet used; io.Copy to a File up to 4 MiB of the process's arena.
type File struct {
	c     *Files
	ctx   context.Context // of what has none of its own
	name  string
	file  *filetransfer.ClientFile // nil for a directory; only the loop uses it
	flags filetransfer.OpenFlags
	info  fs.FileInfo // of a directory

	// changes counts the writes that were made through this handle: what was read ahead before one is out of date.
	changes *atomic.Int64

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
	other := &File{c: f.c, ctx: ctx, name: f.name, file: f.file, flags: f.flags, info: f.info, changes: f.changes, offset: f.offset, closed: f.closed}
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
		return syscall.EISDIR
	default:
		return nil
	}
}

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
	n, err := callAndWait(f.ctx, f.c, func() deferred.Deferred[int] { return f.file.ReadInto(uint64(offset), p) }, nil)
	if errors.Is(err, io.EOF) || err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, f.err("readat", err)
}

var (
	errNegative  = errors.New("negative offset")
	errAppending = errors.New("the file was opened for appending")
)

// Write writes p at the offset, or at the end if the file was opened for appending. It returns when the server has confirmed it.
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
	n, err := f.write(p, f.offset)
	f.offset += int64(n)
	return n, f.err("write", err)
}

// WriteString is Write for a string.
func (f *File) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

// WriteAt writes p at offset. Several goroutines may do so at the same time.
func (f *File) WriteAt(p []byte, offset int64) (n int, err error) {
	f.mu.Lock()
	err = f.usable()
	f.mu.Unlock()
	switch {
	case err != nil:
	case offset < 0:
		err = errNegative
	case f.flags&filetransfer.FXFAppend != 0:
		err = errAppending
	case len(p) > 0:
		n, err = f.write(p, offset)
	}
	return n, f.err("writeat", err)
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
	if f.dir != nil {
		return f.c.Chmod(f.ctx, f.name, mode)
	}
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

// Close closes the file, also when the context that it was opened with is done; then it does not wait for the server's answer, and fails with the
// cause. A second call fails with fs.ErrClosed.
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
	done := make(chan struct{})
	var outcome error
	err := f.c.onLoop(func() {
		f.file.Close().AddBoth(func(status filetransfer.Status, err error) (filetransfer.Status, error) {
			outcome = err
			close(done)
			return status, nil
		})
	})
	if err != nil {
		return f.err("close", err)
	}
	select {
	case <-done:
		return f.err("close", outcome)
	case <-f.ctx.Done():
		return f.err("close", context.Cause(f.ctx))
	}
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
		return nil, f.err("readdir", syscall.ENOTDIR)
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
