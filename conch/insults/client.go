package insults

import (
	"fmt"

	"github.com/hawser-go/hawser/reactor"
)

type clientState int

const (
	clientData clientState = iota
	clientEscaped
	clientBracketEscape
	clientSelectG0
	clientSelectG1
	clientSelectHeightWidth
	clientString    // within OSC, DCS, SOS, PM or APC
	clientStringESC // after an ESC in a string
	clientOverlong  // the rest of a sequence is dropped
)

// MaxString is the largest number of bytes of an operating system command or
// another control string that a [ClientProtocol] drops. The rest of a longer
// one is text.
const MaxString = 4096

// ClientProtocol reads the output of a program, and calls the methods of a
// [Terminal] for each control sequence and text. It is the other end of a
// [ServerProtocol], and reads other programs too. All methods belong to the
// loop.
type ClientProtocol struct {
	reactor.BaseProtocol
	term  Terminal // nil after ConnectionLost
	state clientState
	raw   []byte // the sequence so far, from ESC on
	size  int    // the number of bytes of the string so far
}

var _ reactor.Protocol = (*ClientProtocol)(nil)

// NewClientProtocol returns a protocol that calls the methods of t. If t has a
// method ConnectionLost(reason error), that is called at the end.
func NewClientProtocol(t Terminal) *ClientProtocol { return &ClientProtocol{term: t} }

// Terminal returns the terminal, or nil after ConnectionLost.
func (c *ClientProtocol) Terminal() Terminal { return c.term }

// ConnectionLost tells the terminal.
func (c *ClientProtocol) ConnectionLost(reason error) {
	t := c.term
	c.term = nil
	if t, ok := t.(interface{ ConnectionLost(reason error) }); ok {
		t.ConnectionLost(reason)
	}
}

// DataReceived calls methods of the terminal. Text without control characters
// in between is one Write, up to the end of data.
func (c *ClientProtocol) DataReceived(data []byte) {
	start := 0 // of the text that is not written yet
	for i, b := range data {
		if c.state == clientData && c.isText(b) {
			continue
		}
		c.text(data[start:i])
		start = i + 1
		if c.term == nil {
			return
		}
		c.control(b)
	}
	c.text(data[start:])
}

// text writes text, unless there is none or the terminal has gone.
func (c *ClientProtocol) text(p []byte) {
	if len(p) > 0 && c.term != nil {
		_, _ = c.term.Write(p) // never fails
	}
}

// Twisted's codes of the two shifts. They stand beside the right ones.
const (
	twistedShiftOut = 0x14
	twistedShiftIn  = 0x15
)

func (c *ClientProtocol) isText(b byte) bool {
	switch b {
	case esc, '\b', 0x0e, 0x0f, twistedShiftOut, twistedShiftIn:
		return false
	}
	return true
}

// control takes a byte that is no text.
func (c *ClientProtocol) control(b byte) {
	switch c.state {
	case clientData:
		c.data(b)
	case clientEscaped:
		c.escaped(b)
	case clientBracketEscape, clientOverlong:
		c.bracketEscape(b)
	case clientSelectG0, clientSelectG1:
		slot := G0 + CharacterSlot(c.state-clientSelectG0)
		c.state = clientData
		_ = c.term.SelectCharacterSet(CharacterSet(b), slot) // the program cannot be told
	case clientSelectHeightWidth:
		c.heightWidth(b)
	case clientString, clientStringESC:
		c.string(b)
	}
}

// data takes a control character.
func (c *ClientProtocol) data(b byte) {
	switch b {
	case esc:
		c.state, c.raw = clientEscaped, append(c.raw[:0], esc)
	case '\b':
		c.term.CursorBackward(1)
	case 0x0e, twistedShiftOut:
		c.term.ShiftOut()
	case 0x0f, twistedShiftIn:
		c.term.ShiftIn()
	default:
		c.text([]byte{b})
	}
}

// escapes are the sequences of ESC and one character.
var escapes = map[byte]func(Terminal){
	'D': Terminal.Index,
	'M': Terminal.ReverseIndex,
	'E': Terminal.NextLine,
	'7': Terminal.SaveCursor,
	'8': Terminal.RestoreCursor,
	'=': Terminal.ApplicationKeypadMode,
	'>': Terminal.NumericKeypadMode,
	'N': Terminal.SingleShift2,
	'O': Terminal.SingleShift3,
	'H': Terminal.HorizontalTabulationSet,
	'c': Terminal.Reset,
}

// introducers are the states after ESC and one character.
var introducers = map[byte]clientState{
	'[': clientBracketEscape, '(': clientSelectG0, ')': clientSelectG1, '#': clientSelectHeightWidth,
	']': clientString, 'P': clientString, 'X': clientString, '^': clientString, '_': clientString,
}

func (c *ClientProtocol) escaped(b byte) {
	c.raw = append(c.raw, b)
	if next, ok := introducers[b]; ok {
		c.state, c.size = next, 0
		return
	}
	c.state = clientData
	if call := escapes[b]; call != nil {
		call(c.term)
		return
	}
	c.unhandled()
}

// unhandled reports a copy of the sequence.
func (c *ClientProtocol) unhandled() {
	c.term.UnhandledControlSequence(append([]byte(nil), c.raw...))
}

func (c *ClientProtocol) heightWidth(b byte) {
	c.state, c.raw = clientData, append(c.raw, b)
	switch b {
	case '3', '4':
		c.term.DoubleHeightLine(b == '3')
	case '5':
		c.term.SingleWidthLine()
	case '6':
		c.term.DoubleWidthLine()
	default:
		c.unhandled()
	}
}

// string drops a byte of a control string.
func (c *ClientProtocol) string(b byte) {
	switch {
	case c.state == clientStringESC && b == '\\', b == bel, b == can, b == sub:
		c.state = clientData
	case b == esc:
		c.state = clientStringESC
	case c.state == clientStringESC:
		c.raw = append(c.raw[:0], esc)
		c.escaped(b)
	default:
		if c.size++; c.size == MaxString {
			c.state = clientData
		}
	}
}

func (c *ClientProtocol) bracketEscape(b byte) {
	switch classify(rune(b)) {
	case classEscape:
		c.state = clientData
		c.data(b)
	case classAbort:
		c.state = clientData
	case classControl:
		c.data(b)
	case classForeign:
		c.state = clientData
		c.text([]byte{b})
	case classParameter:
		c.parameter(b)
	case classFinal:
		dropped := c.state == clientOverlong
		c.state, c.raw = clientData, append(c.raw, b)
		if !dropped && !c.call(c.raw[len("\x1b["):len(c.raw)-1], b) {
			c.unhandled()
		}
	}
}

func (c *ClientProtocol) parameter(b byte) {
	switch {
	case c.state == clientOverlong:
	case len(c.raw) == len("\x1b[")+MaxSequence:
		c.state = clientOverlong
		c.unhandled()
	default:
		c.raw = append(c.raw, b)
	}
}

// reportCursor answers a program that asks for the position of the cursor.
func (c *ClientProtocol) reportCursor() {
	c.term.ReportCursorPosition().OnValue(func(p Position) {
		if t := c.Transport(); t != nil && c.Connected() {
			t.Write(fmt.Appendf(nil, "\x1b[%d;%dR", p.Line+1, p.Column+1))
		}
	}).OnError(func(error) {}) // a terminal that does not answer
}
