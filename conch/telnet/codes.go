package telnet

import "fmt"

// Command is a telnet command: the byte after an IAC.
type Command byte

// The commands of RFC 854, RFC 885 (EOR) and RFC 1184 (EOF, SUSP, ABORT).
const (
	EOF   Command = 236 // end of file
	SUSP  Command = 237 // suspend the process
	ABORT Command = 238 // abort the process
	EOR   Command = 239 // end of record
	SE    Command = 240 // end of a subnegotiation
	NOP   Command = 241 // no operation
	DM    Command = 242 // data mark
	BRK   Command = 243 // break
	IP    Command = 244 // interrupt the process
	AO    Command = 245 // abort the output
	AYT   Command = 246 // are you there
	EC    Command = 247 // erase a character
	EL    Command = 248 // erase a line
	GA    Command = 249 // go ahead
	SB    Command = 250 // begin of a subnegotiation
	WILL  Command = 251 // the sender turns an option on, or offers to
	WONT  Command = 252 // the sender turns an option off, or refuses to turn it on
	DO    Command = 253 // asks the receiver to turn an option on, or agrees
	DONT  Command = 254 // asks the receiver to turn an option off, or refuses
	IAC   Command = 255 // begins a command
)

var commandNames = [...]string{"EOF", "SUSP", "ABORT", "EOR", "SE", "NOP", "DM", "BRK", "IP", "AO", "AYT", "EC", "EL",
	"GA", "SB", "WILL", "WONT", "DO", "DONT", "IAC"}

// String returns the name of the command.
func (c Command) String() string {
	if c < EOF {
		return fmt.Sprintf("command %d", byte(c))
	}
	return commandNames[c-EOF]
}

// hasOption reports whether an option follows the command.
func (c Command) hasOption() bool { return WILL <= c && c <= DONT }

// simple reports whether the command consists of nothing but itself.
func (c Command) simple() bool { return EOF <= c && c <= GA && c != SE }

// Option is a telnet option.
type Option byte

// The options that this package knows. Others work too: see the registry of
// telnet options at iana.org.
const (
	BINARY   Option = 0  // data is not text (RFC 856)
	ECHO     Option = 1  // the sender echoes what it receives (RFC 857)
	SGA      Option = 3  // no GA after each turn (RFC 858)
	NAWS     Option = 31 // the size of the window (RFC 1073)
	LINEMODE Option = 34 // lines are edited at the client (RFC 1184)
)

// String returns the name of the option, or its number.
func (o Option) String() string {
	switch o {
	case BINARY:
		return "BINARY"
	case ECHO:
		return "ECHO"
	case SGA:
		return "SGA"
	case NAWS:
		return "NAWS"
	case LINEMODE:
		return "LINEMODE"
	}
	return fmt.Sprintf("option %d", byte(o))
}
