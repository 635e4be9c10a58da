//go:build unix

package reactor

import (
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openTerminal gives the child a terminal that controls a new session.
func (l *launch) openTerminal(opts *ProcessOptions) error {
	blocking, theirs, err := pty.Open()
	if err != nil {
		return err
	}
	l.theirs = append(l.theirs, theirs, blocking)
	ours, err := nonblocking(blocking)
	if err != nil {
		return err
	}
	l.ends = append(l.ends, processEnd{fd: 1, file: ours, reads: true, writes: true})
	l.attr.Files = []*os.File{theirs, theirs, theirs}
	if opts.TerminalEnv != "" {
		l.attr.Env = append(l.attr.Env, opts.TerminalEnv+"="+theirs.Name())
	}
	sys := l.sys()
	sys.Setsid, sys.Setctty, sys.Ctty = true, true, 0
	sys.Setpgid = false // the leader of a session leads a group
	if opts.WindowSize != (WindowSize{}) {
		if err := setWindowSize(ours, opts.WindowSize); err != nil {
			return err
		}
	}
	if opts.PrepareTerminal != nil {
		return opts.PrepareTerminal(theirs)
	}
	return nil
}

// nonblocking returns a duplicate of f that the runtime can wait for together
// with others, so that Close ends a read.
func nonblocking(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd) // err is the error to report
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func setWindowSize(terminal *os.File, size WindowSize) error {
	window := &unix.Winsize{Row: size.Rows, Col: size.Columns, Xpixel: size.Width, Ypixel: size.Height}
	return controlFile(terminal, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, window) })
}

// sendBreak sends a break that has no length, because waiting would block the
// loop.
func sendBreak(terminal *os.File) error {
	return controlFile(terminal, func(fd int) error {
		if err := unix.IoctlSetInt(fd, unix.TIOCSBRK, 0); err != nil {
			return err
		}
		return unix.IoctlSetInt(fd, unix.TIOCCBRK, 0)
	})
}
