package server

import (
	"bytes"
	"unicode/utf8"

	"github.com/hawser-go/hawser/reactor"
)

// maxTypedLine is the number of bytes of a line that a lineEditor keeps, as of
// a line in a terminal.
const maxTypedLine = 4 << 10

// interruptedStatus is the exit status of a shell that Ctrl-C has ended.
const interruptedStatus = 130

// lineEditor is between the terminal of a client and a protocol: it echoes what
// the user types, edits the line, and passes it on when it is complete. That is
// what the terminal driver of a system does. It is a reactor.Wrapper.
type lineEditor struct {
	reactor.BaseProtocol
	wrapped reactor.Protocol
	session *SSHSession
	line    []byte
	escape  int  // how far an escape sequence is: 0 none, 1 ESC, 2 ESC [
	cr      bool // the last byte was a carriage return
	ending  bool
}

// Wrapped returns the protocol.
func (e *lineEditor) Wrapped() reactor.Protocol { return e.wrapped }

// ConnectionMade connects the protocol.
func (e *lineEditor) ConnectionMade() {
	e.session = e.Transport().(*SSHSession) // ConnectProtocol has passed it
	reactor.MakeConnection(e.wrapped, &editedTransport{e.session, e})
}

// ConnectionLost ends the protocol.
func (e *lineEditor) ConnectionLost(reason error) { reactor.EndConnection(e.wrapped, reason) }

// ReadConnectionLost tells a protocol that is a reactor.HalfCloser. Others are
// not asked.
func (e *lineEditor) ReadConnectionLost() {
	if half, ok := reactor.As[reactor.HalfCloser](e.wrapped); ok {
		half.ReadConnectionLost()
	} else {
		e.session.LoseConnection()
	}
}

// WriteConnectionLost does nothing.
func (e *lineEditor) WriteConnectionLost() {}

// DataReceived takes keys.
func (e *lineEditor) DataReceived(p []byte) {
	for _, b := range p {
		if e.ending {
			return
		}
		e.key(b)
	}
}

// key takes one byte.
func (e *lineEditor) key(b byte) {
	again := b == '\n' && e.cr // CR LF is one end
	e.cr = b == '\r'
	switch {
	case again || e.escaped(b):
	case b == '\r' || b == '\n':
		line := append(e.line, '\n')
		e.line = nil
		e.session.Write([]byte("\r\n"))
		e.wrapped.DataReceived(line)
	case b == 0x7f || b == '\b':
		e.erase(lastRune(e.line))
	case b == 'U'&0x1f:
		e.erase(len(e.line))
	case b == 'W'&0x1f:
		e.erase(lastWord(e.line))
	case b == 'C'&0x1f:
		e.ending = true
		e.session.Write([]byte("^C\r\n"))
		e.session.Exit(interruptedStatus)
	case b == 'D'&0x1f:
		if len(e.line) == 0 {
			e.ReadConnectionLost()
		}
	case b >= ' ':
		e.insert(b)
	}
}

// escaped reports whether a byte belongs to an escape sequence, such as that of
// an arrow key. Escape sequences are dropped.
func (e *lineEditor) escaped(b byte) bool {
	switch {
	case b == 0x1b:
		e.escape = 1
	case e.escape == 1 && (b == '[' || b == 'O'):
		e.escape = 2
	case e.escape == 2 && b < '@' && b >= ' ':
	case e.escape > 0:
		e.escape = 0
	default:
		return false
	}
	return true
}

func (e *lineEditor) insert(b byte) {
	if len(e.line) == maxTypedLine {
		e.session.Write([]byte("\a"))
		return
	}
	e.line = append(e.line, b)
	e.session.Write([]byte{b})
}

// erase removes the last n bytes of the line.
func (e *lineEditor) erase(n int) {
	rest := len(e.line) - n
	e.session.Write(bytes.Repeat([]byte("\b \b"), utf8.RuneCount(e.line[rest:])))
	e.line = e.line[:rest]
}

// lastRune returns the length of the last character.
func lastRune(line []byte) int {
	_, n := utf8.DecodeLastRune(line)
	return n
}

// lastWord returns the length of the last word, with the spaces behind it.
func lastWord(line []byte) int {
	return len(line) - 1 - bytes.LastIndexByte(bytes.TrimRight(line, " "), ' ')
}

// editedTransport is the transport of the protocol of a lineEditor.
type editedTransport struct {
	*SSHSession
	e *lineEditor
}

// Write sends text. Each line feed becomes a carriage return and a line feed.
func (t *editedTransport) Write(p []byte) { t.SSHSession.Write(lineEnds(p)) }

// WriteSequence is Write for several pieces.
func (t *editedTransport) WriteSequence(pieces [][]byte) { t.Write(bytes.Join(pieces, nil)) }

// LoseConnection ends the shell.
func (t *editedTransport) LoseConnection() {
	t.e.ending = true
	t.SSHSession.LoseConnection()
}

// lineEnds replaces line feeds that no carriage return precedes.
func lineEnds(p []byte) []byte {
	p = bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
}
