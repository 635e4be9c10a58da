package server

import "golang.org/x/sys/unix"

// flag is the type of the flags of a terminal.
type flag = uint32

const (
	getTermios   = unix.TCGETS
	setTermios   = unix.TCSETS
	disabledChar = 0
)
