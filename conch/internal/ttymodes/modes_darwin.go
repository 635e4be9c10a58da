package ttymodes

import "golang.org/x/sys/unix"

// flag is the type of the flags of a terminal.
type flag = uint64

const (
	getTermios   = unix.TIOCGETA
	setTermios   = unix.TIOCSETA
	disabledChar = 0xff
)

func init() { // what other systems do not have
	controlChars[11] = unix.VDSUSP
	controlChars[17] = unix.VSTATUS
}

// setSpeed sets the speed of one direction.
func setSpeed(state *unix.Termios, input bool, speed uint32) {
	if input {
		state.Ispeed = uint64(speed)
	} else {
		state.Ospeed = uint64(speed)
	}
}

// speed returns the speed of one direction, in bits per second.
func speed(state *unix.Termios, input bool) uint32 {
	if input {
		return uint32(state.Ispeed)
	}
	return uint32(state.Ospeed)
}
