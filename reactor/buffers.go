package reactor

import "sync"

const (
	// readSize is the size of a read buffer, and so the largest number of
	// bytes that one read can bring.
	readSize = 64 << 10

	// copySize is the largest number of bytes that are copied out of a read
	// buffer, so that the buffer can be reused at once. Larger data keeps the
	// buffer.
	copySize = 16 << 10
)

// readBuffer is the destination of a read. An idle connection should not hold
// one.
type readBuffer [readSize]byte

var readBuffers bufferPool

// bufferPool holds unused read buffers. Any goroutine may use it.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *readBuffer {
	if b, ok := p.pool.Get().(*readBuffer); ok {
		return b
	}
	return new(readBuffer)
}

func (p *bufferPool) put(b *readBuffer) { p.pool.Put(b) }

// detach returns the first n bytes of b. The caller owns the result and must
// not use b any more.
func (p *bufferPool) detach(b *readBuffer, n int) []byte {
	if n > copySize {
		return b[:n:n]
	}
	data := cloneBytes(b[:n])
	p.put(b)
	return data
}

// cloneBytes returns a copy of p, or nil if p is empty.
func cloneBytes(p []byte) []byte { return append([]byte(nil), p...) }

// spareBuffers holds unused write buffers of the connections of one loop, so
// that an idle connection holds none.
type spareBuffers struct {
	free [][]byte
	size int // total capacity of free, in bytes
}

const (
	maxSpareTotal = 4 << 20  // total capacity of all spare buffers, in bytes
	maxSpareSize  = 64 << 10 // capacity of the largest spare buffer, in bytes
)

// get returns an empty buffer, or nil if none is spare.
func (s *spareBuffers) get() []byte {
	last := len(s.free) - 1
	if last < 0 {
		return nil
	}
	b := s.free[last]
	s.free = s.free[:last]
	s.size -= cap(b)
	return b
}

// put takes a buffer that the caller no longer uses.
func (s *spareBuffers) put(b []byte) {
	if cap(b) > 0 && cap(b) <= maxSpareSize && s.size+cap(b) <= maxSpareTotal {
		s.free = append(s.free, b[:0])
		s.size += cap(b)
	}
}
