// Package ttymodes reads and sets the modes of terminals in the form of SSH: the
// numbers of RFC 4254, section 8. All functions may be called from any
// goroutine.
package ttymodes

// Mode is a setting of a terminal: an opcode and its value. It has the fields of
// conch.TerminalMode.
type Mode struct {
	Opcode uint8
	Value  uint32
}
