package insults_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// shows fails the test if the screen has other text or another cursor. Empty
// lines at the end need not be in want.
func shows(t *testing.T, b *insults.TerminalBuffer, want string, column, line int) {
	t.Helper()
	if got := strings.TrimRight(b.String(), "\n"); got != want || b.Cursor() != (insults.Position{Column: column, Line: line}) {
		t.Errorf("screen %q, cursor %v; want %q, (%d, %d)", got, b.Cursor(), want, column, line)
	}
}

func TestT_INSULTS_100_119_NewBuffer(t *testing.T) {
	b := insults.NewTerminalBuffer(80, 24)
	if b.Width() != 80 || b.Height() != 24 || len(b.Modes()) != 0 || !slices.Equal(b.PrivateModes(), []insults.PrivateMode{7, 25}) ||
		b.Charset(insults.G0) != insults.CSUS || b.Charset(insults.G1) != insults.CSUS || b.Charset(insults.G2) != insults.CSAlternate ||
		b.Charset(insults.G3) != insults.CSAlternateSpecial || b.ActiveCharset() != insults.G0 || !b.ApplicationKeypad() ||
		b.GraphicRendition() != insults.DefaultFormat() {
		t.Errorf("%+v", b)
	}
	for _, size := range [][2]int{{0, -1}, {1 << 31, 1}, {1, 1 << 40}} {
		b := insults.NewTerminalBuffer(size[0], size[1])
		if w, h := b.Width(), b.Height(); w < 1 || h < 1 || w > insults.MaxSize || h > insults.MaxSize {
			t.Errorf("%v: %d by %d", size, w, h)
		}
	}
	if b.GetCharacter(-1, 0) != (insults.Cell{}) || b.GetCharacter(0, 24) != (insults.Cell{}) {
		t.Error("a cell beyond the screen")
	}
	log := reactortest.NewLog(t)
	b.Logger = log.Logger()
	b.UnhandledControlSequence([]byte("\x1b[z"))
	if found := log.Take("control sequence not handled"); len(found) != 1 {
		t.Errorf("log %q", log.Records())
	}
}

func TestT_INSULTS_101_102_103_104_Writing(t *testing.T) {
	for _, s := range []struct {
		name, input  string
		want         string
		column, line int
	}{
		{"LF is CR LF", "ab\nc", "ab\nc", 1, 1},
		{"CR", "ab\rc", "cb", 1, 0},
		{"the last column", "0123456789", "0123456789", 10, 0},
		{"after the last column", "0123456789a", "0123456789\na", 1, 1},
		{"without auto-wrap too", "\x1b[?7l0123456789a", "0123456789\na", 1, 1},
		{"other controls", "a\x00\x07\x7f\u0085b", "ab", 2, 0},
		{"tab", "a\tb", "a       b", 9, 0},
		{"tab at the end", "a\t\tb", "a        b", 10, 0},
		{"tab behind the last column", "0123456789\tb", "0123456789\nb", 1, 1},
		{"VT and FF", "a\vb\fc", "a\n b\n  c", 3, 2},
		{"scrolling", "a\nb\nc\nd\ne", "b\nc\nd\ne", 1, 3},
		{"deep scrolling", strings.Repeat("x\n", 1000) + "y", "x\nx\nx\ny", 1, 3},
	} {
		t.Run(s.name, func(t *testing.T) { shows(t, draw(10, 4, s.input), s.want, s.column, s.line) })
	}
}

func TestT_INSULTS_105_106_InsertAndScroll(t *testing.T) {
	b := draw(5, 3, "abcde\x1b[4h\rXY")
	shows(t, b, "XYabc", 2, 0)
	b = draw(5, 3, "a\r\nb\x1b[H\x1bM\x1b[7;31m\x1bM")
	shows(t, b, "\n\na", 0, 0)
	if b.GetCharacter(0, 0).Format.ReverseVideo != true || b.GetCharacter(0, 1).Format.ReverseVideo {
		t.Error("an empty line has the current format")
	}
}

func TestT_INSULTS_107_108_109_Cursor(t *testing.T) {
	b := insults.NewTerminalBuffer(5, 3)
	at := func(column, line int) {
		t.Helper()
		if b.Cursor() != (insults.Position{Column: column, Line: line}) {
			t.Errorf("cursor %v, want (%d, %d)", b.Cursor(), column, line)
		}
	}
	b.CursorForward(99)
	b.CursorDown(99)
	at(4, 2)
	b.CursorUp(99)
	b.CursorBackward(99)
	at(0, 0)
	for _, n := range []int{0, -3, -1 << 62} {
		b.CursorForward(n)
		b.CursorDown(n)
		b.CursorUp(n)
		b.CursorBackward(n)
	}
	at(0, 0)
	b.CursorForward(1<<63 - 1)
	b.CursorDown(1<<63 - 1)
	at(4, 2)
	b.CursorPosition(-7, 99)
	at(0, 2)
	b.CursorPosition(99, -7)
	at(4, 0)
	b.Index()
	at(4, 1)
	b.NextLine()
	at(0, 2)
	b.CursorHome()
	at(0, 0)
}

func TestT_INSULTS_110_SaveCursor(t *testing.T) {
	b := draw(9, 5, "ab\x1b8c") // nothing is saved: home
	shows(t, b, "cb", 1, 0)
	b = draw(9, 5, "\r\nab\x1b7\x1b[Hx\x1b8y\x1b[H\x1b8z") // twice
	shows(t, b, "x\nabz", 3, 1)
	b = draw(9, 5, "\r\nab\x1b7\x1bc\x1b8z") // a reset forgets
	shows(t, b, "z", 1, 0)
}

func TestT_INSULTS_111_Erasing(t *testing.T) {
	full := "abcde\r\nfghij\r\nklmno\x1b[2;3H"
	for sequence, want := range map[string]string{
		"\x1b[K": "abcde\nfg\nklmno", "\x1b[1K": "abcde\n   ij\nklmno", "\x1b[2K": "abcde\n\nklmno",
		"\x1b[J": "abcde\nfg", "\x1b[1J": "\n   ij\nklmno", "\x1b[2J": "",
	} {
		b := draw(5, 3, full+sequence)
		if got := strings.TrimRight(b.String(), "\n"); got != want || b.Cursor() != (insults.Position{Column: 2, Line: 1}) {
			t.Errorf("%q: %q, %v; want %q", sequence, got, b.Cursor(), want)
		}
	}
	b := draw(5, 3, "abcde\x1b[1Kx") // behind the last column: the row keeps its width
	shows(t, b, "\nx", 1, 1)
	if len(b.String()) > 20 {
		t.Errorf("%q", b)
	}
}

func TestT_INSULTS_112_InsertAndDelete(t *testing.T) {
	full := "abcde\r\nfghij\r\nklmno\x1b[2;3H"
	for sequence, want := range map[string]string{
		"\x1b[P": "abcde\nfgij\nklmno", "\x1b[99P": "abcde\nfg\nklmno",
		"\x1b[L": "abcde\n\nfghij", "\x1b[99L": "abcde",
		"\x1b[M": "abcde\nklmno", "\x1b[99M": "abcde",
	} {
		b := draw(5, 3, full+sequence)
		if got := strings.TrimRight(b.String(), "\n"); got != want || b.Cursor() != (insults.Position{Column: 2, Line: 1}) ||
			strings.Count(b.String(), "\n") != 2 {
			t.Errorf("%q: %q, %v; want %q", sequence, got, b.Cursor(), want)
		}
	}
	b := insults.NewTerminalBuffer(5, 3)
	_, _ = b.WriteString("abcde")
	b.DeleteCharacter(1) // behind the last column
	b.DeleteCharacter(-1)
	b.InsertLine(-1)
	b.DeleteLine(-1)
	shows(t, b, "abcde", 5, 0)
}

func TestT_INSULTS_113_Modes(t *testing.T) {
	b := draw(5, 3, "\x1b[2;4h\x1b[?1;25;2004h\x1b[?7;2004l\x1b>")
	if !slices.Equal(b.Modes(), []insults.Mode{2, 4}) || !slices.Equal(b.PrivateModes(), []insults.PrivateMode{1, 25}) || b.ApplicationKeypad() {
		t.Error(b.Modes(), b.PrivateModes(), b.ApplicationKeypad())
	}
	for mode := range 60_000 { // a hostile program
		b.SetModes(insults.Mode(mode), insults.Mode(-mode))
		b.SetPrivateModes(insults.PrivateMode(mode), insults.PrivateMode(-mode))
	}
	if len(b.Modes()) != 10_000 || len(b.PrivateModes()) != 10_000 {
		t.Error(len(b.Modes()), len(b.PrivateModes()))
	}
}

func TestT_INSULTS_114_CharacterSets(t *testing.T) {
	slots := func(b *insults.TerminalBuffer) (s string) {
		for x := range b.Width() {
			if cell := b.GetCharacter(x, 0); cell.Text != "" {
				s += cell.Text + slotName(cell.Format.Charset)
			}
		}
		return s
	}
	for input, want := range map[string]string{
		"a\x0eb\x0fc":    "aG0bG1cG0",
		"\x1bNa\x1bObc":  "aG2bG3cG0",
		"\x1bN\x1bOab":   "aG3bG0", // the last one counts
		"\x1bN\x0eab":    "aG2bG1", // and no shift cancels it
		"\x1bN\r\x07ab":  "aG2bG0", // only a printable character uses it
		"\x1bN\x1b[Kab":  "aG2bG0",
		"\x0e\x1b(0\x0f": "",
	} {
		if got := slots(draw(9, 1, input)); got != want {
			t.Errorf("%q: %s, want %s", input, got, want)
		}
	}
	if b := draw(9, 1, "\x1b(0\x1b)\x07"); b.Charset(insults.G0) != insults.CSDrawing || b.Charset(insults.G1) != '\a' {
		t.Error(b.Charset(insults.G0), b.Charset(insults.G1))
	}
}

func TestT_INSULTS_115_GraphicRendition(t *testing.T) {
	for sequence, want := range map[string]string{
		"1;4;5;7": "buk" + "r", "1;4;5;7;22;24": "kr", "1;7;25;27;22": "", "31;42": " fg=1 bg=2", "31;42;39": " bg=2",
		"31;42;49": " fg=1", "1;31;0": "", "91;107": " fg=9 bg=15", "38;5;200": " fg=200", "48;5;3;1": "b bg=3",
		"38;2;1;2;3;4": "u fg=#010203", "38;2;1": "", "38": "", "38;9;1": "", "99;3;1": "b", "38;5;300;1": "b fg=44",
		"38:5:9;48:2::1:2:3": " fg=9 bg=#010203",
	} {
		b := draw(5, 1, "\x1b["+sequence+"mx")
		if got := formatText(b.GetCharacter(0, 0).Format); got != want || b.GraphicRendition() != b.GetCharacter(0, 0).Format {
			t.Errorf("%s: %q, want %q", sequence, got, want)
		}
	}
	b := draw(5, 1, "\x1b[1m")
	b.SelectGraphicRendition()
	if !b.GraphicRendition().Bold {
		t.Error("no attributes have reset the format")
	}
}

func TestT_INSULTS_116_117_118_Rest(t *testing.T) {
	b := draw(5, 3, "ab\x1b[3Cc ")
	if b.String() != "ab  c\n \n" {
		t.Errorf("%q", b)
	}
	fired := insults.Position{}
	b.ReportCursorPosition().OnValue(func(p insults.Position) { fired = p })
	if fired != (insults.Position{Column: 1, Line: 1}) {
		t.Error(fired)
	}
	// Scroll regions.
	lines := "1\r\n2\r\n3\r\n4\r\n5"
	for input, want := range map[string]string{
		"\x1b[2;4r\x1b[4;1Hx\n": "1\n3\nx\n\n5", "\x1b[2;4r\x1b[2;1H\x1bM": "1\n\n2\n3\n5", "\x1b[2;4r\x1b[4;1H\x1bD": "1\n3\n4\n\n5",
		"\x1b[2;4r\x1b[2;1H\x1b[L": "1\n\n2\n3\n5", "\x1b[2;4r\x1b[3;1H\x1b[9M": "1\n2\n\n\n5", "\x1b[2;4r\x1b[M\x1b[L": "1\n2\n3\n4\n5",
		"\x1b[2;4r\x1b[5;1H\nx": "1\n2\n3\n4\nx", "\x1b[4;2r\x1b[5;1H\n": "2\n3\n4\n5", "\x1b[2;4r\x1b[r\x1b[5;1H\n": "2\n3\n4\n5",
		"\x1b[3r\x1b[5;1H\n": "1\n2\n4\n5", "\x1b[;2r\x1b[2;1H\n": "2\n\n3\n4\n5", "\x1b[2;99r\x1b[5;1H\n": "1\n3\n4\n5",
	} {
		if got := strings.TrimRight(draw(5, 5, lines+input).String(), "\n"); got != want {
			t.Errorf("%q: %q, want %q", input, got, want)
		}
	}
	shows(t, draw(5, 5, lines+"\x1b[2;4r"), lines2(lines), 0, 0)
	shows(t, draw(5, 5, "\x1b[2;4r\x1b[3;1H\x1b[99Ax\x1b[99By"), "\nx\n\n y", 2, 3)
	// Tab stops.
	shows(t, draw(20, 1, "   \x1bH\r\tx\r\t\ty"), "   x    y", 9, 0)
	shows(t, draw(20, 1, "\t\x1b[g\r\tx"), "                x", 17, 0)
	shows(t, draw(20, 1, "\x1b[3g\tx"), "                   x", 20, 0)
	// No-ops.
	b = insults.NewTerminalBuffer(5, 3)
	b.WriteSequence([][]byte{[]byte("a"), []byte("b")})
	b.DoubleHeightLine(true)
	b.SingleWidthLine()
	b.DoubleWidthLine()
	b.LoseConnection()
	shows(t, b, "ab", 2, 0)
}

func lines2(s string) string { return strings.ReplaceAll(s, "\r", "") }

func TestT_INSULTS_120_WideCharacters(t *testing.T) {
	for _, s := range []struct {
		name, input  string
		want         string
		column, line int
	}{
		{"wide", "你a", "你a", 3, 0},
		{"combining", "e\u0301x", "e\u0301x", 2, 0},
		{"in pieces", "e\xcc\x81x", "e\u0301x", 2, 0},
		{"no letter to combine with", "\u0301x", "x", 1, 0},
		{"joined emoji", "\U0001F469\u200d\U0001F467x", "\U0001F469\u200d\U0001F467x", 3, 0},
		{"flag", "\U0001F1E9\U0001F1EAx", "\U0001F1E9\U0001F1EAx", 3, 0},
		{"at the edge", "abcd你", "abcd\n你", 2, 1},
		{"overwritten on the left", "你\rx", "x", 1, 0},
		{"overwritten on the right", "你\x1b[Dx", " x", 2, 0},
		{"a wide one over two halves", "你好\r\x1b[C界", " 界", 3, 0},
		{"erased in the middle", "你好\x1b[1;2H\x1b[K", "", 1, 0},
		{"erased to the middle", "你好\x1b[1;3H\x1b[1K", "", 2, 0},
		{"deleted in the middle", "你好x\x1b[1;2H\x1b[P", " 好x", 1, 0},
		{"deleted in half", "你好x\x1b[1;3H\x1b[P", "你 x", 2, 0},
		{"pushed in half", "abc你\x1b[4h\r.", ".abc", 1, 0},
		{"bad bytes", "\xff\xfea", "��a", 3, 0},
		{"bytes in pieces", "\xe4\xbd", "", 0, 0},
	} {
		t.Run(s.name, func(t *testing.T) {
			shows(t, draw(5, 3, s.input), s.want, s.column, s.line)
			var single []string
			for i := range len(s.input) {
				single = append(single, s.input[i:i+1])
			}
			shows(t, draw(5, 3, single...), s.want, s.column, s.line)
		})
	}
	b := draw(5, 1, "你")
	if cell, next := b.GetCharacter(0, 0), b.GetCharacter(1, 0); cell.Text != "你" || cell.Continuation || next.Text != "" || !next.Continuation {
		t.Errorf("%+v %+v", cell, next)
	}
	shows(t, draw(1, 3, "你x"), "你\nx", 1, 1) // no room
	b = draw(5, 1, "e"+strings.Repeat("\u0301", 1<<16))
	if n := len(b.GetCharacter(0, 0).Text); n > insults.MaxClusterLen {
		t.Errorf("a character of %d bytes", n)
	}
}

func TestResize(t *testing.T) {
	b := draw(6, 3, "abc你\r\ndef\r\nghi\x1b[2;3r\x1b[3;4H")
	b.Resize(4, 2)
	shows(t, b, "abc\ndef", 3, 1)
	b.Resize(20, 4)
	_, _ = b.WriteString("\tx\n\n\n")
	shows(t, b, "def     x", 0, 3)
	b.Resize(1, 2)
	_, _ = b.WriteString("\x1b你\n")
	b.Resize(2, 2)
	shows(t, b, "", 0, 1)
	b.Resize(0, 1<<40)
	if b.Width() != 1 || b.Height() != insults.MaxSize {
		t.Error(b.Width(), b.Height())
	}
}
