//go:build unix

package reactor

import (
	"os"

	"github.com/creack/pty"
)

// openTerminal gives the child a terminal that controls a new session.
func (l *launch) openTerminal(size WindowSize) error {
	ours, theirs, err := pty.Open()
	if err != nil {
		return err
	}
	l.ends = append(l.ends, processEnd{fd: 1, file: ours, reads: true, writes: true})
	l.theirs = append(l.theirs, theirs)
	l.attr.Files = []*os.File{theirs, theirs, theirs}
	sys := l.sys()
	sys.Setsid, sys.Setctty, sys.Ctty = true, true, 0
	if size == (WindowSize{}) {
		return nil
	}
	return setWindowSize(ours, size)
}

func setWindowSize(terminal *os.File, size WindowSize) error {
	return pty.Setsize(terminal, &pty.Winsize{Rows: size.Rows, Cols: size.Columns, X: size.Width, Y: size.Height})
}
