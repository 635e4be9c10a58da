package conch

import (
	"net"
	"strings"
	"sync/atomic"
)

// maxVersionLine is how much of the peer's version line is kept; RFC 4253, section 4.2, allows 255 bytes.
const maxVersionLine = 255

// socket is the net.Conn under an SSH transport. It notes what x/crypto/ssh does not tell: that the version line has come, and that the
// connection has ended, which it knows before any channel does.
type socket struct {
	net.Conn
	ended     atomic.Bool           // a Read or Write has failed, or Close was called
	broken    atomic.Pointer[error] // why a Write has failed; nil if none has
	closed    atomic.Bool           // Close was called
	heard     atomic.Bool           // something has come since the keepalive looked last
	onVersion func(line string)
	onEnd     func(err error) // called when a Read fails and Close was not called; nil if nobody wants to know
	line      []byte          // the line being read, until the version line is complete; only the reading goroutine uses it
}

func newSocket(c net.Conn, onVersion func(line string)) *socket {
	return &socket{Conn: c, onVersion: onVersion, line: make([]byte, 0, 64)}
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.heard.Store(true)
	}
	if s.line != nil {
		s.watch(p[:n])
	}
	if err != nil {
		if broken := s.broken.Load(); broken != nil {
			err = *broken
		}
		s.ended.Store(true)
		if s.onEnd != nil && !s.closed.Load() {
			s.onEnd(err)
		}
	}
	return n, err
}

// Write ends the connection if it fails: half a packet cannot be taken back, and who waits for an answer need not wait for Read to notice.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil {
		s.broken.CompareAndSwap(nil, &err)
		s.ended.Store(true)
		s.Conn.Close()
	}
	return n, err
}

func (s *socket) Close() error {
	s.closed.Store(true)
	s.ended.Store(true)
	return s.Conn.Close()
}

// watch looks for the version line; other lines may come before it.
func (s *socket) watch(p []byte) {
	for _, b := range p {
		switch {
		case b != '\n':
			if len(s.line) < maxVersionLine {
				s.line = append(s.line, b)
			}
		case len(s.line) >= 4 && string(s.line[:4]) == "SSH-":
			s.onVersion(strings.TrimSuffix(string(s.line), "\r"))
			s.line = nil
			return
		default:
			s.line = s.line[:0]
		}
	}
}
