package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// File is an open file or directory, like [os.File]. Any goroutine but the
// loop's may call its methods. Read, Write, WriteTo, ReadFrom, Seek and ReadDir
// use the offset, and wait for each other. A File must be closed, because
// servers limit the number of files that a session has open.
//
// Sequential reading keeps up to 4 MiB of requests in flight or of data in
// memory; io.Copy to a File takes up to 4 MiB from a pool that the process
// shares.
type File struct {
	c    *Files
	name string
	h    *handle
	ctx  context.Context // of the user
	io   context.Context // ends with ctx, and with fs.ErrClosed after Close

	mu     sync.Mutex // guards the following
	offset int64      // or atEnd
	ahead  *ahead     // nil if nothing is read ahead
	dir    *directory // nil before ReadDir
}

// atEnd is the offset of a file opened for appending after a write: the end of
// the file, wherever that is.
const atEnd = -1

func (c *Files) newFile(ctx context.Context, name string, h *handle) *File {
	return &File{c: c, name: name, h: h, ctx: ctx, io: h.context(ctx)}
}

// Name returns the path that the file was opened with.
func (f *File) Name() string { return f.name }

// ClientFile returns the file for the loop; see [Call]. It is nil for a
// directory that the server does not open as a file. WRITE requests made
// through it are not waited for before Close and Truncate.
func (f *File) ClientFile() *filetransfer.ClientFile { return f.h.file }

// WithContext returns the same file for use with another context. Each of the
// two Files has an offset of its own. Closing one closes both.
func (f *File) WithContext(ctx context.Context) *File {
	f.mu.Lock()
	defer f.mu.Unlock()
	other := f.c.newFile(ctx, f.name, f.h)
	other.offset = f.offset
	context.AfterFunc(f.h.closing, other.drop)
	return other
}

func (f *File) err(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return pathError(op, f.name, err)
}

// usable returns an error if the file cannot be used for flag, which is
// filetransfer.FXFRead or FXFWrite.
func (f *File) usable(flag filetransfer.OpenFlags) error {
	switch {
	case f.h.closed.Load():
		return fs.ErrClosed
	case f.h.file == nil:
		return syscall.EISDIR
	case f.h.flags&flag == 0:
		return syscall.EBADF
	default:
		return nil
	}
}

// unlock unlocks mu. If the file was closed meanwhile, data read ahead is
// dropped.
func (f *File) unlock() {
	f.mu.Unlock()
	if f.h.closed.Load() {
		f.drop()
	}
}

// drop frees the data read ahead of a closed file, unless a method uses it;
// that method then calls drop.
func (f *File) drop() {
	if f.mu.TryLock() {
		f.forget()
		f.mu.Unlock()
	}
}

// Stat returns the attributes of the file. Their Sys is the filetransfer.Attrs.
func (f *File) Stat() (fs.FileInfo, error) {
	if f.h.closed.Load() {
		return nil, f.err("stat", fs.ErrClosed)
	}
	attrs, err := f.attrs()
	if err != nil {
		return nil, f.err("stat", err)
	}
	return attrs.FileInfo(f.name), nil
}

// attrs returns the attributes of the file. A server that refuses FSTAT is
// asked for those of the path.
func (f *File) attrs() (filetransfer.Attrs, error) {
	return call(f.io, f.c, func() deferred.Deferred[filetransfer.Attrs] {
		if f.h.file == nil {
			return f.c.client.GetAttrs(f.name, true)
		}
		return deferred.ThenBothDeferred(f.h.file.GetAttrs(), func(a filetransfer.Attrs, err error) deferred.Deferred[filetransfer.Attrs] {
			if errors.Is(err, errors.ErrUnsupported) {
				return f.c.client.GetAttrs(f.name, true)
			}
			return fired(a, err)
		})
	})
}

// fired returns a Deferred with a result.
func fired[T any](v T, err error) deferred.Deferred[T] {
	if err != nil {
		return deferred.Fail[T](err)
	}
	return deferred.Succeed(v)
}

// size returns the size that the server states.
func (f *File) size() (int64, error) {
	attrs, err := f.attrs()
	if err == nil && !attrs.Has(filetransfer.AttrSize) {
		err = errNoSize
	}
	return attrs.FileInfo(f.name).Size(), err
}

// position returns the offset; f.mu is held.
func (f *File) position() (int64, error) {
	if f.offset == atEnd {
		size, err := f.size()
		if err != nil {
			return 0, err
		}
		f.offset = size
	}
	return f.offset, nil
}

// Seek sets the offset for the next Read or Write, and returns it. Seek uses
// the size that the server states if whence is io.SeekEnd.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.unlock()
	to, err := f.seek(offset, whence)
	return to, f.err("seek", err)
}

func (f *File) seek(offset int64, whence int) (base int64, err error) {
	if f.h.closed.Load() {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		base, err = f.position()
	case io.SeekEnd:
		base, err = f.size()
	default:
		err = fs.ErrInvalid
	}
	if err != nil {
		return 0, err
	}
	to := base + offset
	if to < 0 {
		return 0, fs.ErrInvalid
	}
	f.dir = nil
	if to != f.offset {
		f.forget()
		f.offset = to
	}
	return to, nil
}

// Truncate changes the size of the file. The offset stays.
func (f *File) Truncate(size int64) error {
	if size < 0 {
		return f.err("truncate", fs.ErrInvalid)
	}
	defer f.h.end.Store(unknownEnd)
	return f.setAttrs("truncate", filetransfer.Attrs{}.WithSize(uint64(size)))
}

// Chmod changes the permissions of the file.
func (f *File) Chmod(mode fs.FileMode) error {
	return f.setAttrs("chmod", filetransfer.Attrs{}.WithMode(mode))
}

func (f *File) setAttrs(op string, attrs filetransfer.Attrs) error {
	return f.change(op, func() deferred.Deferred[filetransfer.Status] {
		if f.h.file == nil {
			return f.c.client.SetAttrs(f.name, attrs)
		}
		return f.h.file.SetAttrs(attrs)
	})
}

// Sync makes the server write the file to its disk. It fails with
// errors.ErrUnsupported at servers without fsync@openssh.com.
func (f *File) Sync() error {
	if f.h.file == nil {
		return f.err("sync", errors.ErrUnsupported)
	}
	return f.change("sync", func() deferred.Deferred[filetransfer.Status] { return f.h.file.Sync() })
}

// change makes a request that follows the writes before it. Data read ahead is
// out of date afterwards.
func (f *File) change(op string, request func() deferred.Deferred[filetransfer.Status]) error {
	if f.h.closed.Load() {
		return f.err(op, fs.ErrClosed)
	}
	f.h.changes.Add(1)
	defer f.h.changes.Add(1)
	_, err := call(f.io, f.c, func() deferred.Deferred[filetransfer.Status] { return f.h.after(request) })
	return f.err(op, err)
}

// Close closes the file. A Read that waits fails with fs.ErrClosed; writes in
// progress are waited for. Close returns the cause of the context when that is
// done, without waiting for the server; the file is closed all the same. A
// second call fails with fs.ErrClosed.
func (f *File) Close() error {
	if f.h.closed.Swap(true) {
		return f.err("close", fs.ErrClosed)
	}
	f.h.stop(fs.ErrClosed)
	f.drop()
	if f.h.file == nil {
		return nil
	}
	_, err := call(f.ctx, f.c, f.h.close)
	if f.ctx.Err() != nil { // then close may not have run
		f.c.post(func() { f.h.close().AddErrback(ignore) })
	}
	return f.err("close", err)
}

// directory has the entries that ReadDir has not returned yet.
type directory struct{ rest []fs.DirEntry }

// ReadDir returns the next n entries of a directory, or all remaining ones if n
// is not positive; see [fs.ReadDirFile].
func (f *File) ReadDir(n int) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.unlock()
	if f.h.closed.Load() {
		return nil, f.err("readdir", fs.ErrClosed)
	}
	if f.dir == nil {
		entries, err := f.c.ReadDir(f.io, f.name)
		if err != nil {
			return nil, f.err("readdir", f.noDirectory(errors.Unwrap(err)))
		}
		f.dir = &directory{entries}
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

// noDirectory explains why the server has refused to list the file.
func (f *File) noDirectory(err error) error {
	if f.h.isFile.Load() || isStatus(err) && !f.isDirectory() {
		return syscall.ENOTDIR
	}
	return err
}

// readError explains why a read at offset has returned n bytes and err: the
// server may have opened a directory. Some servers report the end of the file
// then.
func (f *File) readError(offset int64, n int, err error) error {
	switch {
	case f.h.isFile.Load():
		return err
	case n > 0, err == nil:
		f.h.isFile.Store(true)
		return err
	case !isStatus(err) && err != io.EOF, errors.Is(err, io.EOF) && offset > 0:
		return err
	case f.isDirectory():
		return syscall.EISDIR
	}
	f.h.isFile.Store(true)
	return err
}

// isDirectory asks the server whether the file is a directory.
func (f *File) isDirectory() bool {
	attrs, err := f.attrs()
	return err == nil && f.c.isDir(f.io, f.name, attrs)
}

// isStatus reports whether err is the refusal of a request by the server.
func isStatus(err error) bool {
	_, ok := errors.AsType[*filetransfer.StatusError](err)
	return ok
}

var (
	errNegative  = errors.New("negative offset")
	errAppending = errors.New("the file was opened for appending; use Write")
	errNoSize    = errors.New("the server does not state the size of the file")
	errNoAttrs   = errors.New("the server does not state the attributes to keep")
)
