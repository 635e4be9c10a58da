//go:build unix

package reactor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A blocked read can be ended only if the descriptor does not block. But
// O_NONBLOCK is a property of the open file, which the process shares with the
// shell and with other programs. Therefore terminals and pipes are opened once
// more where the system can do that. Otherwise O_NONBLOCK is set, and cleared
// when the connection ends.

// openStandardFiles duplicates the files.
func openStandardFiles(stdin, stdout *os.File) (*standardFiles, error) {
	in, err := duplicate(stdin, unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("reactor: standard input cannot be used: %w", err)
	}
	out, err := duplicate(stdout, unix.O_WRONLY)
	if err != nil {
		in.close()
		return nil, fmt.Errorf("reactor: standard output cannot be used: %w", err)
	}
	f := &standardFiles{in: in.file, out: out.file, stuck: !in.quick(), slow: !out.quick()}
	f.restore = func() {
		in.restore()
		out.restore()
	}
	f.terminal.init(f)
	return f, nil
}

// ownFile is a duplicate of a file, for one direction.
type ownFile struct {
	file     *os.File
	regular  bool // a regular file or a disk
	pollable bool // file never blocks a thread
	shared   int  // has the O_NONBLOCK flag that restore clears; -1 for none
}

// duplicate returns a duplicate of f for reading (O_RDONLY) or writing
// (O_WRONLY).
func duplicate(f *os.File, mode int) (*ownFile, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	own, err := (*ownFile)(nil), os.ErrClosed // Control does not call the function if f is closed
	_ = raw.Control(func(fd uintptr) { own, err = duplicateDescriptor(int(fd), mode) })
	return own, err
}

func duplicateDescriptor(fd, mode int) (*ownFile, error) {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return nil, err
	}
	own := &ownFile{shared: -1}
	switch info.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFBLK, unix.S_IFDIR:
		own.regular = true
	}
	dup, err := openAgain(fd, mode, &info)
	if err != nil {
		dup, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	}
	if err == nil && !own.regular {
		err = own.setNonblock(dup)
	}
	if err != nil {
		return nil, err
	}
	own.file = os.NewFile(uintptr(dup), "standard file")
	own.pollable = !own.regular && !errors.Is(own.file.SetDeadline(time.Time{}), os.ErrNoDeadline)
	if !own.pollable {
		own.restore() // the runtime cannot wait for the file, and reads it on a thread
	}
	return own, nil
}

func isPipe(info *unix.Stat_t) bool { return info.Mode&unix.S_IFMT == unix.S_IFIFO }

// setNonblock sets O_NONBLOCK on dup. If that changes a file that others use,
// own.shared becomes another duplicate, with which restore changes it back.
func (own *ownFile) setNonblock(dup int) error {
	flags, err := unix.FcntlInt(uintptr(dup), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NONBLOCK == 0 {
		own.shared, err = unix.FcntlInt(uintptr(dup), unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			err = unix.SetNonblock(dup, true)
		}
	}
	if err != nil {
		own.restore()
		_ = unix.Close(dup)
	}
	return err
}

// restore clears O_NONBLOCK if setNonblock has set it. It must be called once
// nothing reads or writes the file any more.
func (own *ownFile) restore() {
	if own.shared >= 0 {
		_ = unix.SetNonblock(own.shared, false) // cannot fail
		_ = unix.Close(own.shared)
		own.shared = -1
	}
}

// quick reports whether reads and writes end soon, or can be ended.
func (own *ownFile) quick() bool { return own.regular || own.pollable }

func (own *ownFile) close() {
	_ = own.file.Close()
	own.restore()
}

func (f *standardFiles) closeFiles() error {
	err := errors.Join(f.in.Close(), f.closeOutput())
	f.restore()
	return err
}

func (f *standardFiles) closeOutput() error {
	if err := f.out.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// CloseWrite ends the writing. The original file stays open.
func (f *standardFiles) CloseWrite() error { return f.closeOutput() }

// watchOutput finds out that the reader of a pipe has closed it, also while
// nothing is written.
func (c *conn) watchOutput() {
	raw, err := c.files.out.SyscallConn()
	if err != nil || !c.files.outPipe() {
		return
	}
	c.r.spawn(func() { // ends when the reader closes the pipe, or with the connection
		broken := false
		_ = raw.Read(brokenPipe) // an error can mean that the pipe is broken, too
		_ = raw.Control(func(fd uintptr) { broken = brokenPipe(fd) })
		if broken {
			c.r.queue.post(func() { c.outputClosed(nil) })
		}
	})
}

// outPipe reports whether the output is a pipe for which the runtime can wait.
func (f *standardFiles) outPipe() bool {
	pipe := false
	_ = controlFile(f.out, func(fd int) error { // fails if the file is closed
		var info unix.Stat_t
		err := unix.Fstat(fd, &info)
		pipe = err == nil && isPipe(&info)
		return err
	})
	return pipe && f.out.SetDeadline(time.Time{}) == nil
}

// brokenPipe reports whether the reader of a pipe has closed it.
func brokenPipe(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	for {
		n, err := unix.Poll(p, 0)
		if err != syscall.EINTR {
			return n == 1 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}

// isBrokenPipe reports whether err says that the reader of a pipe or socket has
// closed it.
func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
