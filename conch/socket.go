package conch

import (
	"context"
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
	life      context.Context         // done when a Read or Write has failed, or Close was called, or the transport ends; its cause is the first of these
	end       context.CancelCauseFunc // ends it
	heard     atomic.Bool             // something has come since the keepalive looked last
	onVersion func(line string)
	line      []byte // the line being read, until the version line is complete; only the reading goroutine uses it
}

func newSocket(ctx context.Context, c net.Conn, onVersion func(line string)) *socket {
	s := &socket{Conn: c, onVersion: onVersion, line: make([]byte, 0, 64)}
	s.life, s.end = context.WithCancelCause(ctx)
	return s
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
		s.end(err)
		err = context.Cause(s.life)
	}
	return n, err
}

// Write ends the connection if it fails: half a packet cannot be taken back, and who waits for an answer need not wait for Read to notice.
func (s *socket) Write(p []byte) (int, error) {
	if s.life.Err() != nil {
		return 0, context.Cause(s.life)
	}
	n, err := s.Conn.Write(p)
	if err != nil {
		s.end(err)
		s.Conn.Close()
	}
	return n, err
}

func (s *socket) Close() error {
	s.end(net.ErrClosed)
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
