//go:build unix

package reactor

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// newStream returns the stream of c: a rawStream if c is a socket of the
// operating system or made of files, a pipeStream for a pipe, else a connStream.
func newStream(c net.Conn) stream {
	if p, ok := c.(*pipeConn); ok {
		return newPipeStream(p)
	}
	if files, ok := c.(*standardFiles); ok && !files.slow {
		return newRawStream(c, files.in, files.out)
	}
	if !isSocket(c) {
		return newConnStream(c)
	}
	return newRawStream(c, c.(syscall.Conn), c.(syscall.Conn))
}

func newRawStream(c net.Conn, in, out syscall.Conn) stream {
	rawIn, err := in.SyscallConn()
	if err != nil {
		return newConnStream(c)
	}
	rawOut, err := out.SyscallConn()
	if err != nil {
		return newConnStream(c)
	}
	s := &rawStream{connStream: connStream{Conn: c}, in: rawIn, out: rawOut}
	_, s.unix = c.(*net.UnixConn)
	s.readable, s.writable = s.tryRead, s.tryWriteOnce
	return s
}

// isSocket reports whether c is a stream socket of the operating system.
func isSocket(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// rawStream is the stream of a socket of the operating system, or of two files.
// Its reader takes a buffer only when data has arrived, and the loop writes
// without a goroutine while the socket accepts data.
type rawStream struct {
	connStream
	in, out            syscall.RawConn // the same for a socket
	readable, writable func(fd uintptr) bool
	unix               bool // file descriptors may arrive

	// Used by the reader only: the result of tryRead.
	got piece
	err error

	// Used by the loop only: arguments and results of tryWriteOnce.
	data    []byte
	fds     []int
	n       int
	sendErr error
}

func (s *rawStream) read() (piece, error) {
	if err := s.in.Read(s.readable); err != nil {
		return piece{}, err
	}
	got := s.got
	s.got = piece{}
	return got, s.err
}

// tryRead reads once and reports whether there was data or an error. If not,
// the runtime calls it again when the socket is readable.
func (s *rawStream) tryRead(fd uintptr) bool {
	buf := readBuffers.get()
	n, fds, err := s.receive(int(fd), buf[:])
	if err == unix.EAGAIN {
		readBuffers.put(buf)
		return false
	}
	s.got = piece{data: readBuffers.detach(buf, max(n, 0)), fds: fds}
	s.err = readError(n, err)
	return true
}

func (s *rawStream) receive(fd int, buf []byte) (n int, fds []int, err error) {
	for {
		if s.unix {
			n, fds, err = receiveMessage(fd, buf)
		} else {
			n, err = unix.Read(fd, buf)
		}
		if err != unix.EINTR {
			return n, fds, err
		}
	}
}

func (s *rawStream) write(data []byte, fds []int) error {
	if len(fds) > 0 {
		defer closeDescriptors(fds)
		n, _, err := s.Conn.(*net.UnixConn).WriteMsgUnix(data, unix.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return s.connStream.write(data, nil)
}

func (s *rawStream) tryWrite(data []byte, fds []int) (n int, err error) {
	s.data, s.fds, s.n, s.sendErr = data, fds, 0, nil
	err = s.out.Write(s.writable)
	s.data, s.fds = nil, nil
	if err == nil {
		err = s.sendErr
	}
	return s.n, err
}

// tryWriteOnce writes once. It always returns true, because the loop must not
// wait until the socket is writable.
func (s *rawStream) tryWriteOnce(fd uintptr) bool {
	for {
		n, err := s.sendSome(int(fd))
		switch err {
		case unix.EINTR:
			continue
		case nil:
			s.n = n
		case unix.EAGAIN:
		default:
			s.sendErr = err
		}
		return true
	}
}

func (s *rawStream) sendSome(fd int) (int, error) {
	if len(s.fds) > 0 {
		return unix.SendmsgN(fd, s.data, unix.UnixRights(s.fds...), nil, 0)
	}
	return unix.Write(fd, s.data)
}

func (s *rawStream) tryCloseWrite() (bool, error) { return true, s.closeWrite() }
