package reactor

import "sync"

// readBuffer is what a read goes into. A connection holds one only during the read, so idle connections hold none.
type readBuffer [readSize]byte

var readBuffers bufferPool

// bufferPool keeps buffers that are not in use.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *readBuffer {
	if b, ok := p.pool.Get().(*readBuffer); ok {
		return b
	}
	return new(readBuffer)
}

func (p *bufferPool) put(b *readBuffer) { p.pool.Put(b) }

// spareBuffers keeps a few write buffers of the loop's connections for use again, so that idle connections hold none.
type spareBuffers struct {
	free [][]byte
	size int // of all
}

const (
	maxSpareTotal = 4 << 20  // bytes kept for use again
	maxSpareSize  = 64 << 10 // the largest buffer that is kept
)

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

func (s *spareBuffers) put(b []byte) {
	if cap(b) > 0 && cap(b) <= maxSpareSize && s.size+cap(b) <= maxSpareTotal {
		s.free = append(s.free, b[:0])
		s.size += cap(b)
	}
}
