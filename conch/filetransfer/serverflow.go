package filetransfer

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// canTake reports whether another request may begin.
func (s *FileTransferServer) canTake() bool {
	memory := int64(s.held+len(s.out)+s.queued) + s.unsent.Load()
	return s.inFlight < s.MaxRequests && memory < int64(s.MaxMemory)
}

// process handles the requests that have been received, while it may. It pauses
// the transport if it has to stop. The caller writes the replies.
func (s *FileTransferServer) process() {
	if s.processing {
		return
	}
	s.processing = true
	for !s.over() {
		if s.canTake() {
			if !s.receivePacket() {
				break
			}
			continue
		}
		s.blocked.Store(true)
		if !s.canTake() {
			break
		}
		s.blocked.Store(false)
	}
	s.processing = false
	s.throttle()
	s.finish()
}

// throttle pauses the transport while requests cannot begin.
func (s *FileTransferServer) throttle() {
	if full := !s.canTake(); full != s.paused && !s.over() && !s.eof {
		s.paused = full
		if full {
			s.Transport().PauseProducing()
		} else {
			s.Transport().ResumeProducing()
		}
	}
}

// resume continues a process that had to stop.
func (s *FileTransferServer) resume() {
	if s.paused || s.eof {
		s.process()
		s.flushSoon()
	}
}

// receivePacket handles the next packet. The result is false if there is none.
func (s *FileTransferServer) receivePacket() bool {
	packet, _, err := s.in.next()
	if err != nil {
		s.breakOff(err)
		return false
	}
	if packet == nil {
		if s.current != nil {
			s.release(s.current)
			s.current = nil
		}
		return false
	}
	c := &call{s: s, typ: PacketType(packet[0]), cost: len(packet)}
	if s.in.copied {
		c.packet = packet
	} else {
		c.chunk = s.current
		c.chunk.refs++
	}
	if err := s.request(c, packet[1:]); err != nil {
		s.breakOff(err)
	}
	return true
}

// release drops a reference to a chunk.
func (s *FileTransferServer) release(k *chunk) {
	if k.refs--; k.refs == 0 && k.p != nil && s.recycle != nil && s.Connected() {
		s.recycle(k.p)
	}
}

// request begins the call for a packet without its type. The result is an error
// that the client cannot be told with a status.
func (s *FileTransferServer) request(c *call, body []byte) error {
	d := wire.NewDecoder(body)
	if c.typ == fxpInit {
		return s.initReceived(c, &d)
	}
	if c.id = d.Uint32(); d.Err() != nil {
		return fmt.Errorf("%w: %s", errNoRequestID, c.typ)
	}
	if !s.greeted {
		return fmt.Errorf("%w: %s", errNoInit, c.typ)
	}
	s.inFlight++
	s.held += c.cost
	c.dispatch(&d)
	return nil
}
