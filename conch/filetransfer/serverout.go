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
	s.flushing = s.loop != nil && s.loop.CallFromThread(func() {
		s.flushing = false
		s.flush()
	})
	if !s.flushing {
		s.flush()
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
		s.Transport().Write(p)
		putBuffer(p)
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
