//go:build unix

package insults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
)

// tmux is a real terminal.
type tmux struct {
	*tmuxtest.Terminal
	t                  *testing.T
	width, height, ran int
}

func newTmux(t *testing.T, width, height int) *tmux {
	return &tmux{Terminal: tmuxtest.Start(t, width, height, "cat"), t: t, width: width, height: height}
}

// show returns what the terminal shows after the output of a program, and where
// the cursor is.
func (m *tmux) show(output string) (text string, column, line int) {
	m.t.Helper()
	m.ran++
	file := filepath.Join(m.t.TempDir(), "output")
	marked := output + fmt.Sprintf("\x1b\\\x1b]2;shown %d\x07", m.ran)
	if err := os.WriteFile(file, []byte(marked), 0o600); err != nil {
		m.t.Fatal(err)
	}
	pane := strings.TrimSpace(m.Run("new-window", "-d", "-P", "-F", "#{pane_id}", "stty raw -echo; cat "+file+"; exec cat"))
	defer m.Run("kill-pane", "-t", pane)
	for number := 0; number != m.ran; {
		at := m.Run("display-message", "-t", pane, "-p", "#{pane_title} #{cursor_x} #{cursor_y}")
		_, _ = fmt.Sscanf(at, "shown %d %d %d", &number, &column, &line) // another title, before all is shown
	}
	return m.Run("capture-pane", "-t", pane, "-p"), column, line
}

// Both terminals take these in the same way.
var (
	tmuxText = []string{"a", "bc", "def", "e\u0301", " ", "\t", "\r", "\r\n", "\r\n", "\b", "\x1bE", "\x1b[2;3H", "\x1b[H", "\x1b[99;99H",
		"\x1bM", "\x1bD", "\x1b7", "\x1b8", "\x1bH", "\x1b[g", "\x1b[A", "\x1b[2B", "\x1b[3C", "\x1b[2D",
		"\x1b[2K", "\x1b[2J", "\x1b[L", "\x1b[2M", "\x1b[99M", "\x1b[2;3r", "\x1b[r", "\x1b[7;31m", "\x1b[m",
		"\x1b[2d", "\x1b[S", "\x1b[2T", "\x1b[s", "\x1b[u"}
	tmuxNarrow = []string{"\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[J", "\x1b[1J", "\x1b[P", "\x1b[2P", "\x1b[3G", "\x1b[2@", "\x1b[2X"} // tmux cuts wide characters in half, also if they are overwritten
	tmuxWide   = []string{"你", "😀", "한", "界"}
)

// same reports whether both terminals take a fragment in the same way after an
// output.
func same(output, fragment string, column, width int) bool {
	if !strings.HasPrefix(fragment, "\x1b") {
		return fragment != "\b" || column > 0 // tmux goes back to the line before, if that has wrapped
	}
	last := fragment[len(fragment)-1]
	switch {
	case column == width && !strings.ContainsRune("Hmr8u", rune(last)):
		return false // tmux first moves the cursor back to the last column
	case last == 'L' || last == 'M':
		return !strings.Contains(output, ";3r") // tmux does that outside of the scroll region too
	}
	return true
}

// T-INSULTS-100 to T-INSULTS-120: the picture is that of a real terminal.
func TestT_INSULTS_100_AgainstTmux(t *testing.T) {
	const width, height = 9, 5
	m := newTmux(t, width, height)
	rounds := 30
	if long {
		rounds = 200
	}
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 11))
		fragments := slices.Concat(tmuxText, tmuxNarrow)
		if seed%2 == 0 {
			fragments = slices.DeleteFunc(slices.Concat(tmuxText, tmuxWide), func(f string) bool {
				return strings.Contains(" \b \x1b[2D \x1b[3C \x1b[2;3H ", " "+f+" ")
			})
		}
		output := ""
		for range 1 + random.IntN(40) {
			fragment := fragments[random.IntN(len(fragments))]
			if same(output, fragment, draw(width, height, output).Cursor().Column, width) {
				output += fragment
			}
		}
		theirs, column, line := m.show(output)
		b := draw(width, height, output)
		if got := withoutEnds(b.String()); got != withoutEnds(theirs) || min(b.Cursor().Column, width-1) != min(column, width-1) || b.Cursor().Line != line {
			t.Errorf("seed %d, %q:\nhere %q, cursor %v\ntmux %q, cursor {%d %d}", seed, output, got, b.Cursor(), withoutEnds(theirs), column, line)
		}
	}
}
