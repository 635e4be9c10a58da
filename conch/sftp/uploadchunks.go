package sftp

import (
	"io"
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// worker moves a chunk and reports whether there may be another one.
func (f *upload) worker(co *deferred.Coro, h *filetransfer.ClientFile) (more bool, err error) {
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
		written := b.write(h, offset, n)
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
func (f *upload) read(co *deferred.Coro, b *buffer) (offset int64, n int, err error) {
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
	c, err := deferred.Await(co, threaded(&f.queue, func() (content, error) {
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
func (f *upload) confirm(offset int64, n int) {
	f.acked.add(offset, int64(n))
	for len(f.room) > 0 && !f.tooFarApart() {
		d := f.room[0]
		f.room = f.room[1:]
		_ = d.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// tooFarApart reports whether with another chunk Overlap would not cover what is under way.
func (f *upload) tooFarApart() bool { return f.next+filetransfer.MaxChunk-f.acked.low > Overlap }

// keepTogether waits until another chunk may be begun.
func (f *upload) keepTogether(co *deferred.Coro) error {
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
