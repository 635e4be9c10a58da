package recvline_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
)

// Whatever a user types, the line is text, and the screen shows it.
func FuzzRecvLine(f *testing.F) {
	for _, s := range []string{"abc\x1b[D\x7f\r\x1b[A", "é你😀\xff\x1b[H\t", "\x1b[200~a\tb\rc\x1b[201~", "e\u0301\U0001F469\u200d\U0001F467\x7f",
		"\x1b[2~\x01x\x05\x17\x19\x14", "\x1bb\x1bf\x1bd\x0b\x15\x0c", "\x1b[A\x1b[B\x10\x0e", "\U0001F1E9\x1b[D\U0001F1EA", "\u0600\u0301x\u200d"} {
		f.Add([]byte(s), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		if len(data) > 500 {
			return
		}
		const height = 24
		width := 1 + int(size%30)
		setup := func(s *shell) {
			s.MaxLength = 200
			s.BindReadlineKeys()
		}
		u, slow := newUser(t, width, height, setup), newUser(t, width, height, setup)
		u.types(string(data))
		line := u.program.LineBuffer()
		if !utf8.ValidString(line) || len(line) > 200 {
			t.Errorf("line %q", line)
		}
		for _, r := range line {
			if unicode.IsControl(r) {
				t.Errorf("line %q", line)
			}
		}
		if n := len(u.program.HistoryLines); n > recvline.DefaultMaxHistory {
			t.Errorf("%d lines", n)
		}

		fits := true // the screen has always had room for prompt and line
		for i := range data {
			slow.types(string(data[i : i+1]))
			rows, _ := layout(slow.program.Prompt()+slow.program.LineBuffer(), width)
			fits = fits && len(rows) < height
		}
		if got := slow.program.LineBuffer(); got != line {
			t.Errorf("line %q if typed byte by byte, else %q", got, line)
		}
		if !fits || u.program.Pasting() || !plainClusters(u.program.Prompt()+line) {
			return
		}
		for _, user := range []*user{u, slow} {
			if problem := user.wrong(); problem != "" {
				t.Error(problem)
			}
		}
	})
}

// plainClusters reports whether every character of the line is of the kind that
// all terminals show in the same way.
func plainClusters(line string) bool {
	for _, c := range insults.Clusters(line) {
		sum := 0
		for _, r := range c {
			sum += insults.ClusterCells(string(r))
		}
		if sum != insults.ClusterCells(c) || sum == 0 {
			return false
		}
	}
	return true
}
