package telnet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/reactor"
)

// FuzzTelnet: T-TELNET-1: what is delivered does not depend on the chunks, and
// what is kept is bounded.
func FuzzTelnet(f *testing.F) {
	for _, seed := range []string{
		"a\r\nb\r\x00c\rd\n\x00", iac(255) + "x" + iac(244) + iac(1), sub(31, "\x00\x50\x00\x18"), sub(34,
			"\x03"+iac(255)) + iac(250) + iac(240),
		verb(telnet.WILL, 1) + verb(telnet.DO, 1) + verb(telnet.WONT, 1) + verb(telnet.DONT, 1), "\r" + iac(251,
			0) + "\r\n\r" + iac(252, 0) + "\r\n", iac(250) + strings.Repeat("x", 70_000),
	} {
		f.Add([]byte(seed), uint8(1))
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, chunk uint8) {
		whole, pieces := record("\x00\x01", "\x00\x03"), record("\x00\x01", "\x00\x03")
		whole.in(string(data))
		for piece := range slices.Chunk(data, max(1, int(chunk))) {
			pieces.in(string(piece))
			if kept := pieces.Kept(); kept > telnet.MaxSubnegotiation {
				t.Errorf("%d bytes are kept", kept)
			}
		}
		got, want := joined(pieces.take()), joined(whole.take())
		if !slices.Equal(got, want) {
			t.Errorf("%q in chunks of %d:\n got %q\nwant %q", data, chunk, got, want)
		}
		if whole.StateName() != pieces.StateName() {
			t.Errorf("state %s, want %s", pieces.StateName(), whole.StateName())
		}
		whole.lose()
	})
}

// FuzzLogin: T-TELNET-43: no peer can make a login panic, or wait for longer
// than the time limit.
func FuzzLogin(f *testing.F) {
	for _, seed := range []string{
		"u\r\np\r\n", "u\r\n" + doEcho + "p\r\n" + dontEcho + "hello", "u\r\n" + dontEcho + "p\r\n",
		"u\np\nu\nx\nu\ny\n", doEcho + dontEcho + "u\rp\r\x00",
		strings.Repeat("x", 20_000), sub(31, "abcd") + iac(244),
	} {
		f.Add([]byte(seed), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, chunk uint8) {
		l := newLogin(t, nil)
		for piece := range slices.Chunk(data, max(1, int(chunk))) {
			l.in(string(piece))
			l.clock.Advance(100 * time.Millisecond)
		}
		for range 3 { // the answers about ECHO, the report, and the limit
			l.clock.Advance(telnet.DefaultLoginGraceTime)
		}
		loggedIn := slices.Contains(l.take(), "made")
		if loggedIn == l.connection.TelnetTransport.Disconnecting() {
			t.Errorf("logged in %v, and closed %v", loggedIn, !loggedIn)
		}
		l.connection.lose()
	})
}

// FuzzTerminal: T-TELNET-50: a terminal gets keys, and sizes that are positive.
func FuzzTerminal(f *testing.F) {
	f.Add([]byte("a\r\n" + sub(31, "\x00\x50\x00\x00") + iac(244) + verb(telnet.WILL, 34) + sub(34, "\x01\x06")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := connect(&journal{},
			&telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return &sized{t: t} }})
		c.in(string(data))
		c.lose()
	})
}

// sized is a terminal protocol that checks what it gets.
type sized struct {
	reactor.BaseProtocol
	t *testing.T
}

func (s *sized) DataReceived(data []byte) {
	if len(data) == 0 {
		s.t.Error("no data")
	}
	s.Transport().Write(data)
}

func (s *sized) TerminalSize(width, height int) {
	if width <= 0 || height <= 0 || width > 65535 || height > 65535 {
		s.t.Errorf("%d columns and %d rows", width, height)
	}
}
