package manhole_test

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
)

// Whatever a user sends, nothing panics, and the session goes on.
func FuzzManhole(f *testing.F) {
	for _, seed := range []string{"1+1\r", "x\x03\x01\x05\x0c", "\x1b[A\x1b[B\x1b[200~for i in [1]:\n print(i)\n\n\x1b[201~", "if 1:\r\t x\r\r",
		"'é\u0301\xff\r", "ch\t\r", "\"\"\"\r\x1b[D\x7f", strings.Repeat("x", 400)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, keys []byte) {
		if len(keys) > 500 {
			return // the screen has 60 characters
		}
		short := starlarkrepl.Options{MaxSteps: 10_000}
		s := open(t, manhole.NewColored(short.New, map[string]any{"text": "é", "chars": []string{"a"}}))
		s.terminal.TerminalSize(12, 5)
		s.terminal.DataReceived(keys)
		s.program.AddOutput("note\n", true)
		if s.sent(); s.wire.Disconnecting() {
			return // ^D, ^\ or exit()
		}
		s.types("\x1b\\\x1b[201~\x03") // ends sequences and pastes
		if out := s.types("40+2\r"); !strings.Contains(out, "\r\n42\r\n>>> ") {
			t.Errorf("%q", out)
		}
	})
}
