package conch

import (
	"fmt"
	"time"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// NS returns text as an SSH string: its length in four bytes, then its bytes (RFC
// 4251, section 5).
func NS[T string | []byte](text T) []byte {
	var e wire.Encoder
	e.String(string(text))
	return e.Data()
}

// GetNS removes an SSH string from the front of data.
func GetNS(data []byte) (text string, rest []byte, err error) {
	d := wire.NewDecoder(data)
	text = d.String()
	rest = d.Rest()
	return text, rest, malformed("string", d.Err())
}

// WindowSize is the size of a terminal in characters and in pixels; pixels that
// are not known are 0. The fields have Twisted's order. On the wire the columns
// come first.
type WindowSize struct{ Rows, Columns, Width, Height uint32 }

// TerminalMode is a setting of a terminal: an opcode below 160 (RFC 4254, section
// 8) and its value.
type TerminalMode struct {
	Opcode uint8
	Value  uint32
}

// maxTerminalModes is the number of settings that are read from a request. There
// are fewer opcodes.
const maxTerminalModes = 256

// PackRequestPTYReq returns the payload of a pty-req request (RFC 4254, section
// 6.2).
func PackRequestPTYReq(term string, size WindowSize, modes []TerminalMode) []byte {
	var e, list wire.Encoder
	for _, m := range modes {
		list.Uint8(m.Opcode)
		list.Uint32(m.Value)
	}
	list.Uint8(0) // TTY_OP_END
	e.String(term)
	packSize(&e, size)
	e.Bytes(list.Data())
	return e.Data()
}

// ParseRequestPTYReq is the reverse of PackRequestPTYReq. It reads modes up to
// opcode 0, or up to an opcode of 160 or more, whose length is not defined.
func ParseRequestPTYReq(data []byte) (term string, size WindowSize, modes []TerminalMode, err error) {
	d := wire.NewDecoder(data)
	term, size = d.String(), parseSize(&d)
	list := wire.NewDecoder(d.Bytes())
	for list.Len() > 0 && len(modes) < maxTerminalModes {
		opcode := list.Uint8()
		if opcode == 0 || opcode >= 160 {
			break
		}
		modes = append(modes, TerminalMode{opcode, list.Uint32()})
	}
	if err = d.Finish(); err == nil {
		err = list.Err()
	}
	return term, size, modes, malformed("pty-req", err)
}

// PackRequestWindowChange returns the payload of a window-change request (RFC
// 4254, section 6.7).
func PackRequestWindowChange(size WindowSize) []byte {
	var e wire.Encoder
	packSize(&e, size)
	return e.Data()
}

// ParseRequestWindowChange is the reverse of PackRequestWindowChange.
func ParseRequestWindowChange(data []byte) (size WindowSize, err error) {
	d := wire.NewDecoder(data)
	size = parseSize(&d)
	return size, malformed("window-change", d.Finish())
}

func packSize(e *wire.Encoder, s WindowSize) {
	for _, v := range []uint32{s.Columns, s.Rows, s.Width, s.Height} {
		e.Uint32(v)
	}
}

func parseSize(d *wire.Decoder) (s WindowSize) {
	s.Columns, s.Rows, s.Width, s.Height = d.Uint32(), d.Uint32(), d.Uint32(), d.Uint32()
	return s
}

// PackRequestEnv returns the payload of an env request (RFC 4254, section 6.4).
func PackRequestEnv(name, value string) []byte { return append(NS(name), NS(value)...) }

// ParseRequestEnv is the reverse of PackRequestEnv.
func ParseRequestEnv(data []byte) (name, value string, err error) {
	d := wire.NewDecoder(data)
	name, value = d.String(), d.String()
	return name, value, malformed("env", d.Finish())
}

// ParseRequestString parses a payload that is one string: of an exec, subsystem or
// signal request (RFC 4254, sections 6.5 and 6.9). NS packs such a payload.
func ParseRequestString(data []byte) (text string, err error) {
	d := wire.NewDecoder(data)
	text = d.String()
	return text, malformed("request with one string", d.Finish())
}

// PackRequestBreak returns the payload of a break request (RFC 4335). The length
// is sent in milliseconds; zero means the default of the peer.
func PackRequestBreak(length time.Duration) []byte { return packUint32(uint32(length.Milliseconds())) }

// ParseRequestBreak is the reverse of PackRequestBreak.
func ParseRequestBreak(data []byte) (length time.Duration, err error) {
	ms, err := parseUint32("break", data)
	return time.Duration(ms) * time.Millisecond, err
}

// PackRequestExitStatus returns the payload of an exit-status request (RFC 4254,
// section 6.10).
func PackRequestExitStatus(status uint32) []byte { return packUint32(status) }

// ParseRequestExitStatus is the reverse of PackRequestExitStatus.
func ParseRequestExitStatus(data []byte) (status uint32, err error) {
	return parseUint32("exit-status", data)
}

// ExitSignal is the signal that ended a program.
type ExitSignal struct {
	Name       string // without SIG, such as "TERM"
	CoreDumped bool
	Message    string
	Lang       string
}

// PackRequestExitSignal returns the payload of an exit-signal request (RFC 4254,
// section 6.10).
func PackRequestExitSignal(s ExitSignal) []byte {
	var e wire.Encoder
	e.String(s.Name)
	e.Bool(s.CoreDumped)
	e.String(s.Message)
	e.String(s.Lang)
	return e.Data()
}

// ParseRequestExitSignal is the reverse of PackRequestExitSignal.
func ParseRequestExitSignal(data []byte) (s ExitSignal, err error) {
	d := wire.NewDecoder(data)
	s = ExitSignal{d.String(), d.Bool(), d.String(), d.String()}
	return s, malformed("exit-signal", d.Finish())
}

func packUint32(v uint32) []byte {
	var e wire.Encoder
	e.Uint32(v)
	return e.Data()
}

func parseUint32(what string, data []byte) (uint32, error) {
	d := wire.NewDecoder(data)
	v := d.Uint32()
	return v, malformed(what, d.Finish())
}

// malformed names the payload that could not be parsed, if err is not nil.
func malformed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("conch: malformed %s: %w", what, err)
}
