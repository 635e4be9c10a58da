package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// download is the download of one file. A reader reads the file, and the queue
// writes its chunks to the target.
type download struct {
	*job
	remote   string
	attrs    filetransfer.Attrs // of the remote file
	size     int64              // by attrs; -1 if unknown
	disk     disk               // nil if the target is a writer
	name     string             // the path of the target
	partName string             // the path that is written to
	queue    taskQueue          // for the target
	on       *channel
	reader   *reader
	held     chunk // the last chunk, as far as known; it is written at the end
	start    int64 // where the transfer begins

	// The rest belongs to the queue.
	out      output
	part     file // the target, nil before it is created
	closed   bool // part is closed
	warnings []error
}

func (j *job) newDownload(remote string, attrs filetransfer.Attrs, d disk, name string) *download {
	f := &download{job: j, remote: remote, attrs: attrs, size: announcedSize(attrs), disk: d, name: name, partName: name}
	f.queue.loop = j.s.loop
	if j.o.Atomic {
		f.partName = localPartOf(name, f.source().key(remote))
	}
	return f
}

// announcedSize returns the size in attributes, -1 if there is none.
func announcedSize(attrs filetransfer.Attrs) int64 {
	if !attrs.Has(filetransfer.AttrSize) || attrs.Size > 1<<62 {
		return -1
	}
	return int64(attrs.Size)
}

func (f *download) source() version { return versionOf(f.size, f.attrs.ModTime()) }

// isSource reports whether attributes are those of the same version of the file.
func (f *download) isSource(attrs filetransfer.Attrs) bool {
	return versionOfAttrs(attrs) == f.source()
}

// run transfers the file.
func (f *download) run(co *deferred.Coro) error {
	f.found(f.size)
	f.now.Name = f.remote
	f.on = f.lightest()
	load := max(f.size, 1)
	f.on.load += load
	defer func() { f.on.load -= load }()
	f.balance()
	if f.o.Resume {
		isWhole, err := f.look(co)
		if err == nil && isWhole {
			return f.tidy(co)
		}
		if err != nil {
			return err
		}
	}
	if f.o.Continue {
		if err := f.lookInPlace(co); err != nil {
			return err
		}
	}
	f.spread(f.size - f.start)
	err := f.stream(co)
	if err == nil {
		err = f.recheck(co)
	}
	if err := f.end(co, err); err != nil {
		return err
	}
	f.now.Files++
	if f.size <= 0 {
		f.now.Total += f.out.pos
	}
	return f.tidy(co)
}

// look reports whether the target is whole, and finds out where to begin.
func (f *download) look(co *deferred.Coro) (isWhole bool, err error) {
	type local struct {
		isWhole bool
		part    int64 // the size of the partial file
	}
	found, err := deferred.Await(co, threaded(&f.queue, func() (l local, _ error) {
		l.isWhole = f.source().known() && f.source().matches(f.disk.Stat(f.name))
		if info, err := f.disk.Lstat(f.partName); err == nil && info.Mode().IsRegular() {
			l.part = info.Size()
		}
		return l, nil
	}, nil))
	if err != nil {
		return false, err
	}
	if isWhole = found.isWhole; isWhole && f.o.Verify {
		isWhole, err = f.same(co, f.name, whole)
	}
	if isWhole {
		f.now.Skipped++
		f.now.Done += f.size
		return true, err
	}
	if err == nil && f.source().known() && found.part <= f.size {
		f.start = found.part
	}
	if f.start > 0 && f.o.Verify {
		var same bool
		if same, err = f.same(co, f.partName, f.start); !same {
			f.start = 0
		}
	}
	f.now.Done += f.start
	return false, err
}

// stream moves the content from f.start on.
func (f *download) stream(co *deferred.Coro) error {
	f.out.pos = f.start
	f.reader = newReader(f.s.loop, f.lease, f.start, f.size, f.deliver)
	f.reader.arrived = f.moved
	open := func() deferred.Deferred[*filetransfer.ClientFile] { return f.openRemote(f.on) }
	var stripes *striping
	if f.size > 0 {
		stripes = f.stripe(&f.reader.pipeline, f.on, f.openFurther)
		defer stripes.drop()
	}
	h, err := openHandle(co, f.s, open)
	if err != nil {
		return err
	}
	defer func() { f.s.closed(h.Close()).AddErrback(ignore) }()
	f.reader.add(h)
	if stripes != nil {
		stripes.begin()
	}
	return f.reader.run(co)
}

func (f *download) openRemote(on *channel) deferred.Deferred[*filetransfer.ClientFile] {
	return on.client.OpenFile(f.remote, filetransfer.FXFRead, filetransfer.Attrs{})
}

// errOtherFile is the reason for which a further channel is not used.
var errOtherFile = errors.New("sftp: on the further channel the file is another one")

func (f *download) openFurther(co *deferred.Coro, l *channel) (*filetransfer.ClientFile, error) {
	return openSame(co, l, f.remote, f.source())
}

// openSame opens a file for reading on a further channel. It fails if the file is
// another version.
func openSame(co *deferred.Coro, l *channel, name string, want version) (*filetransfer.ClientFile, error) {
	opened, stat := l.client.OpenFile(name, filetransfer.FXFRead, filetransfer.Attrs{}), l.client.GetAttrs(name, true)
	h, err := deferred.Await(co, opened)
	if err != nil {
		stat.AddErrback(func(error) (filetransfer.Attrs, error) { return filetransfer.Attrs{}, nil })
		return nil, err
	}
	attrs, err := deferred.Await(co, stat)
	if err == nil && versionOfAttrs(attrs) != want {
		err = errOtherFile
	}
	if err != nil {
		h.Close().AddErrback(ignore)
	}
	return h, err
}

// deliver takes a chunk from the reader. The chunk that is expected to be the last
// is written together with the rest of the work on the target, so that a small
// file is one task. It does not wait if the reader may need its memory.
func (f *download) deliver(c chunk) {
	if f.held.b != nil {
		f.queueWrite(f.held, func() {})
		f.held = chunk{}
	}
	if c.offset+int64(c.n) == f.size && f.reader.next > f.size {
		f.held = c
		f.reader.credit(c)
		return
	}
	f.queueWrite(c, func() { f.reader.credit(c) })
}

// queueWrite writes a chunk in the queue, and calls written.
func (f *download) queueWrite(c chunk, written func()) {
	do(&f.queue, func() error { return f.write(c) }).OnResult(func(_ struct{}, err error) {
		if err != nil {
			f.reader.stop(err)
		}
		f.written++
		written()
	}).AddErrback(noResult)
}

// write writes a chunk, on a thread.
func (f *download) write(c chunk) error {
	defer c.b.release()
	if err := f.create(); err != nil {
		return err
	}
	return f.out.write(c.b.data()[:c.n])
}

// create opens the target, on a thread, unless it is open.
func (f *download) create() error {
	if f.disk == nil || f.part != nil || f.out.err != nil {
		return f.out.err
	}
	f.out.err = f.createPart()
	return f.out.err
}

func (f *download) createPart() (err error) {
	flag := os.O_WRONLY | os.O_CREATE
	switch {
	case f.o.Exclusive && !f.o.Atomic:
		flag |= os.O_EXCL
	case f.start == 0:
		flag |= os.O_TRUNC
	}
	if f.o.Exclusive && f.o.Atomic {
		if _, err := f.disk.Lstat(f.name); err == nil {
			return &fs.PathError{Op: "open", Path: f.name, Err: fs.ErrExist}
		}
	}
	if info, err := f.disk.Stat(f.name); f.o.Atomic && err == nil && info.IsDir() {
		return ErrIsDirectory
	}
	if f.part, err = f.disk.OpenFile(f.partName, flag, f.mode()); err != nil {
		return err
	}
	f.out.w = f.part
	if f.o.Sparse {
		f.out.sparse = f.part
	}
	if f.start > 0 {
		if err = f.part.Truncate(f.start); err == nil {
			_, err = f.part.Seek(f.start, io.SeekStart)
		}
	}
	return err
}

// mode returns the permissions with which the target is created, before the
// umask.
func (f *download) mode() fs.FileMode {
	if f.attrs.Has(filetransfer.AttrPermissions) {
		return f.attrs.FileMode().Perm() | 0o200
	}
	return 0o666
}

// recheck fails if a source that is to be resumed has changed, so that the
// content may be a mixture of two versions.
func (f *download) recheck(co *deferred.Coro) error {
	if !f.o.Resume && f.start == 0 {
		return nil
	}
	attrs, err := deferred.Await(co, f.on.client.GetAttrs(f.remote, true))
	if err == nil && f.o.Continue && !f.isSource(attrs) {
		return f.compareAgain(co)
	}
	if err == nil && !f.isSource(attrs) || errors.Is(err, fs.ErrNotExist) {
		return ErrSourceChanged
	}
	return err
}

// end completes the target, or after a failure leaves as much of it as Resume can
// continue.
func (f *download) end(co *deferred.Coro, cause error) error {
	if cause == nil && f.o.Verify {
		if _, cause = deferred.Await(co, do(&f.queue, f.close)); cause == nil {
			cause = differs(f.same(co, f.partName, whole))
		}
	}
	_, err := deferred.Await(co, do(&f.queue, func() error {
		if cause == nil {
			cause = f.close()
		}
		if cause == nil {
			cause = f.commit()
		}
		if cause != nil {
			f.abandon(cause)
		}
		return cause
	}))
	if isCancelled(err) && !f.queue.idle(co) {
		return err // the queue may still use f
	}
	for _, warning := range f.warnings {
		f.warn(f.remote, warning)
	}
	return err
}

// close writes the last chunk and closes the target, on a thread. A second call
// does nothing.
func (f *download) close() error {
	if f.held.b != nil {
		_ = f.write(f.held) // the error stays in f.out
		f.held = chunk{}
	}
	if f.closed {
		return f.out.err
	}
	err := f.create()
	f.closed = true
	if f.part == nil {
		return err
	}
	if err == nil && f.out.hole {
		err = f.part.Truncate(f.out.pos)
	}
	if err == nil && f.o.Sync {
		err = f.part.Sync()
	}
	if closed := f.part.Close(); err == nil {
		err = closed
	}
	f.out.err = err
	return err
}

// commit gives a whole file its attributes and its name, on a thread.
func (f *download) commit() error {
	if f.disk == nil {
		return nil
	}
	if err := f.preserve(f.disk, f.partName, f.o.Preserve); err != nil {
		f.warnings = append(f.warnings, err)
	}
	if f.partName == f.name {
		return nil
	}
	if !f.o.Exclusive {
		return f.disk.Rename(f.partName, f.name)
	}
	err := f.disk.Link(f.partName, f.name)
	if err == nil {
		return f.disk.Remove(f.partName)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	placeholder, err := f.disk.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // no hard links here
	if err != nil {
		return err
	}
	return errors.Join(placeholder.Close(), f.disk.Rename(f.partName, f.name))
}

// preserve gives a file or directory the times of the source, and its
// permissions if all is true. Without Resume and Preserve it does nothing.
func (f *download) preserve(d disk, name string, all bool) error {
	var err error
	if all && f.attrs.Has(filetransfer.AttrPermissions) {
		err = d.Chmod(name, f.attrs.FileMode().Perm())
	}
	if m := f.attrs.ModTime(); (all || f.o.Resume) && !m.IsZero() {
		err = errors.Join(err, d.Chtimes(name, f.attrs.AccessTime(), m))
	}
	return err
}

// abandon closes the target of a failed transfer, on a thread. It keeps what
// Resume can continue, and removes the rest, unless that has replaced an old
// file.
func (f *download) abandon(cause error) {
	keep := f.o.Resume && !errors.Is(cause, ErrSourceChanged) && !errors.Is(cause, ErrVerify)
	if f.held.b != nil && keep {
		_ = f.write(f.held)
	} else if f.held.b != nil {
		f.held.b.release()
	}
	f.held = chunk{}
	if f.part == nil {
		return
	}
	if !f.closed {
		_ = f.part.Close()
	}
	if !keep && (f.o.Atomic || f.o.Exclusive) || keep && f.out.pos == 0 {
		_ = f.disk.Remove(f.partName)
	}
}
