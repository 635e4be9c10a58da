//go:build unix

package reactor

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// receiveMessage reads from a UNIX socket, with the file descriptors that come along.
func receiveMessage(fd int, buf []byte) (n int, fds []int, err error) {
	var room [4 * MaxDescriptors]byte
	control := make([]byte, unix.CmsgSpace(len(room)))
	n, size, _, _, err := unix.Recvmsg(fd, buf, control, receiveFlags)
	if err != nil || size == 0 {
		return n, nil, err
	}
	return n, descriptorsIn(control[:size]), nil
}

// descriptorsIn returns the file descriptors in a control message; other things in it are of no interest (R335).
func descriptorsIn(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		if rights, err := unix.ParseUnixRights(&m); err == nil {
			fds = append(fds, rights...)
		}
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return fds
}

func closeDescriptors(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// readError is the error of a read that brought n bytes: none is the end.
func readError(n int, err error) error {
	if err == nil && n == 0 {
		return io.EOF
	}
	return err
}

// SendFileDescriptor is part of UNIXTransport.
func (c *conn) SendFileDescriptor(fd int) error {
	if _, ok := c.socket.(*net.UnixConn); !ok {
		return errors.ErrUnsupported
	}
	if c.closed || c.closingWrite {
		return nil
	}
	if len(c.out.fds) >= MaxDescriptors {
		return errTooManyDescriptors
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.out.fds = append(c.out.fds, own)
	return nil
}
