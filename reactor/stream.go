package reactor

import (
	"errors"
	"net"
)

// stream is how a connection reads and writes. All may block, and are called by goroutines of the connection, but for tryWrite, which does not
// and is called on the loop.
type stream interface {
	// read returns what has come, at least one byte or descriptor, or an error.
	read() (piece, error)

	// write sends all of data, and closes the descriptors that go with it.
	write(data []byte, fds []int) error

	// tryWrite sends what can be sent at once, with a descriptor if there is any. n may be less than the length without an error.
	tryWrite(data []byte, fds []int) (n int, err error)

	// closeWrite ends the sending direction. It is called when all is sent.
	closeWrite() error

	// close ends the connection, and with it the others.
	close() error
}

// piece is what one read brought.
type piece struct {
	data []byte
	fds  []int
	err  error // nothing comes after it
}

const (
	readSize = 64 << 10 // the most that one read brings

	// ownSize is the largest got of data that is copied out of the buffer it was read into, so that the buffer can be used
	// again; a larger one takes the buffer along.
	ownSize = 16 << 10
)

// plainStream is any net.Conn.
type plainStream struct{ net.Conn }

func (s plainStream) read() (piece, error) {
	buf := readBuffers.get()
	n, err := s.Read(buf[:])
	return piece{data: own(buf, n)}, err
}

func (s plainStream) write(data []byte, fds []int) error {
	closeDescriptors(fds)
	_, err := s.Write(data)
	return err
}

func (s plainStream) tryWrite([]byte, []int) (int, error) { return 0, nil }

func (s plainStream) close() error { return s.Close() }

func (s plainStream) closeWrite() error {
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// own returns the first n bytes of buf as a slice of its own, and takes care of the buffer.
func own(buf *readBuffer, n int) []byte {
	switch {
	case n > ownSize:
		return buf[:n:n]
	case n <= 0:
		readBuffers.put(buf)
		return nil
	}
	data := append([]byte(nil), buf[:n]...)
	readBuffers.put(buf)
	return data
}
