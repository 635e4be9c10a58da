//go:build unix

package forward

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// makePrivate sets the mode of a socket before it is bound. Linux gives the mode
// to the file, so the socket is private from the start.
func makePrivate(c syscall.RawConn) (err error) {
	controlled := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
	if controlled != nil {
		return controlled
	}
	if err == unix.EINVAL { // macOS has no mode before the socket is bound
		return nil
	}
	return err
}
