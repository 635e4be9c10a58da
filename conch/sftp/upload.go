package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// upload is the upload of one file.
type upload struct {
	*job
	disk   disk
	name   string      // of the source; empty for a reader
	info   fs.FileInfo // of the source; nil for a reader
	size   int64       // by info; -1 for a reader, until it has ended
	remote string      // of the target
	queue  taskQueue   // for the source
	on     *channel

	from     io.Reader // the source
	closer   io.Closer // the same, if it is a file
	partName string
	handle   *filetransfer.ClientFile
	pipeline *pipeline // nil before the first chunk
	start    int64     // where a resumed one goes on
	next     int64     // offset of the chunk to be read next
	acked    acked
	room     []deferred.Deferred[struct{}] // of those who wait until the chunks under way are not too far apart
}

func (j *job) newUpload(d disk, name string, info fs.FileInfo, remote string) *upload {
	f := &upload{job: j, disk: d, name: name, info: info, size: -1, remote: remote, partName: remote, queue: taskQueue{loop: j.s.loop}}
	if info != nil {
		f.size = info.Size()
	}
	if j.o.Atomic {
		f.partName = partOf(remote)
	}
	return f
}

func (f *upload) source() version {
	if f.info == nil {
		return version{size: -1}
	}
	return versionOf(f.size, f.info.ModTime())
}

func (f *upload) run(co *deferred.Coro) error {
	f.found(f.size)
	f.now.Name = f.name
	f.on = f.lightest()
	load := max(f.size, 1)
	f.on.load += load
	defer func() { f.on.load -= load }()
	f.balance()
	if f.info != nil && f.size <= filetransfer.MaxChunk && !f.o.Resume {
		return f.small(co)
	}
	return f.large(co)
}

// openFlags returns how the target is opened for a new beginning, or to go on.
func (f *upload) openFlags() filetransfer.OpenFlags {
	flags := filetransfer.FXFWrite
	switch {
	case f.start > 0:
	case f.o.Exclusive && !f.o.Atomic:
		flags |= filetransfer.FXFCreat | filetransfer.FXFExcl
	default:
		flags |= filetransfer.FXFCreat | filetransfer.FXFTrunc
	}
	return flags
}

// attrs returns what the target is made with.
func (f *upload) attrs() (a filetransfer.Attrs) {
	if f.info == nil {
		return a
	}
	mode := f.info.Mode().Perm()
	if f.o.Resume || f.o.Preserve {
		mode |= 0o200 // it is opened again, to go on, and on further channels
	}
	return a.WithMode(mode)
}

// open opens the target on the file's channel, after what Exclusive asks for.
func (f *upload) open(co *deferred.Coro) (err error) {
	if f.o.Exclusive && f.o.Atomic {
		if _, err := deferred.Await(co, f.s.GetAttrs(f.remote, false)); err == nil {
			return &fs.PathError{Op: "open", Path: f.remote, Err: fs.ErrExist}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f.handle, err = deferred.Await(co, f.on.client.OpenFile(f.partName, f.openFlags(), f.attrs()))
	if err == nil || !f.o.Exclusive || isCancelled(err) {
		return err
	}
	if _, statErr := deferred.Await(co, f.s.GetAttrs(f.partName, false)); statErr == nil { // version 3 has no code for it
		err = &fs.PathError{Op: "open", Path: f.partName, Err: errors.Join(fs.ErrExist, err)}
	}
	return err
}

// setAttrs changes attributes of the target, by its path where the server cannot do it by the handle.
func (f *upload) setAttrs(attrs filetransfer.Attrs) deferred.Deferred[filetransfer.Status] {
	if attrs.Flags == 0 {
		return deferred.Succeed(filetransfer.Status{})
	}
	return f.handle.SetAttrs(attrs).AddErrbackDeferred(func(err error) deferred.Deferred[filetransfer.Status] {
		if errors.Is(err, errors.ErrUnsupported) {
			return f.s.SetAttrs(f.partName, attrs)
		}
		return deferred.Fail[filetransfer.Status](err)
	})
}

func (f *upload) preserved() (a filetransfer.Attrs) {
	if f.info == nil {
		return a
	}
	return a.WithMode(f.info.Mode().Perm()).WithTimes(f.info.ModTime(), f.info.ModTime())
}

// rename gives a complete file its name.
func (f *upload) rename(co *deferred.Coro) error {
	if f.partName == f.remote {
		return nil
	}
	c := f.s.FileTransferClient
	if c.HasExtension("posix-rename@openssh.com") {
		_, err := deferred.Await(co, c.PosixRename(f.partName, f.remote))
		return err
	}
	if _, err := deferred.Await(co, c.RenameFile(f.partName, f.remote)); err == nil || isCancelled(err) {
		return err
	}
	if _, err := deferred.Await(co, c.RemoveFile(f.remote)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := deferred.Await(co, c.RenameFile(f.partName, f.remote))
	return err
}

// large transfers a file chunk by chunk.
func (f *upload) large(co *deferred.Coro) error {
	complete, err := f.prepare(co)
	if err != nil || complete {
		if complete {
			f.now.Skipped++
			f.now.Done += f.size
		}
		return err
	}
	f.now.Done += f.start
	if f.size >= 0 {
		f.spread(f.size - f.start)
	}
	if err = f.open(co); err == nil {
		if err = f.stream(co); err == nil {
			err = f.finish(co)
		} else {
			f.saveProgress(co)
		}
	}
	if f.closer != nil {
		do(&f.queue, f.closer.Close).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil }) // it was only read
	}
	if err == nil {
		f.now.Files++
		if f.info == nil {
			f.now.Total += f.size
		}
	}
	return err
}

// prepare finds out what is there of the target already, and opens the source to go on there; or reports that nothing is missing.
func (f *upload) prepare(co *deferred.Coro) (complete bool, err error) {
	if f.o.Resume && f.info != nil {
		if v, err := f.remoteVersion(co, f.remote); err != nil || isComplete(v, f.source()) {
			return err == nil, err
		}
		v, err := f.remoteVersion(co, f.partName)
		if err != nil {
			return false, err
		}
		f.start = resumeAt(v, f.source(), Overlap)
	}
	if f.from != nil {
		return false, nil
	}
	src, err := deferred.Await(co, threaded(&f.queue, func() (file, error) {
		src, err := f.disk.OpenFile(f.name, os.O_RDONLY, 0)
		if err == nil {
			if _, err = src.Seek(f.start, io.SeekStart); err != nil {
				src.Close()
			}
		}
		return src, err
	}, func(src file) { src.Close() }))
	f.from, f.closer = src, src
	return false, err
}

// remoteVersion returns the version of a file at the server; of what is no file, or cannot be looked at, the size is not known.
func (f *upload) remoteVersion(co *deferred.Coro, name string) (version, error) {
	a, err := deferred.Await(co, f.s.GetAttrs(name, true))
	if isCancelled(err) {
		return version{}, err
	}
	if err != nil || !a.Has(filetransfer.AttrSize) || !a.FileMode().IsRegular() {
		return version{size: -1}, nil
	}
	return versionOf(int64(min(a.Size, 1<<62)), a.ModTime()), nil
}

// stream moves the content from f.start on.
func (f *upload) stream(co *deferred.Coro) error {
	if f.start > 0 { // what is behind it may be of any kind
		if _, err := deferred.Await(co, f.setAttrs(filetransfer.Attrs{}.WithSize(uint64(f.start)))); err != nil {
			return err
		}
	}
	f.next, f.acked = f.start, acked{low: f.start}
	f.pipeline = &pipeline{job: f.job, work: f.worker, open: func(l *channel) deferred.Deferred[*filetransfer.ClientFile] {
		return l.client.OpenFile(f.partName, filetransfer.FXFWrite, filetransfer.Attrs{})
	}}
	f.pipeline.begin(f.on)
	return f.pipeline.run(co, f.handle)
}

// finish completes a file of which everything is there.
func (f *upload) finish(co *deferred.Coro) error {
	end := f.acked.low
	attrs := filetransfer.Attrs{}
	if f.o.Preserve {
		attrs = f.preserved()
	}
	if f.o.Sparse && end > 0 { // it may end with a hole
		attrs = attrs.WithSize(uint64(end))
	}
	_, err := deferred.Await(co, f.setAttrs(attrs))
	if err == nil && f.o.Sync && f.s.HasExtension("fsync@openssh.com") {
		_, err = deferred.Await(co, f.handle.Sync())
	}
	if err != nil {
		f.saveProgress(co)
		return err
	}
	stat, closed := f.handle.GetAttrs(), f.handle.Close()
	is, err := deferred.Await(co, stat)
	if _, refused := errors.AsType[*filetransfer.StatusError](err); refused {
		err = nil // every write was confirmed
	}
	if err == nil && is.Has(filetransfer.AttrSize) && is.FileMode().IsRegular() && int64(is.Size) != end {
		err = ErrShort
	}
	if err != nil {
		closed.AddErrback(ignore)
		return err
	}
	_, err = deferred.Await(co, closed)
	if err != nil {
		return err
	}
	return f.rename(co)
}

// saveTimeout is how long a server may take to put in order what is there of a file that was stopped.
const saveTimeout = 5 * time.Second

// saveProgress marks what is there of the target as a beginning of this version of the source, if the server still listens. Else the next transfer goes
// back by Overlap.
func (f *upload) saveProgress(co *deferred.Coro) {
	d := deferred.Inline(func(co *deferred.Coro) (struct{}, error) { return struct{}{}, f.markAndClose(co) })
	_, _ = deferred.Await(co, d.AddTimeout(f.s.loop, saveTimeout)) // there is another error already
}

func (f *upload) markAndClose(co *deferred.Coro) error {
	err := f.waitClosed(co)
	if err == nil {
		err = f.mark(co)
	}
	closed := f.handle.Close()
	if isCancelled(err) {
		closed.AddErrback(ignore)
		return err
	}
	_, err = deferred.Await(co, closed)
	if err == nil && f.acked.low == 0 && (f.o.Atomic || f.o.Exclusive) {
		_, err = deferred.Await(co, f.s.RemoveFile(f.partName)) // or it stays, empty
	}
	return err
}

// waitClosed waits until the servers of further channels have done what they were told: a write that was given up would else come after the mark.
func (f *upload) waitClosed(co *deferred.Coro) error {
	if f.pipeline == nil {
		return nil
	}
	all, err := deferred.Await(co, f.pipeline.closed)
	for _, channel := range all {
		if err == nil {
			err = channel.Err
		}
	}
	return err
}

// mark cuts the target to what has been confirmed, and gives it the time of the source if that has worked.
func (f *upload) mark(co *deferred.Coro) error {
	_, err := deferred.Await(co, f.setAttrs(filetransfer.Attrs{}.WithSize(uint64(f.acked.low))))
	if err != nil || f.info == nil {
		return err
	}
	is, err := deferred.Await(co, f.handle.GetAttrs())
	if err == nil && int64(is.Size) == f.acked.low {
		_, err = deferred.Await(co, f.setAttrs(filetransfer.Attrs{}.WithTimes(f.info.ModTime(), f.info.ModTime())))
	}
	return err
}
