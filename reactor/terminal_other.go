//go:build !unix

package reactor

import (
	"os"

	"golang.org/x/term"
)

func windowSize(fd int) (WindowSize, error) {
	columns, rows, err := term.GetSize(fd)
	return WindowSize{Rows: uint16(max(rows, 0)), Columns: uint16(max(columns, 0))}, err
}

// inForeground is always true: this system has no background jobs.
func inForeground(int) bool { return true }

// watchTerminal does nothing: this system has no signal for a changed size.
func (c *conn) watchTerminal() {}

// guardTerminal does nothing: the console has no signals that a program can
// delay.
func (r *Reactor) guardTerminal(*terminal) (release func()) { return nop }

// resend is never called, because guardTerminal adds no terminal.
func resend(os.Signal) {}
