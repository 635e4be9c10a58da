package manhole_test

import (
	"log/slog"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// program is what a Manhole and a ColoredManhole are.
type program interface {
	recvline.Line
	manhole.Session
	LineBuffer() string
	LineBufferIndex() int
}

// session is a user who sits at a Manhole.
type session struct {
	t        *testing.T
	program  program
	terminal *insults.ServerProtocol
	wire     *reactortest.StringTransport
	screen   *insults.TerminalBuffer
	client   *insults.ClientProtocol
	closed   bool
}

// open connects a user with a screen of 40 columns.
func open(t *testing.T, p program) *session {
	t.Helper()
	switch p := p.(type) {
	case *manhole.Manhole:
		p.Logger = slog.New(slog.DiscardHandler)
	case *manhole.ColoredManhole:
		p.Logger = slog.New(slog.DiscardHandler)
	}
	s := &session{t: t, program: p, wire: reactortest.NewStringTransport(), screen: insults.NewTerminalBuffer(40, 30)}
	s.client = insults.NewClientProtocol(s.screen)
	reactortest.Connect(s.client)
	s.terminal = insults.NewServerProtocol(func() insults.Protocol { return p })
	reactor.MakeConnection(s.terminal, s.wire)
	return s
}

// sent returns the output since the last call.
func (s *session) sent() string {
	sent := s.wire.TakeValue()
	s.client.DataReceived([]byte(sent))
	return sent
}

// types types keys and returns the output.
func (s *session) types(keys string) string {
	s.terminal.DataReceived([]byte(keys))
	return s.sent()
}

// wantShown fails the test if the screen shows something else. A "|" in want is
// the cursor.
func (s *session) wantShown(want string) {
	s.t.Helper()
	s.sent()
	at := s.screen.Cursor()
	lines := s.screen.String()
	if got := withCursor(lines, at); got != want {
		s.t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
}
