package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/hook"
)

// breakOff ends the session because of an error of the client.
func (s *FileTransferServer) breakOff(err error) {
	if s.over() {
		return
	}
	s.log().Warn("filetransfer: protocol error of the client", "err", err)
	s.drain()
	s.broken, s.status = true, brokenStatus
	s.in, s.current = reader{}, nil
	s.close()
}

// drain writes all replies to the transport, although it may be full.
func (s *FileTransferServer) drain() {
	s.flush()
	s.stopped = false
	s.writeQueue()
}

// close ends the transport.
func (s *FileTransferServer) close() {
	if s.writeOwn == nil {
		s.Transport().UnregisterProducer()
	}
	if s.paused {
		s.paused = false
		s.Transport().ResumeProducing() // for the end of the connection
	}
	if t, ok := s.Transport().(interface{ Exit(status uint32) }); ok && s.status != 0 {
		t.Exit(s.status)
	} else {
		s.Transport().LoseConnection()
	}
}

// finish ends the session if the client has ended it, when everything is
// answered: it closes the files, and then the transport.
func (s *FileTransferServer) finish() {
	lost := !s.Connected()
	if s.ended || !s.eof || s.broken && !lost || s.inFlight > 0 || !lost && len(s.in.in) > 0 || s.processing {
		return
	}
	if !s.ending {
		s.ending = true
		s.closeHandles()
	}
	if s.open > 0 || s.ended {
		return
	}
	s.drain()
	s.ended = true
	s.logSession("ends")
	if err := hook.Call(s.server.SessionEnded); err != nil {
		hook.Log(s.log(), "SessionEnded", err)
	}
	if !lost {
		s.close()
	}
}
