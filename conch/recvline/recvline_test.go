package recvline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// hooked overrides what a program may override, and notes the calls.
type hooked struct {
	recvline.HistoricRecvLine
	calls []string
}

func (h *hooked) note(call string) { h.calls = append(h.calls, call) }

func (h *hooked) ConnectionMade() {
	h.note(fmt.Sprint("made, ", len(h.KeyHandlers), " handlers"))
	h.KeyHandlers[insults.Ctrl('u')] = func() { h.note("^U") }
	h.KeyHandlers[insults.Stroke{Key: insults.KeyLeft, Modifier: insults.Control}] = func() { h.note("Ctrl-Left") }
	delete(h.KeyHandlers, insults.Stroke{Key: insults.KeyInsert})
	h.HistoricRecvLine.ConnectionMade()
}

func (h *hooked) InitializeScreen() {
	h.note("screen")
	h.WritePrompt()
	h.SetInsertMode()
}

func (h *hooked) CharacterReceived(character string, more bool) {
	h.note(fmt.Sprintf("%s %v", character, more))
	h.HistoricRecvLine.CharacterReceived(strings.ToUpper(character), more)
}

func (h *hooked) HandleTab() { h.note("tab") }

func (h *hooked) HandleReturn() {
	h.note("return")
	h.HistoricRecvLine.HandleReturn()
}

func (h *hooked) LineReceived(line string) { h.note("line " + line) }

func (h *hooked) DrawInputLine() {
	h.note("draw")
	h.HistoricRecvLine.DrawInputLine()
}

// Hooks of the embedding type are called, and keys can be bound and unbound.
func TestT_RECVLINE_1_2_3_5_9_36_Hooks(t *testing.T) {
	h := new(hooked)
	s := insults.NewServerProtocol(func() insults.Protocol { return h })
	wire := reactortest.NewStringTransport()
	reactor.MakeConnection(s, wire)
	if got := wire.TakeValue(); got != ">>> \x1b[4h" {
		t.Errorf("%q", got)
	}
	s.DataReceived([]byte("ab\t\x15\x1b[1;5D\x1b[D\x1b[2~\r\x1b[A\r"))
	s.TerminalSize(40, 10)
	want := []string{"made, 12 handlers", "screen", "a false", "b false", "tab", "^U", "Ctrl-Left", "return", "line AB", "A true", "B false", "return", "line AB", "draw"}
	if !slices.Equal(h.calls, want) {
		t.Errorf("calls %q\nwant  %q", h.calls, want)
	}
	if got := wire.TakeValue(); got != "AB\x1b[1D\r\n\x1b[KAB\r\n\x1b[2J\x1b[H>>> " {
		t.Errorf("%q", got)
	}
}

func TestT_RECVLINE_4_8_Keys(t *testing.T) {
	u := newUser(t, 80, 24, nil)
	for _, step := range []struct{ key, sent, line string }{
		{"abc", "abc", "abc|"},
		{"\x1b[D", "\x1b[1D", "ab|c"},
		{"x", "x", "abx|c"},
		{"\x7f", "\x1b[1D\x1b[1P", "ab|c"},
		{"\x1b[H", "\x1b[2D", "|abc"},
		{"\x1b[D", "", "|abc"},
		{"\x7f", "", "|abc"},
		{"\x1b[3~", "\x1b[1P", "|bc"},
		{"\x1b[2~", "\x1b[4l", "|bc"},
		{"y", "y", "y|c"},
		{"\x1b[2~", "\x1b[4h", "y|c"},
		{"\x1b[F", "\x1b[1C", "yc|"},
		{"\x1b[F\x1b[C\x1b[3~", "", "yc|"},
		{"\t", "\x1b[2C", "yc  |"},
		{"\r", "\r\n>>> ", "|"},
		{"\n", "\r\n>>> ", "|"},
	} {
		u.types(step.key)
		u.wantSent(step.sent)
		u.wantLine(step.line)
	}
	if !slices.Equal(u.lines, []string{"yc  ", ""}) || u.program.Typeover() {
		t.Errorf("%q", u.lines)
	}
}

func TestT_RECVLINE_5_6_Printable(t *testing.T) {
	log := reactortest.NewLog(t)
	u := newUser(t, 80, 24, func(s *shell) { s.Logger = log.Logger() })
	for _, key := range []string{"\v", "\f", "\x01", "\x00", "\x1b[15~", "\x1b[1;5A\x1b[1;5B", "\u0085", "\u200d", "\u202e", "\u0301"} {
		u.types(key)
		u.wantLine("|")
	}
	if got := log.Take("recvline: key without a function"); len(got) != 8 { // Ctrl-Up is Up
		t.Errorf("%q", log.Records())
	}
	u.types("a\x1bb é\xff你")
	u.wantLine("ab é\ufffd你|")
	u.types("\x1b\r")
	if !slices.Equal(u.lines, []string{"ab é\ufffd你"}) {
		t.Errorf("%q", u.lines)
	}
}

func TestT_RECVLINE_7_13_Clusters(t *testing.T) {
	u := newUser(t, 80, 24, nil)
	for _, step := range []struct{ key, sent, line string }{
		{"a你", "a你", "a你|"},
		{"\x1b[D", "\x1b[2D", "a|你"},
		{"\x1b[C", "\x1b[2C", "a你|"},
		{"\x7f", "\x1b[2D\x1b[2P", "a|"},
		{"e\u0301", "e\r\x1b[J>>> ae\u0301", "ae\u0301|"},
		{"\x1b[D", "\x1b[1D", "a|e\u0301"},
		{"\x1b[3~", "\x1b[1P", "a|"},
	} {
		u.types(step.key)
		u.wantSent(step.sent)
		u.wantLine(step.line)
	}
	if n := u.program.LineBufferIndex(); n != 1 {
		t.Error(n)
	}
	u.types("\U0001F469", "\u200d", "\U0001F467") // terminals may differ: all is drawn
	u.wantLine("a\U0001F469\u200d\U0001F467|")
	u.types("\x1b[D")
	u.wantSent("\r\x1b[J>>> a\x1b7\U0001F469\u200d\U0001F467\x1b8")
	u.wantLine("a|\U0001F469\u200d\U0001F467")
	u.types("\x1b[3~")
	u.wantLine("a|")
	u.types("\x1b[2~你你\x1b[H", "bc")
	u.wantLine("bc|你")
	u.types("\u0301", "\u0301") // a mark does not replace what follows
	u.wantLine("bc\u0301\u0301|你")
}

func TestT_RECVLINE_10_Tab(t *testing.T) {
	u := newUser(t, 80, 24, nil)
	u.types("abcde", "\x1b[D", "\t")
	u.wantSent("    ")
	u.wantLine("abcd    |e")
	u.types("\x1b[H", "\x1b[2~", "\t")
	u.wantLine("    |    e")
	u.types("\x1b[F\t")
	u.wantSent("\x1b[5C\x1b[3C")
	u.wantLine("        e   |")
	u = newUser(t, 10, 24, func(s *shell) { s.TabStop = 8 })
	u.types("a", "\t", "b", "\t")
	u.wantLine("a       b       |")
}

func TestT_RECVLINE_11_Resize(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("abcd", "\x1b[D\x1b[D")
	u.resize(30, 10)
	u.wantSent("\x1b[2J\x1b[H>>> abcd\x1b[2D")
	u.wantLine("ab|cd")
	u.resize(5, 10)
	u.wantLine("ab|cd")
	u.types("X")
	u.wantLine("abX|cd")
	u.resize(80, 24)
	u.wantSent("\x1b[2J\x1b[H>>> abXcd\x1b[2D")
	for _, size := range [][2]int{{0, 0}, {-1, -1}, {1 << 40, 1 << 40}, {1, 1}} {
		u.program.TerminalSize(size[0], size[1]) // directly
		u.program.HandleLeft()
		u.program.HandleRight()
		u.look()
	}
}

func TestT_RECVLINE_12_CurrentLineBuffer(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("ab你d\x1b[D\x1b[D")
	before, after := u.program.CurrentLineBuffer()
	if before != "ab" || after != "你d" || u.program.LineBuffer() != "ab你d" || u.program.LineBufferIndex() != 2 {
		t.Error(before, after)
	}
}

func TestT_RECVLINE_13_Wrap(t *testing.T) {
	u := newUser(t, 10, 6, nil)
	u.types("abcdefghij")
	u.wantSent("abcdef \r\x1b[Kghij") // nothing but the text is sent at the end of the line
	u.wantLine("abcdefghij|")
	u.types("\x1b[H")
	u.wantSent("\x1b[1A")
	u.types("\x1b[F")
	u.wantSent("\x1b[1B")
	u.types("\x1b[D\x1b[D\x1b[D\x1b[D")
	u.wantLine("abcdef|ghij")
	u.types("\x1b[D", "\x7f")
	u.wantLine("abcd|fghij")
	u.types("\r")
	u.wantLine("|")
	if got := withoutEnds(u.screen.String()); got != ">>> abcdfg\nhij\n>>>" {
		t.Errorf("%q", got)
	}
	u.types("123456\r") // exactly a row: no empty line follows
	u.wantLine("|")
	if got := withoutEnds(u.screen.String()); got != ">>> abcdfg\nhij\n>>> 123456\n>>>" {
		t.Errorf("%q", got)
	}
	u.types("\x1b[A\x1b[A", "\x1b[B", "\x1b[B") // the history
	u.wantLine("|")
	u.types(strings.Repeat("x", 100), "\x1b[H", "\x1b[F", "\x7f", "\x1b[H", "\x1b[3~") // more than the screen has
	if u.program.LineBuffer() != strings.Repeat("x", 98) {
		t.Error(u.program.LineBuffer())
	}
	u.types("\x1b[F", "\r", "y")
	u.wantLine("y|")
}

func withoutEnds(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// A prompt as wide as the screen, which the program has written.
func TestT_RECVLINE_13_FullPrompt(t *testing.T) {
	u := newUser(t, 4, 8, nil)
	u.wantLine("|")
	u.types("a")
	u.wantLine("a|")
	u.types("\x7f")
	u.wantLine("|")
	u.types("bc", "\x7f\x7f", "\r")
	u.wantLine("|")
	u.types("\r", "x\r", "y")
	u.wantLine("y|")
	if !slices.Equal(u.lines, []string{"", "", "x"}) {
		t.Errorf("%q", u.lines)
	}
}

func TestT_RECVLINE_14_ReadlineKeys(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("a\x01b") // not bound
	u.wantLine("ab|")
	u = newUser(t, 40, 10, func(s *shell) { s.BindReadlineKeys() })
	for _, step := range []struct{ key, line string }{
		{"one two-three  ", "one two-three  |"},
		{"\x01", "|one two-three  "},
		{"\x06", "o|ne two-three  "},
		{"\x02", "|one two-three  "},
		{"\x1bf", "one| two-three  "},
		{"\x1b[1;5C", "one two|-three  "},
		{"\x1b\x1b[C", "one two-three|  "},
		{"\x05", "one two-three  |"},
		{"\x1bb", "one two-|three  "},
		{"\x1b[1;5D\x1b[1;3D", "|one two-three  "},
		{"\x1bd", "| two-three  "},
		{"\x19\x19", "oneone| two-three  "},
		{"\x05\x17", "oneone |"},
		{"\x19", "oneone two-three  |"},
		{"\x1b\x7f", "oneone two-|"},
		{"\x1b\x08", "oneone |"},
		{"ab\x14", "oneone ba|"},
		{"\x02\x02\x14", "oneoneb |a"},
		{"\x01\x14", "|oneoneb a"},
		{"\x06\x06\x15", "|eoneb a"},
		{"\x06\x0b", "e|"},
		{"\x08", "|"},
		{"\x08\x04\x17\x0b\x15\x14\x1bd\x1bb\x1bf", "|"},
		{"xy\x02\x04", "x|"},
		{"\r", "|"},
		{"\x10", "x|"},
		{"\x0e", "|"},
	} {
		u.types(step.key)
		u.wantLine(step.line)
	}
	u.types("abc\x02", "\x0c")
	u.wantSent("\x1b[2J\x1b[H>>> abc\x1b[1D")
	u.types("\x0b", "\x01\x0b")
	u.wantSent("\x1b[2D\x1b[K")
}

func TestT_RECVLINE_15_UnknownSequences(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("a\x1b[99~\x1b[zb")
	u.wantSent("ab")
	u.wantLine("ab|")
}

func TestT_RECVLINE_30_31_37_History(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("one\r", "one\r", " \r", "\r", "three\r")
	if want := []string{"one", "one", " ", "three"}; !slices.Equal(u.program.HistoryLines, want) || u.program.HistoryPosition != 4 {
		t.Errorf("%q at %d", u.program.HistoryLines, u.program.HistoryPosition)
	}
	u.types("\x1b[A\x1b[A")
	before, after := u.program.CurrentHistoryBuffer()
	if !slices.Equal(before, []string{"one", "one"}) || !slices.Equal(after, []string{" ", "three"}) {
		t.Errorf("%q %q", before, after)
	}
	u.program.HistoryPosition = 99
	u.types("\x1b[A")
	u.wantLine("three|")
	u.program.HistoryPosition = -1
	u.types("\x1b[A")
	u.wantLine("three|")
}

func TestT_RECVLINE_32_33_34_35_Draft(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("abc", "\x1b[A")
	u.wantSent("") // there is no history
	u.wantLine("abc|")
	u.types("\r", "dr\x1b[D", "\x1b[A")
	u.wantSent("\x1b[1D\x1b[Kabc")
	u.types("X", "\x1b[B")
	u.wantSent("\x1b[4D\x1b[Kdr") // what was begun
	u.wantLine("dr|")
	u.types("\x1b[B")
	u.wantSent("")
	u.types("\x1b[A")
	u.wantLine("abc|") // without the change
	u.types("Y\r", "\x1b[B")
	u.wantSent("\x1b[K")
	u.wantLine("|")
	if !slices.Equal(u.program.HistoryLines, []string{"abc", "abcY"}) || !slices.Equal(u.lines, []string{"abc", "abcY"}) {
		t.Errorf("%q", u.program.HistoryLines)
	}
	u.types("\x1b[A", "\x1b[B")
	u.wantSent("\x1b[4D\x1b[K")
}

func TestT_RECVLINE_36_Typeover(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.types("abcdef\r", "xy\x1b[2~\x1b[H", "\x1b[A")
	u.wantSent("\x1b[Kabcdef")
	u.wantLine("abcdef|")
}

func TestT_RECVLINE_38_HistoryBound(t *testing.T) {
	u := newUser(t, 40, 10, func(s *shell) { s.MaxHistory = 3 })
	u.types("1\r2\r3\r4\r5\r")
	if want := []string{"3", "4", "5"}; !slices.Equal(u.program.HistoryLines, want) || u.program.HistoryPosition != 3 {
		t.Errorf("%q", u.program.HistoryLines)
	}
	u = newUser(t, 40, 10, nil)
	for range recvline.DefaultMaxHistory + 10 {
		u.types("x\r")
	}
	if n := len(u.program.HistoryLines); n != recvline.DefaultMaxHistory {
		t.Error(n)
	}
	u = newUser(t, 40, 10, func(s *shell) { s.HistoryLines = []string{"loaded"}; s.ResetHistoryPosition() })
	u.types("\x1b[A")
	u.wantLine("loaded|")
}

func TestT_RECVLINE_51_TransportSequence(t *testing.T) {
	screen := insults.NewTerminalBuffer(20, 3)
	p := new(shell)
	p.user = &user{t: t}
	server := insults.NewServerProtocol(nil)
	wire := reactortest.Connect(server)
	insults.MakeConnection(p, insults.Tee(screen, server)) // the copy, and the terminal
	for _, key := range []insults.Key{'a', 'b', insults.KeyLeft, 'c', insults.KeyUp} {
		p.KeystrokeReceived(key, 0)
	}
	if got := withoutEnds(screen.String()); got != ">>> acb" || screen.Cursor().Column != 6 || wire.Value() != "\x1bc>>> \x1b[4hab\x1b[1Dc" {
		t.Errorf("%q %v %q", got, screen.Cursor(), wire.Value())
	}
}

// T-MANHOLE-10 needs this: output that arrives while a line is edited.
func TestAddOutput(t *testing.T) {
	u := newUser(t, 40, 10, nil)
	u.program.AddOutput("x", true)
	u.look()
	u.wantSent("\x1b[2K\x1b[4Dx\r\n>>> ")
	u.types("abc\x1b[D")
	u.program.AddOutput("out\nput\n", true)
	u.look()
	u.wantSent("\x1b[2K\x1b[7Dout\r\nput\r\n>>> abc\x1b[1D")
	u.wantLine("ab|c")
	u.program.AddOutput("", true)
	u.program.AddOutput("sync\n", false)
	u.look()
	u.wantSent("sync\r\n")
	u = newUser(t, 10, 10, nil)
	u.types("abcdefghijklm\x1b[H")
	u.program.AddOutput("output", true)
	u.look()
	u.wantLine("|abcdefghijklm")
	if got := withoutEnds(u.screen.String()); got != "output\n>>> abcdef\nghijklm" {
		t.Errorf("%q", got)
	}
}

func TestComplete(t *testing.T) {
	words := []string{"print", "private", "über", "übung", "x y"}
	u := newUser(t, 40, 10, func(s *shell) {
		s.Complete = func(before, after string) (string, []string) {
			word := before[strings.LastIndexByte(before, ' ')+1:]
			var found []string
			for _, w := range words {
				if strings.HasPrefix(w, strings.ToLower(word)) {
					found = append(found, w)
				}
			}
			return word, found
		}
	})
	for _, step := range []struct{ key, line string }{
		{"pri", "pri|"}, {"v\t", "private|"}, {" zz\t", "private zz|"}, {"\x7f\x7fPRIN\t", "private print|"},
		{"\x1b[Hpr\t", "pri|private print"}, {"\x1b[2~", "pri|private print"},
	} {
		u.types(step.key)
		u.wantLine(step.line)
	}
	u.types("\t")
	u.wantLine("pri|private print")
	if got := withoutEnds(u.screen.String()); got != "print  private\n>>> pripr"+"ivate print" {
		t.Errorf("%q", got)
	}
	u.types("\rü\t")
	u.wantLine("üb|")
	u.program.Complete = func(before, _ string) (string, []string) { return "other", []string{"x"} } // no end of before
	u.types("\t")
	u.wantLine("üb|")
	u.program.Complete = func(before, _ string) (string, []string) { return "", slices.Repeat([]string{"a", "b"}, 100) }
	u.types("\t")
	if n := strings.Count(u.sent, "a"); n != 50 || !strings.Contains(u.sent, "...") {
		t.Errorf("%d of 200 candidates: %q", n, u.sent)
	}
}

func TestPaste(t *testing.T) {
	u := newUser(t, 10, 20, func(s *shell) {
		s.SetBracketedPaste(true)
		s.Complete = func(string, string) (string, []string) { t.Error("a pasted Tab completes"); return "", nil }
		s.BindReadlineKeys()
	})
	u.types("\x1b[200~one\r\ntwo\nthr\tee\x01\x15\rlast line of it", "\x1b[201~")
	u.wantLine("last line of it|")
	if want := []string{"one", "two", "thr ee"}; !slices.Equal(u.lines, want) {
		t.Errorf("%q", u.lines)
	}
	if n := strings.Count(u.sent, "last"); n > 1 {
		t.Errorf("drawn %d times", n)
	}
	u.types("\x01", "\x1b[200~more ", "é\x1b[A", "\x1b[201~")
	u.wantLine("more é|last line of it")
	u.types("\x1b[201~\x1b[200~\x1b[200~\x1b[201~", "\x05", "\x17")
	u.wantLine("more élast line of |")
	u.program.SetBracketedPaste(false)
	u.look()
	u.wantSent("\x1b[?2004l")
	u.types("a\rb\r\nc") // without marks
	if want := []string{"more élast line of a", "b", ""}; !slices.Equal(u.lines[3:], want) {
		t.Errorf("%q", u.lines[3:])
	}
}

func TestRender(t *testing.T) {
	u := newUser(t, 20, 5, func(s *shell) {
		s.Render = func(line string) (string, bool) {
			return strings.ReplaceAll(line, "b", "\x1b[31mb\x1b[0m"), !strings.Contains(line, "?")
		}
	})
	for _, step := range []struct{ key, sent, line string }{
		{"a", "\x1b[2K\x1b[4D>>> a", "a|"},
		{"b", "\x1b[2K\x1b[5D>>> a\x1b[31mb\x1b[0m", "ab|"},
		{" ", " ", "ab |"},
		{"\x1b[H", "\x1b[3D", "|ab "},
		{"c", "\x1b[2K\x1b[7D>>> ca\x1b[31mb\x1b[0m \x1b[3D", "c|ab "},
		{"?", "?", "c?|ab "},
		{"\x7f\r", "\x1b[1D\x1b[1P\r\n>>> ", "|"},
		{"\x1b[A", "\x1b[K\x1b[2K\x1b[7D>>> ca\x1b[31mb\x1b[0m ", "cab |"},
	} {
		u.types(step.key)
		u.wantSent(step.sent)
		u.wantLine(step.line)
	}
	u.types("bbbbbbbbbbbbbbbbbbbbb", "\x1b[H", "b")
	u.wantLine("b|cab bbbbbbbbbbbbbbbbbbbbb")
	if cell := u.screen.GetCharacter(3, 2); cell.Text != "b" || cell.Format.Foreground != insults.Red {
		t.Errorf("%+v", cell)
	}
}

func TestBounds(t *testing.T) {
	u := newUser(t, 80, 24, nil)
	u.types(strings.Repeat("x", 1<<20))
	if n := len(u.program.LineBuffer()); n != recvline.DefaultMaxLength {
		t.Errorf("a line of %d bytes", n)
	}
	if len(u.sent) > 2<<20 || strings.Count(u.sent, "\a") != 1<<20-recvline.DefaultMaxLength {
		t.Errorf("%d bytes sent", len(u.sent))
	}
	u.types("\x15\r", "a"+strings.Repeat("\u0301", 1<<16))
	if n := len(u.program.LineBuffer()); n > recvline.DefaultMaxLength {
		t.Errorf("a line of %d bytes", n)
	}
	u = newUser(t, 80, 24, func(s *shell) {
		s.MaxLength = 5
		s.HistoryLines = []string{"longer than that", "a\tb\nc"}
		s.ResetHistoryPosition()
	})
	u.types("\x1b[A")
	u.wantLine("a bc|")
	u.types("\x1b[A")
	u.wantLine("longe|")
	u.types("\t\x1b[200~abc\x1b[201~")
	u.wantLine("longe|")
}

// A multi-line prompt is written as a whole, and drawn again by its last line.
func TestMultiLinePrompt(t *testing.T) {
	u := newUser(t, 10, 12, func(s *shell) { s.PS = [2]string{"first\n> ", ""} })
	u.types("abcdefghijkl", "\x1b[H", "\x1b[3~")
	u.wantLine("|bcdefghijkl")
	if got := withoutEnds(u.screen.String()); got != "first\n> bcdefghi\njkl" {
		t.Errorf("%q", got)
	}
	u.program.PN = 1
	u.types("\r", "x")
	u.wantLine("x|")
	u.program.PN = 99
	u.types("\r")
	u.wantSent("\r\n")
}
