package transfer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// store is the upload of one file.
type store struct {
	*job
	disk   disk
	name   string      // of the source; empty for a reader
	info   fs.FileInfo // of the source; nil for a reader
	size   int64       // by info; -1 for a reader, until it has ended
	remote string      // of the target
	line   line        // for the source
	on     *lane

	from     io.Reader // the source
	closer   io.Closer // the same, if it is a file
	partName string
	handle   *filetransfer.ClientFile
	start    int64 // where a resumed one goes on
	next     int64 // offset of the chunk to be read next
	acked    acked
	room     []deferred.Deferred[struct{}] // of those who wait until the chunks under way are not too far apart
}

func (j *job) newStore(d disk, name string, info fs.FileInfo, remote string) *store {
	f := &store{job: j, disk: d, name: name, info: info, size: -1, remote: remote, partName: remote, line: line{loop: j.s.loop}}
	if info != nil {
		f.size = info.Size()
	}
	if j.o.Atomic {
		f.partName = partOf(remote)
	}
	return f
}

func (f *store) source() version {
	if f.info == nil {
		return version{size: -1}
	}
	return versionOf(f.size, f.info.ModTime())
}

func (f *store) run(co *deferred.Coro) error {
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
func (f *store) openFlags() filetransfer.OpenFlags {
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
func (f *store) attrs() (a filetransfer.Attrs) {
	if f.info != nil {
		a = a.WithMode(f.info.Mode().Perm())
	}
	return a
}

// open opens the target on the file's lane, after what Exclusive asks for.
func (f *store) open(co *deferred.Coro) (err error) {
	if f.o.Exclusive && f.o.Atomic {
		if _, err := deferred.Await(co, f.s.client.GetAttrs(f.remote, false)); err == nil {
			return &fs.PathError{Op: "open", Path: f.remote, Err: fs.ErrExist}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f.handle, err = deferred.Await(co, f.on.client.OpenFile(f.partName, f.openFlags(), f.attrs()))
	if err == nil || !f.o.Exclusive {
		return err
	}
	if _, statErr := deferred.Await(co, f.s.client.GetAttrs(f.partName, false)); statErr == nil { // version 3 has no code for it
		err = &fs.PathError{Op: "open", Path: f.partName, Err: errors.Join(fs.ErrExist, err)}
	}
	return err
}

// content is a whole small file.
type content struct {
	b *filetransfer.Buffer
	n int
}

// small transfers a file of one chunk: read while the target is being opened.
func (f *store) small(co *deferred.Coro) error {
	b, err := f.buffer(co, int(f.size))
	if err != nil {
		return err
	}
	read := threaded(&f.line, func() (content, error) {
		n, err := f.readWhole(b.Data()[:f.size])
		if err != nil {
			b.Release()
		}
		return content{b, n}, err
	}, func(c content) { c.b.Release() })
	if err := f.open(co); err != nil {
		read.AddCallbacks(func(c content) (content, error) {
			c.b.Release()
			return content{}, nil
		}, func(error) (content, error) { return content{}, nil })
		read.Cancel()
		return err
	}
	c, err := deferred.Await(co, read)
	if err != nil {
		f.handle.Close().AddErrback(ignore)
		return err
	}
	written := f.handle.WriteBuffer(0, b, c.n)
	b.Release()
	return f.complete(co, written, int64(c.n))
}

// readWhole reads the source, which has to have the size it had, on a thread.
func (f *store) readWhole(p []byte) (int, error) {
	src, err := f.disk.OpenFile(f.name, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	n, err := io.ReadFull(src, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = ErrShort
	}
	return n, err
}

// complete sends what follows the content of a small file, and waits until everything is confirmed. The close need not wait for the content to
// be; attributes must, because there are servers that set them first.
func (f *store) complete(co *deferred.Coro, written deferred.Deferred[filetransfer.Status], n int64) error {
	all := []deferred.Deferred[filetransfer.Status]{written}
	if f.o.Preserve || f.o.Sync {
		if err := f.attend(co, written); err != nil {
			f.handle.Close().AddErrback(ignore)
			return err
		}
		all = nil
	}
	_, err := deferred.Await(co, deferred.Gather(append(all, f.handle.Close()), deferred.ConsumeErrors))
	if first, ok := errors.AsType[*deferred.FirstError](err); ok {
		err = first.Err
	}
	if err == nil {
		f.moved(int(n))
		err = f.rename(co)
	}
	if err == nil {
		f.now.Files++
	}
	return err
}

// attend waits until the content is written, and then does what Preserve and Sync ask for.
func (f *store) attend(co *deferred.Coro, written deferred.Deferred[filetransfer.Status]) error {
	_, err := deferred.Await(co, written)
	if err == nil && f.o.Preserve {
		_, err = deferred.Await(co, f.setAttrs(f.preserved()))
	}
	if err == nil && f.o.Sync && f.s.client.HasExtension("fsync@openssh.com") {
		_, err = deferred.Await(co, f.handle.Sync())
	}
	return err
}

// setAttrs changes attributes of the target, by its path where the server cannot do it by the handle.
func (f *store) setAttrs(attrs filetransfer.Attrs) deferred.Deferred[filetransfer.Status] {
	if attrs.Flags == 0 {
		return deferred.Succeed(filetransfer.Status{})
	}
	return f.handle.SetAttrs(attrs).AddErrbackDeferred(func(err error) deferred.Deferred[filetransfer.Status] {
		if errors.Is(err, errors.ErrUnsupported) {
			return f.s.client.SetAttrs(f.partName, attrs)
		}
		return deferred.Fail[filetransfer.Status](err)
	})
}

func (f *store) preserved() (a filetransfer.Attrs) {
	if f.info == nil {
		return a
	}
	return a.WithMode(f.info.Mode().Perm()).WithTimes(f.info.ModTime(), f.info.ModTime())
}

// rename gives a complete file its name.
func (f *store) rename(co *deferred.Coro) error {
	if f.partName == f.remote {
		return nil
	}
	c := f.s.client
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
func (f *store) large(co *deferred.Coro) error {
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
			f.leave(co)
		}
	}
	if f.closer != nil {
		do(&f.line, f.closer.Close).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil }) // it was only read
	}
	if err == nil {
		f.now.Files++
	}
	return err
}

// prepare finds out what is there of the target already, and opens the source to go on there; or reports that nothing is missing.
func (f *store) prepare(co *deferred.Coro) (complete bool, err error) {
	if f.o.Resume && f.info != nil {
		if v, ok := f.remoteVersion(co, f.remote); ok && isComplete(v, f.source()) {
			return true, nil
		}
		if v, ok := f.remoteVersion(co, f.partName); ok {
			f.start = resumeAt(v, f.source(), Overlap)
		}
	}
	if f.from != nil {
		return false, nil
	}
	src, err := deferred.Await(co, threaded(&f.line, func() (file, error) {
		src, err := f.disk.OpenFile(f.name, os.O_RDONLY, 0)
		if err == nil {
			_, err = src.Seek(f.start, io.SeekStart)
		}
		return src, err
	}, func(src file) { src.Close() }))
	f.from, f.closer = src, src
	return false, err
}

func (f *store) remoteVersion(co *deferred.Coro, name string) (version, bool) {
	a, err := deferred.Await(co, f.s.client.GetAttrs(name, true))
	if err != nil || !a.Has(filetransfer.AttrSize) || !a.FileMode().IsRegular() {
		return version{}, false
	}
	return versionOf(int64(min(a.Size, 1<<62)), a.ModTime()), true
}

// stream moves the content from f.start on.
func (f *store) stream(co *deferred.Coro) error {
	if f.start > 0 { // what is behind it may be of any kind
		if _, err := deferred.Await(co, f.setAttrs(filetransfer.Attrs{}.WithSize(uint64(f.start)))); err != nil {
			return err
		}
	}
	f.next, f.acked = f.start, acked{low: f.start}
	flow := &flow{job: f.job, work: f.worker, open: func(l *lane) deferred.Deferred[*filetransfer.ClientFile] {
		return l.client.OpenFile(f.partName, filetransfer.FXFWrite, filetransfer.Attrs{})
	}}
	return flow.run(co, f.handle, f.on)
}

// finish completes a file of which everything is there.
func (f *store) finish(co *deferred.Coro) error {
	end := f.acked.low
	attrs := filetransfer.Attrs{}
	if f.o.Preserve {
		attrs = f.preserved()
	}
	if f.o.Sparse && end > 0 { // it may end with a hole
		attrs = attrs.WithSize(uint64(end))
	}
	_, err := deferred.Await(co, f.setAttrs(attrs))
	if err == nil && f.o.Sync && f.s.client.HasExtension("fsync@openssh.com") {
		_, err = deferred.Await(co, f.handle.Sync())
	}
	if err != nil {
		f.leave(co)
		return err
	}
	stat, closed := f.handle.GetAttrs(), f.handle.Close()
	is, err := deferred.Await(co, stat)
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

// leave marks what is there of the target as a beginning of this version of the source, if the server still listens.
func (f *store) leave(co *deferred.Coro) {
	if f.mark(co) != nil && f.handle.Client().Lost() != nil {
		return // the next transfer goes back by Overlap
	}
	_, err := deferred.Await(co, f.handle.Close())
	if err == nil && f.acked.low == 0 && f.o.Atomic {
		_, _ = deferred.Await(co, f.s.client.RemoveFile(f.partName)) // or it stays, empty
	}
}

// mark cuts the target to what has been confirmed, and gives it the time of the source if that has worked.
func (f *store) mark(co *deferred.Coro) error {
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

// worker moves a chunk and reports whether there may be another one.
func (f *store) worker(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) {
	if f.size >= 0 && f.next >= f.size {
		return false, nil
	}
	b, err := f.buffer(co, filetransfer.MaxChunk)
	if err != nil {
		return false, err
	}
	offset, n, err := f.read(co, b)
	if err != nil || n == 0 {
		return false, err
	}
	if f.o.Sparse && isZero(b.Data()[:n]) {
		b.Release()
		f.now.Done += int64(n)
	} else {
		written := h.WriteBuffer(uint64(offset), b, n)
		b.Release()
		if _, err := deferred.Await(co, written); err != nil {
			return false, err
		}
		f.moved(n)
	}
	f.confirm(offset, n)
	return true, nil
}

func isZero(p []byte) bool {
	for block := range slices.Chunk(p, sparseBlock) {
		if string(block) != string(zeros[:len(block)]) {
			return false
		}
	}
	return true
}

// read reads the next chunk into b. At the end of the source it releases b and returns 0.
func (f *store) read(co *deferred.Coro, b *filetransfer.Buffer) (offset int64, n int, err error) {
	if err := f.keepTogether(co); err != nil {
		b.Release()
		return 0, 0, err
	}
	offset, want := f.next, filetransfer.MaxChunk
	if f.size >= 0 {
		want = int(min(int64(want), f.size-offset))
	}
	if want <= 0 {
		b.Release()
		return 0, 0, nil
	}
	f.next += int64(want)
	c, err := deferred.Await(co, threaded(&f.line, func() (content, error) {
		n, err := b.Fill(f.from, want)
		if err == io.EOF && f.info != nil {
			err = ErrShort
		} else if err == io.EOF && n > 0 {
			err = nil
		}
		if err != nil {
			b.Release()
		}
		return content{b, n}, err
	}, func(c content) { c.b.Release() }))
	if f.info == nil && (err == io.EOF || err == nil && c.n < want) {
		if end := offset + int64(c.n); f.size < 0 || end < f.size {
			f.size = end
		}
		if err == io.EOF {
			return 0, 0, nil
		}
	}
	return offset, c.n, err
}

// confirm notes that the server has n bytes at offset.
func (f *store) confirm(offset int64, n int) {
	f.acked.add(offset, int64(n))
	for len(f.room) > 0 && !f.tooFarApart() {
		d := f.room[0]
		f.room = f.room[1:]
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// tooFarApart reports whether with another chunk Overlap would not cover what is under way.
func (f *store) tooFarApart() bool { return f.next+filetransfer.MaxChunk-f.acked.low > Overlap }

// keepTogether waits until another chunk may be begun.
func (f *store) keepTogether(co *deferred.Coro) error {
	for f.tooFarApart() {
		d := deferred.New[struct{}]()
		f.room = append(f.room, d)
		if _, err := deferred.Await(co, d); err != nil {
			return err
		}
	}
	return nil
}

// acked is which part of a file the server has confirmed.
type acked struct {
	low  int64           // everything before it
	more map[int64]int64 // where further confirmed parts begin and end
}

func (a *acked) add(offset, n int64) {
	if offset != a.low {
		if a.more == nil {
			a.more = make(map[int64]int64)
		}
		a.more[offset] = offset + n
		return
	}
	a.low += n
	for end, ok := a.more[a.low]; ok; end, ok = a.more[a.low] {
		delete(a.more, a.low)
		a.low = end
	}
}
