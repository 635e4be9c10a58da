package store

import (
	"io"
	"math"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// resize makes a file longer or shorter.
func (m *Memory) resize(n *node, size uint64) error {
	switch {
	case n.mode.IsDir():
		return syscall.EISDIR
	case !n.mode.IsRegular() || size > math.MaxInt64:
		return syscall.EINVAL
	case size <= uint64(len(n.data)):
		clear(n.data[size:])
		n.data = n.data[:size]
	case size > uint64(m.left)+uint64(cap(n.data)):
		return syscall.ENOSPC
	default:
		if err := m.grow(n, int(size)); err != nil {
			return err
		}
		n.data = n.data[:size]
	}
	n.modified = time.Now()
	return nil
}

// grow makes room for size bytes of data.
func (m *Memory) grow(n *node, size int) error {
	if size <= cap(n.data) {
		return nil
	}
	room := min(size+size/4, int(m.left)+cap(n.data))
	if room < size {
		return syscall.ENOSPC
	}
	m.left -= int64(room - cap(n.data))
	data := make([]byte, len(n.data), room)
	copy(data, n.data)
	n.data = data[:len(n.data):room]
	return nil
}

// OpenFile opens a file, or a directory for reading.
func (m *Memory) OpenFile(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	creates, writes := flags&filetransfer.FXFCreat != 0, flags&filetransfer.FXFWrite != 0
	if creates && mustBeDirectory(p) {
		return nil, syscall.EISDIR
	}
	at, err := m.find(p, flags&filetransfer.FXFExcl == 0)
	switch {
	case err != nil:
		return nil, err
	case at.n != nil && flags&filetransfer.FXFExcl != 0:
		return nil, syscall.EEXIST
	case at.n == nil && !creates:
		return nil, syscall.ENOENT
	case at.n != nil && at.n.mode.IsDir() && (writes || creates):
		return nil, syscall.EISDIR
	}
	if at.n == nil {
		at.n = newNode(modeOf(attrs, 0o644))
		if err := m.link(at, at.n); err != nil {
			return nil, err
		}
	}
	if flags&filetransfer.FXFTrunc != 0 {
		if err := m.resize(at.n, 0); err != nil {
			return nil, err
		}
	}
	at.n.open++
	return &memoryFile{m: m, n: at.n, flags: flags}, nil
}

// memoryFile is an open file of a Memory.
type memoryFile struct {
	filetransfer.BaseBlockingFile
	m     *Memory
	n     *node
	flags filetransfer.OpenFlags
}

func (f *memoryFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.open--
	f.m.release(f.n)
	return nil
}

func (f *memoryFile) ReadChunk(offset uint64, p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.n.mode.IsDir():
		return 0, syscall.EISDIR
	case f.flags&filetransfer.FXFRead == 0:
		return 0, syscall.EBADF
	case offset >= uint64(len(f.n.data)):
		return 0, io.EOF
	}
	return copy(p, f.n.data[offset:]), nil
}

func (f *memoryFile) WriteChunk(offset uint64, data []byte) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.flags&filetransfer.FXFWrite == 0 {
		return syscall.EBADF
	}
	if f.flags&filetransfer.FXFAppend != 0 {
		offset = uint64(len(f.n.data))
	}
	if end := offset + uint64(len(data)); len(data) > 0 && end > uint64(len(f.n.data)) {
		if err := f.m.resize(f.n, end); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		copy(f.n.data[offset:], data)
		f.n.modified = time.Now()
	}
	return nil
}

func (f *memoryFile) GetAttrs() (filetransfer.Attrs, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.n.attrs(), nil
}

func (f *memoryFile) SetAttrs(attrs filetransfer.Attrs) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if attrs.Has(filetransfer.AttrSize) && f.flags&filetransfer.FXFWrite == 0 {
		return syscall.EINVAL
	}
	return f.m.setAttrs(f.n, attrs)
}

func (f *memoryFile) Sync() error { return nil }
