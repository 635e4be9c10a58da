package recvline_test

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
)

// A program that leaves the screen as it is: after a change of the width, the
// line is drawn again where the terminal has put it, and the text above stays.
func TestRedraw(t *testing.T) {
	for _, row := range []struct {
		line  string
		left  int // steps of the cursor
		width int // the new one
	}{
		{"short", 2, 30}, {"0123456789 0123456789 0123456789", 20, 12}, {"0123456789 0123456789", 0, 40}, {"0123456789", 9, 5},
		{"日本語日本語日本語", 4, 9}, {"", 0, 3}, {"0123456789", 3, 1},
	} {
		u := newUser(t, 20, 40, nil)
		u.types(row.line, strings.Repeat("\x1b[D", row.left))
		before, after := u.program.CurrentLineBuffer()
		rows, _ := layout(">>> "+before+after, row.width)
		atRow, atColumn := cursorOf(">>> "+before, after, row.width)
		u.screen = insults.NewTerminalBuffer(row.width, 40) // of the terminal that has wrapped its rows again
		u.client = insults.NewClientProtocol(u.screen)
		u.client.ConnectionMade()
		const above = 3
		for i, text := range append([]string{"a", "b", "c"}, rows...) {
			u.screen.CursorPosition(0, i)
			_, _ = u.screen.WriteString(text)
		}
		u.screen.CursorPosition(atColumn, above+atRow)
		u.program.SetSize(row.width, 40)
		u.program.Redraw()
		u.look()
		shown := strings.Split(u.screen.String(), "\n")
		for i, want := range []string{"a", "b", "c"} {
			if i < len(shown) && strings.TrimSpace(shown[i]) != want {
				t.Errorf("%q at width %d: row %d is %q", row.line, row.width, i, shown[i])
			}
		}
		for i, want := range rows {
			if got := strings.TrimRight(shown[above+i], " "); got != strings.TrimRight(want, " ") {
				t.Errorf("%q at width %d: row %d is %q, want %q", row.line, row.width, i, got, want)
			}
		}
		if at := u.screen.Cursor(); at.Line != above+atRow || at.Column != atColumn {
			t.Errorf("%q at width %d: the cursor is at %v, want %d, %d", row.line, row.width, at, atColumn, atRow)
		}
	}
}

func TestReplaceWord(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("get na b", "\x1b[D\x1b[D")
	u.program.ReplaceWord("na", "name")
	u.look()
	u.wantSent("me")
	u.wantLine("get name| b")
	u.program.ReplaceWord("name", `"other name"`)
	u.look()
	u.wantLine(`get "other name"| b`)
	u.program.ReplaceWord("", "x")
	u.look()
	u.wantLine(`get "other name"x| b`)
}
