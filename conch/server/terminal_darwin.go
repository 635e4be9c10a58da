package server

import "golang.org/x/sys/unix"

// flag is the type of the flags of a terminal.
type flag = uint64

const (
	getTermios   = unix.TIOCGETA
	setTermios   = unix.TIOCSETA
	disabledChar = 0xff
)
