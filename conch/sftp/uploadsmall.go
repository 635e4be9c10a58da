package sftp

import (
	"errors"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// content is a whole small file.
type content struct {
	b *buffer
	n int
}

// small transfers a file of one chunk: read while the target is being opened.
func (f *upload) small(co *deferred.Coro) error {
	b, err := f.buffer(co, int(f.size))
	if err != nil {
		return err
	}
	read := threaded(&f.queue, func() (content, error) {
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
		f.undo()
		return err
	}
	written := b.write(f.handle, 0, c.n)
	b.Release()
	return f.complete(co, written, int64(c.n))
}

// readWhole reads the source, which has to have the size it had, on a thread.
func (f *upload) readWhole(p []byte) (int, error) {
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
func (f *upload) complete(co *deferred.Coro, written deferred.Deferred[filetransfer.Status], n int64) error {
	all := []deferred.Deferred[filetransfer.Status]{written}
	if f.o.Preserve || f.o.Sync {
		if err := f.attend(co, written); err != nil {
			f.undo()
			return err
		}
		all = nil
	}
	_, err := deferred.Await(co, deferred.Gather(append(all, f.handle.Close()), deferred.ConsumeErrors))
	if first, ok := errors.AsType[*deferred.FirstError](err); ok {
		err = first.Err
	}
	if err != nil {
		f.undo()
		return err
	}
	f.moved(int(n))
	if err = f.rename(co); err == nil {
		f.now.Files++
	}
	return err
}

// undo closes the target of a file that has failed, and removes what Atomic or Exclusive have made of it. Nobody waits for that.
func (f *upload) undo() {
	f.handle.Close().AddErrback(ignore)
	if f.o.Atomic || f.o.Exclusive {
		f.on.client.RemoveFile(f.partName).AddErrback(ignore)
	}
}

// attend waits until the content is written, and then does what Preserve and Sync ask for.
func (f *upload) attend(co *deferred.Coro, written deferred.Deferred[filetransfer.Status]) error {
	_, err := deferred.Await(co, written)
	if err == nil && f.o.Preserve {
		_, err = deferred.Await(co, f.setAttrs(f.preserved()))
	}
	if err == nil && f.o.Sync && f.s.HasExtension("fsync@openssh.com") {
		_, err = deferred.Await(co, f.handle.Sync())
	}
	return err
}
