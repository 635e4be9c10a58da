//go:build !unix

package reactor

import (
	"errors"
	"os"
	"syscall"
)

// openStandardFiles uses the files themselves, and never closes them. A read in
// progress cannot be ended, unless it is from a regular file.
func openStandardFiles(stdin, stdout *os.File) (*standardFiles, error) {
	info, err := stdin.Stat()
	f := &standardFiles{in: stdin, out: stdout, stuck: err != nil || !info.Mode().IsRegular()}
	f.terminal.init(f)
	return f, nil
}

func (f *standardFiles) closeFiles() error { return nil }

// CloseWrite does nothing: the file stays open.
func (f *standardFiles) CloseWrite() error { return nil }

// watchOutput does nothing: this system does not report that the reader of a
// pipe has closed it before something is written.
func (c *conn) watchOutput() {}

func isBrokenPipe(err error) bool {
	const noData syscall.Errno = 232 // ERROR_NO_DATA of Windows
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, noData)
}
