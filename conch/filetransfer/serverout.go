package filetransfer

import (
	"encoding/binary"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// begin begins a reply. The caller appends the fields and calls end.
func (s *FileTransferServer) begin(typ PacketType) wire.Encoder {
	if s.out == nil {
		s.out = newBuffer(smallBuffer)[:0]
	}
	e := wire.NewEncoder(s.out)
	e.Uint32(0) // the length; see end
	e.Uint8(uint8(typ))
	return e
}

// end completes a reply.
func (s *FileTransferServer) end(e wire.Encoder) {
	start := len(s.out)
	s.out = e.Data()
	binary.BigEndian.PutUint32(s.out[start:], uint32(len(s.out)-start-lengthSize))
	if len(s.out) >= flushSize {
		s.flush()
	}
}

// flushSoon writes the replies in the next iteration of the loop, together with
// those of other requests that are done by then.
func (s *FileTransferServer) flushSoon() {
	if len(s.out) == 0 || s.flushing {
		return
	}
	s.flushing = true
	flush := func() {
		s.flushing = false
		s.flush()
	}
	if !s.loop.CallFromThread(flush) {
		flush()
	}
}

// flush writes the replies to the transport.
func (s *FileTransferServer) flush() {
	if len(s.out) > 0 {
		p := s.out
		s.out = nil
		s.write(p)
	}
}

// write passes a buffer of newBuffer to the transport.
func (s *FileTransferServer) write(p []byte) {
	if s.over() {
		return
	}
	if s.writeOwn == nil {
		s.queue = append(s.queue, p)
		s.queued += len(p)
		s.writeQueue()
		return
	}
	s.unsent.Add(int64(len(p)))
	s.writeOwn(p, func() { // on any goroutine
		s.unsent.Add(-int64(len(p)))
		putBuffer(p)
		if s.blocked.CompareAndSwap(true, false) {
			s.loop.CallFromThread(s.resume)
		}
	})
}

// writeQueue writes the buffers that wait, for a transport that copies them.
func (s *FileTransferServer) writeQueue() {
	for len(s.queue) > 0 && !s.stopped {
		p := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.queued -= len(p)
		s.Transport().Write(p)
		putBuffer(p)
	}
}
