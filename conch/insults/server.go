package insults

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// MaxSize is the largest width and height of a terminal. Larger sizes are
// reduced to MaxSize.
const MaxSize = 1000

// ServerProtocol serves a user's terminal: it is the [Terminal] of a program,
// and the protocol of the connection to the user. It runs over any transport: a
// session of package server, telnet, standard input and output in raw mode.
//
// Received bytes become keys, which the program gets. What the program writes,
// and the control sequences of the other methods, are sent. All methods belong
// to the loop.
//
// The owner of the connection, such as a telnet or SSH session, calls
// TerminalSize when the size of the user's terminal becomes known or changes.
// Over standard input and output that is not needed.
type ServerProtocol struct {
	reactor.BaseProtocol

	// EscapeTimeout, if positive, is how long an ESC waits for the rest of a
	// sequence. After that time the ESC is the key KeyEscape. 50 ms is a usual
	// value. If EscapeTimeout is 0 or Clock is nil, an ESC waits for the next
	// byte.
	EscapeTimeout time.Duration
	Clock         reactor.Clock

	build    func() Protocol
	program  Protocol // nil before ConnectionMade and after ConnectionLost
	keyboard keyboard
	escape   *reactor.DelayedCall // nil if no ESC waits

	lost    error // why the connection has ended
	closing bool  // LoseConnection was called

	width, height int
	own           Position  // of the cursor
	saved         *Position // nil without SaveCursor
	private       map[PrivateMode]bool

	brake     brake
	lastWrite []byte
	endsInCR  bool // the last byte sent
	asked     []deferred.Deferred[Position]
}

var (
	_ Terminal         = (*ServerProtocol)(nil)
	_ reactor.Protocol = (*ServerProtocol)(nil)
	_ SizeReceiver     = (*ServerProtocol)(nil)

	_ reactor.WindowListener = (*ServerProtocol)(nil)
	_ keySink                = (*serverSink)(nil)
)

// NewServerProtocol returns a terminal for the program that build returns.
// build is called when the connection is made.
func NewServerProtocol(build func() Protocol) *ServerProtocol {
	return &ServerProtocol{build: build}
}

func (s *ServerProtocol) terminal() {}

// TerminalProtocol returns the program, or nil before ConnectionMade and after
// ConnectionLost.
func (s *ServerProtocol) TerminalProtocol() Protocol { return s.program }

// ConnectionMade makes the program and connects it to the terminal. If the size
// is known already, the program gets it then.
func (s *ServerProtocol) ConnectionMade() {
	s.keyboard.sink = (*serverSink)(s)
	if s.build == nil {
		return
	}
	if s.program = s.build(); s.program == nil {
		return
	}
	if t, ok := s.Transport().(reactor.TerminalTransport); ok {
		if size, err := t.WindowSize(); err == nil { // it is a terminal
			s.width, s.height = s.sizes(int(size.Columns), int(size.Rows))
		}
	}
	MakeConnection(s.program, s.self())
	if s.width > 0 && s.program != nil { // it may have ended
		s.program.TerminalSize(s.width, s.height)
	}
}

// self returns the terminal as the program sees it.
func (s *ServerProtocol) self() Terminal {
	if t, ok := s.Self().(Terminal); ok {
		return t
	}
	return s
}

// TerminalSize passes the size of the user's terminal to the program. A width
// or height that is not positive is unknown, and means the previous one.
func (s *ServerProtocol) TerminalSize(width, height int) {
	s.width, s.height = s.sizes(width, height)
	if s.program != nil {
		s.program.TerminalSize(s.width, s.height)
	}
}

// WindowChanged passes the size of the terminal of standard input and output to
// the program.
func (s *ServerProtocol) WindowChanged(size reactor.WindowSize) {
	s.TerminalSize(int(size.Columns), int(size.Rows))
}

// sizes returns the size within its bounds.
func (s *ServerProtocol) sizes(width, height int) (int, int) {
	knownWidth, knownHeight := s.TermSize()
	return clampSize(width, knownWidth), clampSize(height, knownHeight)
}

func clampSize(n, known int) int {
	if n <= 0 {
		return known
	}
	return min(n, MaxSize)
}

// TermSize returns the width and height of the terminal: 80 and 24 before
// TerminalSize.
func (s *ServerProtocol) TermSize() (width, height int) {
	if s.width == 0 {
		return 80, 24
	}
	return s.width, s.height
}

// DataReceived passes keys to the program. Without a program, and after
// LoseConnection, the data is dropped. While a slow user does not take the
// output that the keys have caused, the rest waits, and no more is read.
func (s *ServerProtocol) DataReceived(data []byte) {
	if s.brake.busy() {
		s.brake.rest = append(s.brake.rest, data...)
		return
	}
	s.feed(data)
}

// feed passes keys to the program, up to the end of data or until the user
// takes no more output.
func (s *ServerProtocol) feed(data []byte) {
	s.cancelEscape()
	s.brake.feeding, s.brake.written = true, 0
	defer s.release()
	for more := true; more; more = len(data) > 0 {
		n := s.keyboard.feed(data)
		if s.brake.paused {
			s.brake.rest = slices.Concat(data[n:], s.brake.rest)
			return
		}
		data, s.brake.rest = s.brake.rest, nil // what has come meanwhile
	}
	if s.EscapeTimeout > 0 && s.Clock != nil && s.keyboard.escapes() && s.program != nil {
		s.escape = s.Clock.CallLater(s.EscapeTimeout, s.escapeAlone)
	}
}

func (s *ServerProtocol) cancelEscape() {
	if s.escape != nil {
		_ = s.escape.Cancel() // an error means that others have cancelled the call
		s.escape = nil
	}
}

func (s *ServerProtocol) escapeAlone() {
	s.escape = nil
	s.keyboard.escapeAlone()
}

// ConnectionLost ends the program, and fails the cursor reports that it waits
// for. A second call does nothing.
func (s *ServerProtocol) ConnectionLost(reason error) {
	s.cancelEscape()
	if s.lost == nil {
		s.lost = fmt.Errorf("insults: connection lost: %w", reason)
	}
	s.brake = brake{}
	program, asked := s.program, s.asked
	s.program, s.asked = nil, nil
	for _, d := range asked {
		_ = d.TryErrback(s.lost) // it may have been cancelled
	}
	if program != nil {
		program.ConnectionLost(reason)
	}
}

// UnhandledControlSequence passes a control sequence to the program.
func (s *ServerProtocol) UnhandledControlSequence(seq []byte) {
	if s.program != nil {
		s.program.UnhandledControlSequence(seq)
	}
}

// LoseConnection resets the terminal and closes the connection after all
// written data is sent. No more keys are passed to the program.
func (s *ServerProtocol) LoseConnection() {
	s.self().Reset()
	s.closing = true
	s.unbrake()
	if t := s.Transport(); t != nil {
		t.LoseConnection()
	}
}

// GetHost returns the address of this end of the connection.
func (s *ServerProtocol) GetHost() net.Addr { return s.address(reactor.Transport.GetHost) }

// GetPeer returns the user's address.
func (s *ServerProtocol) GetPeer() net.Addr { return s.address(reactor.Transport.GetPeer) }

func (s *ServerProtocol) address(of func(reactor.Transport) net.Addr) net.Addr {
	if t := s.Transport(); t != nil {
		return of(t)
	}
	return nil
}

// serverSink is the ServerProtocol as its keyboard sees it.
type serverSink ServerProtocol

func (s *serverSink) stopped() bool { return s.program == nil || s.closing || s.brake.paused }

func (s *serverSink) key(stroke Stroke) {
	if s.program != nil && !s.closing {
		s.program.KeystrokeReceived(stroke.Key, stroke.Modifier)
	}
}

func (s *serverSink) unhandled(seq []byte) {
	(*ServerProtocol)(s).self().UnhandledControlSequence(seq)
}

func (s *serverSink) reports(mode PrivateMode) bool { return s.private[mode] }
