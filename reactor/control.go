package reactor

import (
	"os"
	"syscall"
)

// control runs f with the descriptor of a socket or file. It returns an error if
// that is closed.
func control(raw syscall.RawConn, f func(fd uintptr) error) error {
	var err error
	if closed := raw.Control(func(fd uintptr) { err = f(fd) }); closed != nil {
		return closed
	}
	return err
}

// controlFile is control for a file. Unlike File.Fd, it does not make the file
// block.
func controlFile(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error { return do(int(fd)) })
}
