//go:build linux || darwin

package ttymodes

import (
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// The modes, by their opcodes.
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

// Set gives a terminal the modes. Modes that the system does not have are
// skipped.
func Set(terminal *os.File, modes []Mode) error {
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

// Get returns the modes of a terminal, in the order of their opcodes, and an
// error if the file is no terminal.
func Get(terminal *os.File) (modes []Mode, err error) {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return nil, err
	}
	var state *unix.Termios
	if cerr := raw.Control(func(fd uintptr) { state, err = unix.IoctlGetTermios(int(fd), getTermios) }); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	values := map[uint8]uint32{
		90: is(state.Cflag&unix.CSIZE == unix.CS7), 91: is(state.Cflag&unix.CSIZE == unix.CS8),
		128: speed(state, true), 129: speed(state, false),
	}
	for opcode, at := range controlChars {
		values[opcode] = uint32(state.Cc[at])
		if state.Cc[at] == disabledChar {
			values[opcode] = 255
		}
	}
	addFlags(values, inputFlags, state.Iflag)
	addFlags(values, localFlags, state.Lflag)
	addFlags(values, outputFlags, state.Oflag)
	addFlags(values, controlFlags, state.Cflag)
	for _, opcode := range slices.Sorted(maps.Keys(values)) {
		modes = append(modes, Mode{opcode, values[opcode]})
	}
	return modes, nil
}

func addFlags(values map[uint8]uint32, table map[uint8]flag, flags flag) {
	for opcode, bit := range table {
		values[opcode] = is(flags&bit != 0)
	}
}

func is(set bool) uint32 {
	if set {
		return 1
	}
	return 0
}
