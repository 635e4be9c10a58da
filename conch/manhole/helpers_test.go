package manhole_test

import (
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
)

// withCursor returns the lines of a screen, with a "|" at the cursor.
func withCursor(screen string, at insults.Position) string {
	lines := strings.Split(screen, "\n")
	line := []rune(lines[at.Line] + strings.Repeat(" ", at.Column))
	lines[at.Line] = string(line[:at.Column]) + "|" + string(line[at.Column:])
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
