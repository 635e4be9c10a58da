package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// download is the download of one file.
type download struct {
	*job
	remote string
	attrs  filetransfer.Attrs // of the remote file
	size   int64              // by attrs; -1 if it is to be read until it ends, and that has not been seen yet
	known  bool               // size is by attrs
	disk   disk               // nil if the target is a writer
	name   string             // of the target
	queue  taskQueue          // for the target
	on     *channel

	part     file // the local file while it is written
	partName string
	start    int64 // where a resumed one goes on
	next     int64 // offset of the chunk to be asked for next
	pipeline *pipeline
	begun    bool // part is open, for a large file
	sink     *sink
	out      output
}

func (j *job) newDownload(remote string, attrs filetransfer.Attrs, d disk, name string) *download {
	f := &download{job: j, remote: remote, attrs: attrs, size: -1, disk: d, name: name, partName: name, queue: taskQueue{loop: j.s.loop}}
	if attrs.Has(filetransfer.AttrSize) && (attrs.Size > 0 || !attrs.Has(filetransfer.AttrPermissions)) && attrs.Size <= 1<<62 {
		f.size, f.known = int64(attrs.Size), true // that of a file in /proc is 0, whatever is in it
	}
	if j.o.Atomic {
		f.partName = localPartOf(name)
	}
	return f
}

func (f *download) source() version { return versionOf(f.size, f.attrs.ModTime()) }

func (f *download) run(co *deferred.Coro) error {
	f.found(f.size)
	f.now.Name = f.remote
	f.on = f.lightest()
	load := max(f.size, 1)
	f.on.load += load
	defer func() { f.on.load -= load }()
	f.balance()
	if !f.known || f.size > filetransfer.MaxChunk || f.o.Resume || f.disk == nil {
		return f.large(co)
	}
	return f.small(co)
}

func (f *download) openRemote(on *channel) deferred.Deferred[*filetransfer.ClientFile] {
	return on.client.OpenFile(f.remote, filetransfer.FXFRead, filetransfer.Attrs{})
}

// small transfers a file of one chunk: the target is touched when the content is there.
func (f *download) small(co *deferred.Coro) error {
	h, err := deferred.Await(co, f.openRemote(f.on))
	if err != nil {
		return err
	}
	b, err := f.buffer(co, int(f.size))
	if err != nil {
		h.Close().AddErrback(ignore)
		return err
	}
	n, err := deferred.Await(co, h.ReadInto(0, b.Data()[:f.size]))
	h.Close().AddErrback(ignore)
	if err == nil && int64(n) < f.size || errors.Is(err, io.EOF) && f.size > 0 {
		err = ErrShort
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.Release()
		return err
	}
	f.moved(n)
	_, err = deferred.Await(co, do(&f.queue, func() error {
		defer b.Release()
		return f.save(b.Data()[:n])
	}))
	if isCancelled(err) {
		f.queue.idle(co)
	}
	if err == nil {
		f.now.Files++
	}
	return err
}

// save writes a whole file, on a thread.
func (f *download) save(content []byte) error {
	if err := f.create(); err != nil {
		return err
	}
	_ = f.out.write(content) // finish tells
	return f.finish(true)
}

// create opens the target, or its partial file, on a thread, for a new beginning or to go on at f.start.
func (f *download) create() (err error) {
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
	if f.part, err = f.disk.OpenFile(f.partName, flag, f.mode()|0o200); err != nil {
		return err
	}
	f.out = output{w: f.part, pos: f.start}
	if f.o.Sparse {
		f.out.sparse = f.part
	}
	if f.start > 0 {
		if err = f.part.Truncate(f.start); err == nil {
			_, err = f.part.Seek(f.start, io.SeekStart)
		}
		if err != nil {
			return errors.Join(err, f.part.Close())
		}
	}
	return nil
}

// mode returns the permissions that the target is made with, from which the umask is taken off.
func (f *download) mode() fs.FileMode {
	if f.attrs.Has(filetransfer.AttrPermissions) {
		return f.attrs.FileMode().Perm()
	}
	return 0o666
}

// finish closes the target, on a thread: complete, if everything that was to be written could be, or for a later transfer to go on with.
func (f *download) finish(complete bool) error {
	err := f.out.err
	if f.disk == nil {
		return err
	}
	if err == nil && f.out.hole {
		err = f.part.Truncate(f.out.pos)
	}
	if err == nil && complete && f.o.Sync {
		err = f.part.Sync()
	}
	if closed := f.part.Close(); err == nil {
		err = closed
	}
	if err == nil && complete {
		return f.commit()
	}
	if left := f.saveProgress(); err == nil {
		err = left
	}
	return err
}

// saveProgress marks what is there of the file as a beginning of this version of the source.
func (f *download) saveProgress() error {
	if f.out.pos == 0 && (f.o.Atomic || f.o.Exclusive) {
		return f.disk.Remove(f.partName)
	}
	if m := f.attrs.ModTime(); !m.IsZero() {
		return f.disk.Chtimes(f.partName, m, m)
	}
	return nil
}

// commit gives a complete file its attributes and its name.
func (f *download) commit() error {
	if f.o.Preserve {
		if err := f.preserve(f.disk, f.partName); err != nil {
			return err
		}
	}
	if f.partName != f.name {
		return f.disk.Rename(f.partName, f.name)
	}
	return nil
}

func (f *download) preserve(d disk, name string) error {
	var err error
	if f.attrs.Has(filetransfer.AttrPermissions) {
		err = d.Chmod(name, f.attrs.FileMode().Perm())
	}
	if m := f.attrs.ModTime(); err == nil && !m.IsZero() {
		err = d.Chtimes(name, f.attrs.AccessTime(), m)
	}
	return err
}

// large transfers a file chunk by chunk.
func (f *download) large(co *deferred.Coro) error {
	if f.o.Resume {
		complete, err := deferred.Await(co, threaded(&f.queue, f.look, nil))
		if complete {
			f.now.Skipped++
			f.now.Done += f.size
		}
		if err != nil || complete {
			return err
		}
	}
	f.now.Done += f.start
	if f.known {
		f.spread(f.size - f.start)
	}
	err := f.stream(co)
	if f.begun {
		whole := err == nil
		if _, finishErr := deferred.Await(co, do(&f.queue, func() error { return f.finish(whole) })); err == nil {
			err = finishErr
		}
	}
	if err == nil {
		f.now.Files++
		if !f.known {
			f.now.Total += f.size
		}
	}
	return err
}

// look finds out, on a thread, what is there of the file already, and reports whether nothing is missing.
func (f *download) look() (complete bool, _ error) {
	if info, err := f.disk.Stat(f.name); err == nil && isComplete(versionOf(info.Size(), info.ModTime()), f.source()) {
		return true, nil
	}
	if info, err := f.disk.Stat(f.partName); err == nil && info.Mode().IsRegular() {
		f.start = resumeAt(versionOf(info.Size(), info.ModTime()), f.source(), 0)
	}
	return false, nil
}

// begin opens the target; a file that cannot be read leaves alone what is there.
func (f *download) begin(co *deferred.Coro) error {
	if f.disk != nil {
		_, err := deferred.Await(co, threaded(&f.queue, func() (struct{}, error) { return struct{}{}, f.create() }, func(struct{}) {
			do(&f.queue, func() error { return f.finish(false) }).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil })
		}))
		if isCancelled(err) {
			f.queue.idle(co)
		}
		if err != nil {
			return err
		}
	}
	f.begun = true
	f.sink = &sink{queue: &f.queue, to: &f.out, next: f.start, ready: make(map[int64]chunk), failed: f.pipeline.stop, wrote: func() { f.written++ }}
	return nil
}

// stream opens the file and moves its content from f.start on.
func (f *download) stream(co *deferred.Coro) error {
	f.next = f.start
	f.pipeline = &pipeline{job: f.job, work: f.worker, open: f.openOn()}
	opened := f.openRemote(f.on)
	f.pipeline.begin(f.on)
	h, err := deferred.Await(co, opened)
	if err == nil {
		err = f.begin(co)
	}
	if err != nil {
		f.pipeline.stop(err)
	}
	err = f.pipeline.run(co, h)
	if h != nil {
		h.Close().AddErrback(ignore)
	}
	if f.begun {
		f.sink.drop()
	}
	return err
}

// errOtherFile is why a channel is not used for a download.
var errOtherFile = errors.New("sftp: on the further channel the file is another one")

// openOn opens the file on another channel, and makes sure that it is the same one: its attributes are asked for behind the open, without waiting for
// that.
func (f *download) openOn() func(*channel) deferred.Deferred[*filetransfer.ClientFile] {
	if !f.known {
		return nil
	}
	return func(l *channel) deferred.Deferred[*filetransfer.ClientFile] {
		return deferred.Inline(func(co *deferred.Coro) (*filetransfer.ClientFile, error) {
			opened, stat := f.openRemote(l), l.client.GetAttrs(f.remote, true)
			h, err := deferred.Await(co, opened)
			if err != nil {
				stat.AddErrback(func(error) (filetransfer.Attrs, error) { return filetransfer.Attrs{}, nil })
				return nil, err
			}
			attrs, err := deferred.Await(co, stat)
			if err == nil && versionOf(int64(attrs.Size), attrs.ModTime()) != f.source() {
				err = errOtherFile
			}
			if err != nil {
				h.Close().AddErrback(ignore)
			}
			return h, err
		})
	}
}

// worker moves a chunk and reports whether there may be another one.
func (f *download) worker(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) {
	if f.size >= 0 && f.next >= f.size {
		return false, nil
	}
	b, err := f.buffer(co, filetransfer.MaxChunk)
	if err != nil {
		return false, err
	}
	offset, n := f.next, filetransfer.MaxChunk
	if f.size >= 0 {
		n = int(min(int64(n), f.size-offset))
	}
	if n <= 0 {
		b.Release()
		return false, nil
	}
	f.next += int64(n)
	got, err := deferred.Await(co, h.ReadInto(uint64(offset), b.Data()[:n]))
	if got < n && (err == nil || errors.Is(err, io.EOF)) {
		err = f.ended(offset + int64(got))
	}
	if err != nil || got == 0 {
		b.Release()
		return false, err
	}
	f.moved(got)
	f.sink.put(offset, chunk{b, got})
	return true, f.sink.wait(co)
}

// ended notes where the file ends.
func (f *download) ended(size int64) error {
	if f.known {
		return ErrShort
	}
	if f.size < 0 || size < f.size {
		f.size = size
	}
	return nil
}
