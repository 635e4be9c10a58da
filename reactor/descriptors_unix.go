//go:build unix

package reactor

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// receiveMessage reads from a UNIX socket: data, and the file descriptors that
// arrived with it, at most MaxDescriptors.
func receiveMessage(fd int, buf []byte) (n int, fds []int, err error) {
	var room [4 * MaxDescriptors]byte
	control := make([]byte, unix.CmsgSpace(len(room)))
	n, size, _, _, err := unix.Recvmsg(fd, buf, control, receiveFlags)
	if err != nil || size == 0 {
		return n, nil, err
	}
	return n, descriptorsIn(control[:size]), nil
}

// descriptorsIn returns the file descriptors in a control message and makes
// them close on exec. It ignores other contents.
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

// readError returns the error of a read that returned n bytes and err. A read
// of no bytes without an error is the end of the stream.
func readError(n int, err error) error {
	if err == nil && n == 0 {
		return io.EOF
	}
	return err
}

// SendFileDescriptor implements UNIXTransport.
func (c *conn) SendFileDescriptor(fd int) error {
	c.r.mustBeOnLoop("SendFileDescriptor")
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
