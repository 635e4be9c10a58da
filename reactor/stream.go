package reactor

import (
	"errors"
	"net"
)

// stream reads and writes the bytes of a connection. The methods whose names
// begin with "try" are called on the loop and never block. The others may
// block and are called on goroutines of the connection.
type stream interface {
	// read waits for data, file descriptors or an error. A piece without an
	// error is never empty.
	read() (piece, error)

	// write sends all of data together with fds, and closes fds.
	write(data []byte, fds []int) error

	// tryWrite sends the part of data that the socket accepts now, together
	// with fds. It returns the number of bytes sent, which may be 0. The
	// caller closes fds if n > 0.
	tryWrite(data []byte, fds []int) (n int, err error)

	// closeWrite ends the sending direction. All data must have been sent.
	closeWrite() error

	// tryCloseWrite is closeWrite for streams on which closeWrite does not
	// block. On others it does nothing, and done is false.
	tryCloseWrite() (done bool, err error)

	// close closes the connection, which ends all other calls.
	close() error
}

// piece is the result of one read.
type piece struct {
	data []byte
	fds  []int
	err  error // the last piece of a stream has one
}

// connStream is the stream of any net.Conn.
type connStream struct {
	net.Conn
	small []byte // for reads while little data arrives
	full  bool   // the last read filled its buffer, so more data is likely
}

// smallRead is the size of the buffer that a connStream holds while it waits
// for data, in bytes. It must wait with a buffer, because a net.Conn cannot
// report that data has arrived.
const smallRead = 2 << 10

func newConnStream(c net.Conn) *connStream { return &connStream{Conn: c} }

func (s *connStream) read() (piece, error) {
	if s.full {
		buf := readBuffers.get()
		n, err := s.Read(buf[:])
		s.full = n == len(buf)
		return piece{data: readBuffers.detach(buf, n)}, err
	}
	if s.small == nil {
		s.small = make([]byte, smallRead)
	}
	n, err := s.Read(s.small)
	s.full = n == len(s.small)
	return piece{data: cloneBytes(s.small[:n])}, err
}

func (s *connStream) write(data []byte, fds []int) error {
	closeDescriptors(fds)
	_, err := s.Write(data)
	return err
}

func (s *connStream) tryWrite([]byte, []int) (int, error) { return 0, nil }

func (s *connStream) close() error { return s.Close() }

func (s *connStream) tryCloseWrite() (bool, error) { return false, nil }

func (s *connStream) closeWrite() error { return closeWrite(s.Conn) }

// closeWrite ends the sending direction of c. It returns errors.ErrUnsupported
// if c cannot do that.
func closeWrite(c net.Conn) error {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
