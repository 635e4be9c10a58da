package telnet

import (
	"github.com/hawser-go/hawser/reactor/protocols"
)

// State is a function that handles a line and returns the State for the next
// line. nil means the same State again. line has no line end; the function owns
// line.
type State func(line []byte) State

// Discard is a State that ignores lines.
func Discard([]byte) State { return nil }

// StatefulTelnetProtocol receives lines, and passes each to the present
// [State]. Embed it by value. The zero value is ready to use and ignores lines.
// It is Twisted's StatefulTelnetProtocol, with methods in place of their names:
//
//	type greeter struct{ telnet.StatefulTelnetProtocol }
//
//	func (g *greeter) ConnectionMade() {
//		g.Transport().Write([]byte("What is your name? "))
//		g.SetState(g.name)
//	}
//
//	func (g *greeter) name(line []byte) telnet.State {
//		g.SendLine(append([]byte("Hello "), line...))
//		return g.talk
//	}
//
// A line ends with LF, CR LF, CR or CR NUL. A line of more than MaxLength
// bytes, by default 16,384, closes the connection. The methods of the embedded
// [protocols.LineReceiver] work too, but its Delimiter must not be set, and raw
// mode delivers each line end as LF.
type StatefulTelnetProtocol struct {
	protocols.LineReceiver
	negotiator

	state   State
	sets    int  // calls of SetState
	afterCR bool // the last byte received was a CR
}

var _ Protocol = (*StatefulTelnetProtocol)(nil)

// SetState sets the state that handles the next line. nil means Discard.
func (s *StatefulTelnetProtocol) SetState(state State) {
	s.state = state
	s.sets++
}

// LineReceived calls the present State. If the State has called SetState, the
// State that it returns is ignored. To receive lines without States, define
// LineReceived in the embedding type.
func (s *StatefulTelnetProtocol) LineReceived(line []byte) {
	if s.state == nil {
		return
	}
	sets := s.sets
	next := s.state(line)
	switch {
	case next == nil:
	case s.sets != sets:
		s.logger().Warn("telnet: a state has both called SetState and returned a state, which is ignored")
	default:
		s.state = next
	}
}

// DataReceived splits data into lines.
func (s *StatefulTelnetProtocol) DataReceived(data []byte) {
	if len(s.Delimiter) == 0 {
		s.Delimiter = []byte{'\n'}
	}
	lines := data[:0]
	for _, b := range data {
		second := b == '\n' && s.afterCR
		s.afterCR = b == '\r'
		switch {
		case second: // CR has ended the line
		case s.afterCR:
			lines = append(lines, '\n')
		default:
			lines = append(lines, b)
		}
	}
	if len(lines) > 0 {
		s.LineReceiver.DataReceived(lines)
	}
}
