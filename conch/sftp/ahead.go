package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	firstAhead = 32 << 10 // bytes of the first block that is read
	maxAhead   = 16       // blocks under way at a time
)

// ahead is what is read of a file in advance: blocks one after another. It belongs to the holder of the file's lock.
type ahead struct {
	blocks []*block
	free   [][]byte // memory of blocks that were used up
	next   int64    // offset of the block after these
	depth  int      // how many blocks to keep under way
	as     int64    // the file's count of changes when this was begun
	end    error    // what comes after the blocks, if that is known: io.EOF, or why the file cannot be read on
}

// block is a part of the file.
type block struct {
	mem  []byte
	done chan struct{} // closed by the loop when n and err are there
	n    int
	err  error
	used int
	d    deferred.Deferred[int] // the loop's; zero if it was not begun
}

// next returns bytes at the file's offset, or why there are none. want says how many the caller could use.
func (f *File) next(want int) ([]byte, error) {
	offset, err := f.position()
	if err != nil {
		return nil, err
	}
	data, err := f.nextAt(offset, want)
	return data, f.readError(offset, len(data), err)
}

func (f *File) nextAt(offset int64, want int) ([]byte, error) {
	a := f.begin(1)
	if err := f.fill(a, want); err != nil {
		return nil, err
	}
	if len(a.blocks) > 0 {
		b := a.blocks[0]
		select {
		case <-b.done:
		case <-f.io.Done():
			f.forget()
			return nil, context.Cause(f.io)
		}
		if b.n < len(b.mem) && a.end == nil {
			f.endAfter(a, b)
		}
		if b.used < b.n {
			return b.mem[b.used:b.n], nil
		}
	}
	f.forget() // by the next time, the file may have grown
	return nil, a.end
}

// begin sees to it that there is an ahead which was begun after the last change of the file.
func (f *File) begin(depth int) *ahead {
	if f.ahead != nil && f.ahead.as != f.h.changes.Load() {
		f.forget()
	}
	if f.ahead == nil {
		f.ahead = &ahead{next: f.offset, depth: depth, as: f.h.changes.Load()}
	}
	return f.ahead
}

// endAfter notes that nothing comes after the first block, or instead of it.
func (f *File) endAfter(a *ahead, b *block) {
	f.cancel(a.blocks[1:])
	a.blocks = a.blocks[:1]
	if a.end = b.err; b.err == nil || errors.Is(b.err, io.EOF) {
		a.end = io.EOF
	}
}

// took notes that n bytes of what next has returned were used.
func (f *File) took(n int) {
	f.offset += int64(n)
	a := f.ahead
	if a == nil || len(a.blocks) == 0 {
		return
	}
	b := a.blocks[0]
	if b.used += n; b.used == b.n {
		a.blocks = a.blocks[1:]
		a.free = append(a.free, b.mem)
		a.depth = min(2*a.depth, maxAhead)
	}
}

// fill sees to it that blocks are under way.
func (f *File) fill(a *ahead, want int) error {
	if a.end != nil || len(a.blocks) > a.depth/2 {
		return nil
	}
	size := filetransfer.MaxChunk
	if a.depth == 1 {
		size = min(max(want, firstAhead), size)
	}
	first := len(a.blocks)
	offset := a.next
	for len(a.blocks) < a.depth {
		a.blocks = append(a.blocks, &block{mem: a.memory(size), done: make(chan struct{})})
		a.next += int64(size)
	}
	fresh := a.blocks[first:len(a.blocks):len(a.blocks)]
	_, err := call(f.io, f.c, func() deferred.Deferred[struct{}] {
		for i, b := range fresh {
			b.begin(f.h.file, offset+int64(i*size))
		}
		return deferred.Succeed(struct{}{})
	})
	if err != nil {
		f.forget()
	}
	return err
}

func (a *ahead) memory(size int) []byte {
	for len(a.free) > 0 {
		mem := a.free[len(a.free)-1]
		a.free = a.free[:len(a.free)-1]
		if len(mem) == size {
			return mem
		}
	}
	return make([]byte, size)
}

// begin and cancel run on the loop.
func (b *block) begin(file *filetransfer.ClientFile, offset int64) {
	b.d = file.ReadInto(uint64(offset), b.mem)
	b.d.AddBoth(func(n int, err error) (int, error) {
		b.n, b.err = n, err
		close(b.done)
		return 0, nil
	})
}

func (b *block) cancel() {
	if b.d != (deferred.Deferred[int]{}) {
		b.d.Cancel()
	}
}

// forget gives up what was read ahead.
func (f *File) forget() {
	if f.ahead != nil {
		f.cancel(f.ahead.blocks)
		f.ahead = nil
	}
}

// cancel gives up what is under way of blocks.
func (f *File) cancel(blocks []*block) {
	if len(blocks) == 0 {
		return
	}
	_ = f.c.onLoop(func() { // a loop that has ended does nothing any more
		for _, b := range blocks {
			b.cancel()
		}
	})
}

// Read reads the next bytes of the file. Sequential reads are read ahead.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.unlock()
	if err := f.usable(filetransfer.FXFRead); err != nil {
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

// ReadAt reads len(p) bytes at offset. It returns fewer only with an error, which
// is io.EOF at the end of the file.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	err := f.usable(filetransfer.FXFRead)
	switch {
	case err != nil:
		return 0, f.err("read", err)
	case offset < 0:
		return 0, f.err("readat", errNegative)
	case len(p) == 0:
		return 0, nil
	}
	n, err := callAndWait(f.io, f.c, func() deferred.Deferred[int] { return f.h.file.ReadInto(uint64(offset), p) }, nil)
	err = f.readError(offset, n, err)
	if errors.Is(err, io.EOF) || err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, f.err("read", err)
}

// WriteTo writes what is left of the file to w, for io.Copy: it keeps many requests under way.
func (f *File) WriteTo(w io.Writer) (total int64, err error) {
	switch to, ok := w.(*File); {
	case ok && to == f:
		return 0, f.err("write", fs.ErrInvalid) // it would not end
	case ok:
		return to.ReadFrom(struct{ io.Reader }{f}) // which keeps many writes under way as well
	}
	f.mu.Lock()
	defer f.unlock()
	if err := f.usable(filetransfer.FXFRead); err != nil {
		return 0, f.err("read", err)
	}
	for {
		data, err := f.next(filetransfer.MaxChunk)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, f.err("read", err)
		}
		n, err := w.Write(data)
		f.took(n)
		total += int64(n)
		if err == nil && n < len(data) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
}
