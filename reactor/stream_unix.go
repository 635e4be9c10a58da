//go:build unix

package reactor

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// newStream returns the best way to read and write c: sockets of the system can be written without blocking.
func newStream(c net.Conn) stream {
	sc, ok := c.(syscall.Conn)
	if !ok || !isSocket(c) {
		return plainStream{c}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return plainStream{c}
	}
	s := &rawStream{plainStream: plainStream{c}, raw: raw}
	_, s.unix = c.(*net.UnixConn)
	s.readable, s.writable = s.tryRead, s.tryWriteOnce
	return s
}

// isSocket reports whether c is a socket of the operating system.
func isSocket(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// rawStream is a socket of the system. The reader holds a buffer only when there is something to read, and the loop writes without a
// goroutine as long as the socket takes it.
type rawStream struct {
	plainStream
	raw                syscall.RawConn
	readable, writable func(fd uintptr) bool
	unix               bool // descriptors may come

	got piece // the reader's
	err error // the reader's

	data    []byte // the loop's
	fds     []int
	n       int
	sendErr error
}

func (s *rawStream) read() (piece, error) {
	if err := s.raw.Read(s.readable); err != nil {
		return piece{}, err
	}
	got := s.got
	s.got = piece{}
	return got, s.err
}

// tryRead reports whether there was something to read; else it is called again when there is.
func (s *rawStream) tryRead(fd uintptr) bool {
	buf := readBuffers.get()
	n, fds, err := s.receive(int(fd), buf[:])
	if err == unix.EAGAIN {
		readBuffers.put(buf)
		return false
	}
	s.got = piece{data: own(buf, n), fds: fds}
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
	return s.plainStream.write(data, nil)
}

func (s *rawStream) tryWrite(data []byte, fds []int) (n int, err error) {
	s.data, s.fds, s.n, s.sendErr = data, fds, 0, nil
	err = s.raw.Write(s.writable)
	s.data, s.fds = nil, nil
	if err == nil {
		err = s.sendErr
	}
	return s.n, err
}

// tryWriteOnce always reports that it is done: the loop does not wait.
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
