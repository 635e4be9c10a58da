//go:build linux || darwin

package server

import (
	"os"

	"github.com/hawser-go/hawser/conch"
	"golang.org/x/sys/unix"
)

// The terminal modes of RFC 4254, section 8.
var (
	controlChars = map[uint8]int{
		1: unix.VINTR, 2: unix.VQUIT, 3: unix.VERASE, 4: unix.VKILL, 5: unix.VEOF, 6: unix.VEOL, 7: unix.VEOL2,
		8: unix.VSTART, 9: unix.VSTOP, 10: unix.VSUSP, 12: unix.VREPRINT, 13: unix.VWERASE, 14: unix.VLNEXT, 18: unix.VDISCARD,
	}
	inputFlags = map[uint8]flag{
		30: unix.IGNPAR, 31: unix.PARMRK, 32: unix.INPCK, 33: unix.ISTRIP, 34: unix.INLCR, 35: unix.IGNCR,
		36: unix.ICRNL, 38: unix.IXON, 39: unix.IXANY, 40: unix.IXOFF, 41: unix.IMAXBEL, 42: unix.IUTF8,
	}
	localFlags = map[uint8]flag{
		50: unix.ISIG, 51: unix.ICANON, 53: unix.ECHO, 54: unix.ECHOE, 55: unix.ECHOK, 56: unix.ECHONL,
		57: unix.NOFLSH, 58: unix.TOSTOP, 59: unix.IEXTEN, 60: unix.ECHOCTL, 61: unix.ECHOKE, 62: unix.PENDIN,
	}
	outputFlags  = map[uint8]flag{70: unix.OPOST, 72: unix.ONLCR, 73: unix.OCRNL, 74: unix.ONOCR, 75: unix.ONLRET}
	controlFlags = map[uint8]flag{92: unix.PARENB, 93: unix.PARODD}
)

// setModes gives a terminal the modes of the client's. Modes that the system
// does not have are skipped.
func setModes(terminal *os.File, modes []conch.TerminalMode) error {
	if len(modes) == 0 {
		return nil
	}
	fd := int(terminal.Fd())
	state, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	for _, m := range modes {
		if at, ok := controlChars[m.Opcode]; ok {
			state.Cc[at] = uint8(m.Value)
			if m.Value == 255 { // disabled
				state.Cc[at] = disabledChar
			}
			continue
		}
		switch m.Opcode {
		case 90, 91:
			if m.Value != 0 {
				state.Cflag = state.Cflag&^unix.CSIZE | map[uint8]flag{90: unix.CS7, 91: unix.CS8}[m.Opcode]
			}
		case 128, 129:
			setSpeed(state, m.Opcode == 128, m.Value)
		default:
			set(&state.Iflag, inputFlags[m.Opcode], m.Value)
			set(&state.Lflag, localFlags[m.Opcode], m.Value)
			set(&state.Oflag, outputFlags[m.Opcode], m.Value)
			set(&state.Cflag, controlFlags[m.Opcode], m.Value)
		}
	}
	return unix.IoctlSetTermios(fd, setTermios, state)
}

// set sets or clears a flag.
func set(flags *flag, bit flag, value uint32) {
	if *flags &^= bit; value != 0 {
		*flags |= bit
	}
}
