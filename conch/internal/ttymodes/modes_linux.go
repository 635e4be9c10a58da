package ttymodes

import "golang.org/x/sys/unix"

// flag is the type of the flags of a terminal.
type flag = uint32

const (
	getTermios   = unix.TCGETS
	setTermios   = unix.TCSETS
	disabledChar = 0
)

func init() { // what other systems do not have
	controlChars[16] = unix.VSWTC
	inputFlags[37] = unix.IUCLC
	localFlags[52] = unix.XCASE
	outputFlags[71] = unix.OLCUC
}

// speeds are the constants of the speeds, in bits per second, that a terminal
// can have.
var speeds = map[uint32]flag{
	0: unix.B0, 50: unix.B50, 75: unix.B75, 110: unix.B110, 134: unix.B134, 150: unix.B150, 200: unix.B200, 300: unix.B300,
	600: unix.B600, 1200: unix.B1200, 1800: unix.B1800, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600,
	19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200, 230400: unix.B230400,
}

// setSpeed sets the speed. Linux has one speed for both directions, that of the
// output.
func setSpeed(state *unix.Termios, input bool, speed uint32) {
	if bits, ok := speeds[speed]; ok && !input {
		state.Cflag = state.Cflag&^unix.CBAUD | bits
	}
}

// speed returns the speed of one direction, in bits per second.
func speed(state *unix.Termios, _ bool) uint32 {
	for n, bits := range speeds {
		if state.Cflag&unix.CBAUD == bits {
			return n
		}
	}
	return 0
}
