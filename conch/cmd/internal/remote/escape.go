package remote

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// escapes finds escape sequences at the beginnings of lines of the input: the
// escape character and a command.
type escapes struct {
	char    byte
	atStart bool // of a line
	begun   bool // the escape character was typed
	act     func(command byte) (done bool)
}

// input passes input on, without the escape sequences. It calls act for each
// sequence, after the input before it. If act returns false the sequence is
// input.
func (e *escapes) input(p []byte, write func(p []byte)) {
	from := 0
	for i, b := range p {
		switch {
		case e.begun:
			e.begun, e.atStart = false, false
			switch {
			case b == e.char: // stands for itself
			case e.act(b):
				e.atStart, from = true, i+1
				continue
			default:
				write([]byte{e.char})
			}
		case e.atStart && b == e.char:
			write(p[from:i])
			e.begun, from = true, i+1
			continue
		}
		e.atStart = b == '\r' || b == '\n'
	}
	if from < len(p) {
		write(p[from:])
	}
}

const ctrlZ = 26

// act carries out an escape sequence.
func (s *session) act(command byte) (done bool) {
	switch command {
	case '.':
		s.show("%s.\n", s.escapeName())
		s.job.last = append(s.job.last, "Connection to "+text.Line(s.job.Target.Host)+" closed.")
		s.job.hangUp()
	case ctrlZ:
		s.show("%s^Z [suspend conch]\n", s.escapeName())
		if !suspend() {
			s.show("this system cannot suspend a program\n")
		}
	case '#':
		s.show("%s#\n%s", s.escapeName(), s.connections())
	case '?':
		s.show("%s?\n%s", s.escapeName(), strings.ReplaceAll(escapeHelp, "~", s.escapeName()))
	case 'B':
		s.show("%sB\n", s.escapeName())
		s.Break(0).OnError(ignore) // the server does not know breaks
	case 'R':
		s.show("%sR [a rekey on demand is not possible; keys change by themselves]\n", s.escapeName())
	case 'C':
		s.show("%sC [there is no command line here; name forwardings when you start conch]\n", s.escapeName())
	case '&':
		s.show("%s& [conch cannot go to the background now; use %s^Z and bg, or -f]\n", s.escapeName(), s.escapeName())
	default:
		return false
	}
	return true
}

const escapeHelp = `Supported escape sequences:
 ~.   - end the connection
 ~B   - send a break to the remote system
 ~#   - list the open channels
 ~^Z  - suspend conch
 ~?   - this text
 ~~   - send the escape character by typing it twice
Not possible here: ~R (rekey), ~C (command line), ~& (background).
Escapes are recognized only at the beginning of a line.
`

// connections lists the channels.
func (s *session) connections() string {
	var b strings.Builder
	b.WriteString("The following connections are open:\n")
	for _, ch := range s.job.conn.Channels() {
		fmt.Fprintf(&b, "  %s", text.Line(fmt.Sprint(ch)))
		if ch != s.Self() {
			if peer := ch.GetPeer(); peer != nil {
				fmt.Fprintf(&b, " (%s)", text.Line(peer.String()))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// escapeName is the escape character as people write it.
func (s *session) escapeName() string {
	if c := byte(s.job.escape); c < ' ' {
		return "^" + string(rune(c+'@'))
	}
	return string(rune(s.job.escape))
}

// show writes to the terminal at once, because the process may stop next.
func (s *session) show(format string, args ...any) { fmt.Fprintf(s.job.log, format, args...) }
