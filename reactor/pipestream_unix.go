//go:build unix

package reactor

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pipeStream is the stream of a pipe or a terminal.
type pipeStream struct {
	rawStream
	writeOnly bool
}

// newPipeStream returns the stream of c. If the system cannot wait for the
// file together with others, that is a connStream.
func newPipeStream(c *pipeConn) stream {
	raw, err := c.SyscallConn()
	if err != nil || c.SetDeadline(time.Time{}) != nil {
		return newConnStream(c)
	}
	s := &pipeStream{rawStream: rawStream{connStream: connStream{Conn: c}, in: raw, out: raw}, writeOnly: !c.end.reads}
	s.readable, s.writable = s.tryRead, s.tryWriteOnce
	return s
}

// canWatch reports whether the read of an end that only writes returns when the
// other end is closed.
func canWatch(s stream) bool {
	_, ok := s.(*pipeStream)
	return ok
}

func (s *pipeStream) read() (piece, error) {
	if s.writeOnly {
		return s.watch()
	}
	got, err := s.rawStream.read()
	if errors.Is(err, unix.EIO) {
		return s.hungUp()
	}
	return got, err
}

// hungUp reads from a terminal that no process holds open any more. Output of
// the last process may still be on its way inside the Linux kernel when a read
// first fails, and the kernel waits for it at the start of each read. So only
// the second failure is the end.
func (s *pipeStream) hungUp() (piece, error) {
	got, err := s.rawStream.read()
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return got, err
}

// watch waits until the other end of the pipe is closed. The system reports
// that to readers too, as an error.
func (s *pipeStream) watch() (piece, error) {
	err := s.in.Read(brokenPipe)
	if errors.Is(err, os.ErrClosed) {
		return piece{}, err
	}
	return piece{}, io.EOF
}
