package filetransfer

import "sync"

// The sizes of the buffers that servers use again: for packets with 32 KiB of
// file data, which most clients send, and for the largest packets.
const (
	smallBuffer = safeChunk + 1<<10
	largeBuffer = maxData + 1<<10

	// minPooled is the size from which a buffer is worth using again.
	minPooled = 2 << 10
)

var smallBuffers, largeBuffers sync.Pool

// newBuffer returns n bytes of memory with any contents. Any goroutine may call
// it and putBuffer.
func newBuffer(n int) []byte {
	switch {
	case n < minPooled || n > largeBuffer:
		return make([]byte, n)
	case n <= smallBuffer:
		if p, ok := smallBuffers.Get().(*[smallBuffer]byte); ok {
			return p[:n]
		}
		return make([]byte, n, smallBuffer)
	default:
		if p, ok := largeBuffers.Get().(*[largeBuffer]byte); ok {
			return p[:n]
		}
		return make([]byte, n, largeBuffer)
	}
}

// putBuffer takes back a buffer that nothing refers to. It ignores slices that
// are not from newBuffer.
func putBuffer(p []byte) {
	switch cap(p) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(p[:smallBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(p[:largeBuffer]))
	}
}

// chunk is a piece of received data. Packets that lie in it share its memory.
type chunk struct {
	p    []byte // nil if the transport does not get it back
	refs int    // packets in use, and 1 while the chunk is parsed
}
