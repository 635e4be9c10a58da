package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// upload is the upload of one file. The queue reads the source, and a writer
// writes the chunks.
type upload struct {
	*job
	disk     disk
	name     string      // the path of the source; empty for a reader
	info     fs.FileInfo // of the source; nil for a reader
	size     int64       // by info; -1 for a reader
	remote   string      // the path of the target
	partName string      // the path that is written to
	queue    taskQueue   // for the source
	on       *channel

	handle *filetransfer.ClientFile
	writer *writer
	start  int64 // where the transfer begins
	had    int64 // the size of the target that Continue has found
	sent   int64 // bytes that were counted as transferred

	// The rest belongs to the queue.
	from   *source   // nil before it is opened
	closer io.Closer // the same, if it is a file
}

func (j *job) newUpload(d disk, name string, info fs.FileInfo, remote string) *upload {
	f := &upload{job: j, disk: d, name: name, info: info, size: -1, remote: remote, partName: remote}
	f.queue.loop = j.s.loop
	key := f.source().key(remote)
	if info != nil {
		f.size = info.Size()
		key = f.source().key(name, info.ModTime().Nanosecond())
	}
	if j.o.Atomic {
		f.partName = partOf(remote, key)
	}
	return f
}

func (f *upload) source() version {
	if f.info == nil {
		return version{size: -1}
	}
	return versionOf(f.size, f.info.ModTime())
}

// run transfers the file.
func (f *upload) run(co *deferred.Coro) error {
	f.found(f.size)
	f.now.Name = f.name
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
	err := f.transfer(co, f.info != nil && f.s.bearsSecondHandle())
	if err == errStartOver {
		f.now.Done -= f.start + f.sent
		f.start = 0
		err = f.transfer(co, false)
	}
	if err != nil {
		return err
	}
	f.now.Files++
	if f.info == nil {
		f.now.Total += f.writer.confirmed
	}
	return f.tidy(co)
}

// look reports whether the target is whole, and finds out where to begin.
func (f *upload) look(co *deferred.Coro) (isWhole bool, err error) {
	target, err := f.remoteVersion(co, f.remote)
	if err != nil {
		return false, err
	}
	if isWhole = target.size >= 0 && target == f.source(); isWhole && f.o.Verify {
		isWhole, err = f.same(co, f.remote, whole)
	}
	if isWhole {
		f.now.Skipped++
		f.now.Done += f.size
	}
	if err != nil || isWhole {
		return isWhole, err
	}
	part, err := f.remoteVersion(co, f.partName)
	if err == nil && f.source().known() && part.size <= f.size {
		f.start = max(0, part.size-spreadOf(f.size))
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

// remoteVersion returns the version of a file at the server. It is unknown if the
// file is missing.
func (f *upload) remoteVersion(co *deferred.Coro, name string) (version, error) {
	a, err := deferred.Await(co, f.s.GetAttrs(name, true))
	if isCancelled(err) || f.s.Lost() != nil {
		return version{}, err
	}
	if err != nil {
		return version{size: -1}, nil
	}
	return versionOfAttrs(a), nil
}

// errStartOver is the failure of an upload that may succeed with one handle and
// from the beginning.
var errStartOver = errors.New("sftp: a write through a further handle, or to a partial file, failed")

// transfer opens the target, moves the content from f.start on, and completes the
// target.
func (f *upload) transfer(co *deferred.Coro, striped bool) error {
	f.newWriter()
	defer func() { do(&f.queue, f.closeSource).AddErrback(noResult) }()
	f.writer.again() // reads the source while the target is being opened
	if err := f.open(co); err != nil {
		f.writer.stop(err)
		return err
	}
	err := f.write(co, striped)
	if err == nil {
		err = f.complete(co)
	}
	closed := f.s.closed(f.handle.Close())
	if err != nil {
		f.abandon(co, closed, err)
		return err
	}
	if _, err = deferred.Await(co, closed); err == nil {
		err = f.commit(co)
	}
	if err != nil {
		f.abandon(co, deferred.Succeed(filetransfer.Status{}), err)
	}
	return err
}

func noResult(error) (struct{}, error) { return struct{}{}, nil }

func (f *upload) newWriter() {
	var w *writer
	w = newWriter(f.s.loop, f.lease, f.on.client, f.start, func(b *buffer, n int) { f.fill(w, b, n) })
	w.wrote = func(n int, hole bool) {
		f.sent += int64(n)
		if hole {
			f.now.Done += int64(n)
		} else {
			f.moved(n)
		}
	}
	if f.info != nil {
		w.planned = f.size
	}
	if f.partName == f.remote {
		w.lastLast = true // only a whole file has its full size
		w.spread = maxSpread
	} else {
		w.spread = spreadOf(max(f.size, 0))
	}
	f.writer, f.sent = w, 0
}

// filling is the result of reading a chunk of the source.
type filling struct {
	n    int
	hole bool
	err  error
}

// fill reads the next chunk of the source for the writer.
func (f *upload) fill(w *writer, b *buffer, n int) {
	d := threaded(&f.queue, func() (filling, error) { return f.read(b, n), nil }, nil)
	d.OnResult(func(got filling, err error) {
		if err != nil { // no thread, or a panic
			got = filling{err: err}
		}
		w.filled(b, n, got.n, got.hole, got.err)
	}).AddErrback(func(error) (filling, error) { return filling{}, nil })
}

// read reads the next chunk of the source, on a thread.
func (f *upload) read(b *buffer, n int) (got filling) {
	if f.from == nil {
		src, err := f.disk.OpenFile(f.name, os.O_RDONLY, 0)
		if err != nil {
			return filling{err: err}
		}
		f.from, f.closer = &source{r: src, expected: f.size - f.start}, src
		if _, err := src.Seek(f.start, io.SeekStart); err != nil {
			return filling{err: err}
		}
	}
	got.n, got.err = f.from.fill(b, n)
	got.hole = f.o.Sparse && got.n > 0 && isZero(b.data()[:got.n])
	return got
}

// closeSource closes the source, on a thread. The next read opens it again.
func (f *upload) closeSource() error {
	if f.closer != nil {
		_ = f.closer.Close() // it was only read
		f.from, f.closer = nil, nil
	}
	return nil
}

// open opens the target.
func (f *upload) open(co *deferred.Coro) (err error) {
	exclusive := f.o.Exclusive && !f.o.Atomic && f.handle == nil
	if f.o.Exclusive && f.handle == nil { // some servers ignore FXFExcl
		if err = f.mustNotExist(co, nil); err != nil {
			return err
		}
	}
	flags := filetransfer.FXFWrite
	switch {
	case f.start > 0:
	case exclusive:
		flags |= filetransfer.FXFCreat | filetransfer.FXFExcl
	default:
		flags |= filetransfer.FXFCreat | filetransfer.FXFTrunc
	}
	attempt := func() deferred.Deferred[*filetransfer.ClientFile] {
		return f.on.client.OpenFile(f.partName, flags, f.attrs())
	}
	withPermissions := f.attrs().Flags != 0 // another upload may change that meanwhile
	h, err := openHandle(co, f.s, attempt)
	if exclusive && err != nil && !isCancelled(err) {
		if err = f.mustNotExist(co, err); errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if withPermissions && mayDislikePermissions(err) {
		f.s.plainOpens = true // as long as the session lasts
		first := err
		if h, err = openHandle(co, f.s, attempt); err != nil {
			f.s.plainOpens = false
			if !isCancelled(err) {
				err = first
			}
			return err
		}
	}
	if err == nil {
		f.handle = h
	}
	return err
}

// mustNotExist returns an error that wraps fs.ErrExist if something has the name
// of the target, and err otherwise. Version 3 of the protocol has no status code
// for it.
func (f *upload) mustNotExist(co *deferred.Coro, err error) error {
	_, statErr := deferred.Await(co, f.s.GetAttrs(f.remote, false))
	switch {
	case statErr == nil:
		return &fs.PathError{Op: "open", Path: f.remote, Err: errors.Join(fs.ErrExist, err)}
	case isCancelled(statErr) || f.s.Lost() != nil:
		return statErr
	}
	return err
}

// attrs returns the attributes with which the target is created.
func (f *upload) attrs() (a filetransfer.Attrs) {
	if f.info == nil || f.s.plainOpens {
		return a
	}
	mode := f.info.Mode().Perm()
	if f.o.Resume || f.o.Preserve {
		mode |= 0o200 // the file is opened again, to continue, and on further channels
	}
	return a.WithMode(mode)
}

// write writes the content.
func (f *upload) write(co *deferred.Coro, striped bool) error {
	if !striped {
		f.writer.add(f.handle)
		err := f.writer.run(co)
		if f.start > 0 && refused(err) && (f.writer.confirmed == f.start || aboutSeeking(err)) {
			return errStartOver // the server does not continue files
		}
		return err
	}
	stripes := f.stripe(&f.writer.pipeline, f.on, func(co *deferred.Coro, l *channel) (*filetransfer.ClientFile, error) {
		return deferred.Await(co, l.client.OpenFile(f.partName, filetransfer.FXFWrite, filetransfer.Attrs{}))
	})
	f.writer.add(f.handle)
	stripes.begin()
	err := f.writer.run(co)
	closed := stripes.close(co)
	further := f.writer.failedOn != nil && f.writer.failedOn.file != f.handle
	if refused(err) && (further || aboutSeeking(err)) || err == nil && refused(closed) {
		return errStartOver
	}
	if err == nil {
		err = closed
	}
	return err
}

// aboutSeeking reports whether a server has refused a write because of its
// offset. There is no status code for it.
func aboutSeeking(err error) bool {
	status, ok := errors.AsType[*filetransfer.StatusError](err)
	return ok && strings.Contains(strings.ToLower(status.Message), "seek")
}
