package insults_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestT_INSULTS_1_2_Wiring(t *testing.T) {
	var base insults.TerminalProtocol
	base.ConnectionMade() // the hooks do nothing
	base.KeystrokeReceived('a', 0)
	base.TerminalSize(1, 1)
	base.UnhandledControlSequence(nil)
	base.ConnectionLost(io.EOF)
	if base.Terminal() != nil || base.Self() != nil {
		t.Error("a terminal before MakeConnection")
	}
	p := new(program)
	var there insults.Terminal
	p.made = func() { there = p.Terminal() }
	s, _ := serve(p)
	if there != insults.Terminal(s) || p.Self() != insults.Protocol(p) || s.TerminalProtocol() != insults.Protocol(p) {
		t.Errorf("terminal %v, self %v, program %v", there, p.Self(), s.TerminalProtocol())
	}
}

// preparing is a base type between TerminalProtocol and a program.
type preparing struct {
	insults.TerminalProtocol
	log []string
}

func (p *preparing) Prepare()        { p.log = append(p.log, fmt.Sprint("prepare ", p.Terminal() != nil)) }
func (p *preparing) ConnectionMade() { p.log = append(p.log, "made") }

func TestPrepareComesBeforeConnectionMade(t *testing.T) {
	p := new(preparing)
	insults.MakeConnection(p, insults.NewTerminalBuffer(1, 1))
	if !slices.Equal(p.log, []string{"prepare true", "made"}) {
		t.Error(p.log)
	}
}

func TestT_INSULTS_3_8_Size(t *testing.T) {
	one, other := new(program), new(program)
	s, _ := serve(one)
	second, _ := serve(other)
	if w, h := s.TermSize(); w != 80 || h != 24 || one.sizes != nil {
		t.Errorf("size %d by %d, %v", w, h, one.sizes)
	}
	for _, size := range [][2]int{{100, 30}, {0, 0}, {0, 40}, {-5, 1 << 31}, {1 << 32, 3}} {
		s.TerminalSize(size[0], size[1])
	}
	if want := [][2]int{{100, 30}, {100, 30}, {100, 40}, {100, 1000}, {1000, 3}}; !slices.Equal(one.sizes, want) {
		t.Errorf("sizes %v, want %v", one.sizes, want)
	}
	s.CursorPosition(7, 2)
	if second.CursorPos() != (insults.Position{}) || s.CursorPos() != (insults.Position{Column: 7, Line: 2}) {
		t.Error("two connections share a cursor")
	}
	if w, _ := second.TermSize(); w != 80 || other.sizes != nil {
		t.Error("two connections share a size")
	}
}

// A size that the carrier knows before the connection is made is passed on.
func TestSizeBeforeConnection(t *testing.T) {
	p := new(program)
	s := insults.NewServerProtocol(func() insults.Protocol { return p })
	s.TerminalSize(132, 50)
	reactor.MakeConnection(s, reactortest.NewStringTransport())
	if !slices.Equal(p.sizes, [][2]int{{132, 50}}) {
		t.Error(p.sizes)
	}
}

func TestT_INSULTS_4_5_ConnectionLost(t *testing.T) {
	p := new(program)
	p.onLost = func() { panic("boom") }
	s, _ := serve(p)
	func() {
		defer func() { _ = recover() }()
		s.ConnectionLost(io.EOF)
	}()
	s.ConnectionLost(io.EOF)
	if len(p.lost) != 1 || p.lost[0] != io.EOF || s.TerminalProtocol() != nil {
		t.Errorf("lost %v, program %v", p.lost, s.TerminalProtocol())
	}
	s.DataReceived([]byte("abc\x1b["))
	s.TerminalSize(10, 10)
	s.UnhandledControlSequence([]byte("x"))
	if p.strokes != nil || p.sizes != nil || p.unknown != nil {
		t.Errorf("after the end: %v %v %v", p.strokes, p.sizes, p.unknown)
	}
	for _, build := range []func() insults.Protocol{nil, func() insults.Protocol { return nil }} {
		without := insults.NewServerProtocol(build)
		reactortest.Connect(without)
		without.DataReceived([]byte("abc"))
		without.TerminalSize(10, 10)
		without.ConnectionLost(io.EOF)
	}
}

func TestT_INSULTS_6_LoseConnection(t *testing.T) {
	p := new(program)
	s, wire := serve(p)
	p.onKey = func(insults.Stroke) { s.LoseConnection() }
	s.DataReceived([]byte("qx\x1b[A"))
	if got := wire.Value(); got != "\x1bc" || !wire.Disconnecting() || len(p.strokes) != 1 {
		t.Errorf("sent %q, closing %v, %d keys", got, wire.Disconnecting(), len(p.strokes))
	}
	insults.NewServerProtocol(nil).LoseConnection() // without a connection
}

func TestT_INSULTS_7_Addresses(t *testing.T) {
	s, wire := serve(new(program))
	if s.GetHost() != wire.Host || s.GetPeer() != wire.Peer {
		t.Error(s.GetHost(), s.GetPeer())
	}
	if none := insults.NewServerProtocol(nil); none.GetHost() != nil || none.GetPeer() != nil {
		t.Error("an address without a connection")
	}
}

// overriding is a terminal of a program's own on top of a ServerProtocol.
type overriding struct {
	insults.ServerProtocol
	log strings.Builder
}

func (o *overriding) Write(p []byte) (int, error) {
	o.log.Write(p)
	return o.ServerProtocol.Write(p)
}

// All output of a program goes through the Write of an embedding type.
func TestEmbeddedServerProtocol(t *testing.T) {
	p := new(program)
	o := &overriding{ServerProtocol: *insults.NewServerProtocol(func() insults.Protocol { return p })}
	reactor.MakeConnection(o, reactortest.NewStringTransport())
	term := p.Terminal()
	fmt.Fprint(term, "a")
	_, _ = term.WriteString("b")
	term.CursorUp(2)
	term.WriteSequence([][]byte{[]byte("c"), []byte("d")})
	if term != insults.Terminal(o) || o.log.String() != "ab\x1b[2Acd" {
		t.Errorf("%q", o.log.String())
	}
}

func TestT_INSULTS_11_UTF8(t *testing.T) {
	for input, want := range map[string]string{
		"é你😀":            "é你😀",
		"\x1bé":          "[ALT]é",
		"\xff\xfe":       "\ufffd\ufffd",
		"\xc3(":          "\ufffd(",
		"\xe4\xbd\x1b[A": "\ufffd\ufffd[UP_ARROW]",
		"\x9bA\x8f":      "\ufffdA\ufffd",
		"\xed\xa0\x80":   "\ufffd\ufffd\ufffd",
		"\u009b":         "\u009b",
	} {
		if got, unknown := keysOf(t, input); got != want || unknown != "" {
			t.Errorf("%q: %s %q, want %s", input, got, unknown, want)
		}
	}
}

func TestT_INSULTS_12_Escape(t *testing.T) {
	for input, want := range map[string]string{
		"\x1b\x1b[A":       "[ALT][UP_ARROW]",
		"\x1b\x1bOP":       "[ALT][F1]",
		"\x1b\x1b[1;5C":    "[ALT][CONTROL][RIGHT_ARROW]",
		"\x1b\x1bx":        "[ALT][ESCAPE]x",
		"\x1b\x1b\x1b[A":   "[ALT][ESCAPE][UP_ARROW]",
		"\x1b\x1b\x1b\x1b": "[ALT][ESCAPE]",
		"\x1ba\x1b\r":      "[ALT]a[ALT]\r",
	} {
		if got, unknown := keysOf(t, input); got != want || unknown != "" {
			t.Errorf("%q: %s %q, want %s", input, got, unknown, want)
		}
	}
	clock := reactortest.NewClock()
	p := new(program)
	s, _ := serve(p)
	s.Clock, s.EscapeTimeout = clock, 50*time.Millisecond
	s.DataReceived([]byte("\x1b"))
	clock.Advance(49 * time.Millisecond)
	s.DataReceived([]byte("[A\x1b"))
	clock.Advance(49 * time.Millisecond)
	if got, _ := show(p); got != "[UP_ARROW]" {
		t.Error("too early:", got)
	}
	clock.Advance(time.Millisecond)
	s.DataReceived([]byte("[A\x1b\x1b"))
	clock.Advance(50 * time.Millisecond)
	if got, _ := show(p); got != "[UP_ARROW][ESCAPE][A[ALT][ESCAPE]" {
		t.Error(got)
	}
	s.DataReceived([]byte("\x1b"))
	s.ConnectionLost(io.EOF)
	if left := clock.GetDelayedCalls(); len(left) != 0 {
		t.Error("a timer after the end")
	}
}

func TestT_INSULTS_13_StringsAreTyped(t *testing.T) {
	if got, unknown := keysOf(t, "\x1b]0;t\x07\x1bPq"); got != "[ALT]]0;t\x07[ALT]Pq" || unknown != "" {
		t.Errorf("%s %q", got, unknown)
	}
}

func TestT_INSULTS_14_15_18_Sequences(t *testing.T) {
	for input, want := range map[string][2]string{
		"\x1b[5|x":          {"x", "\x1b[5|"}, // final bytes are 40 to 7E
		"\x1b[9@x":          {"x", "\x1b[9@"},
		"\x1b[9{\x1b[9`":    {"", "\x1b[9{\x1b[9`"},
		"\x1b[[Ax":          {"[F1]x", ""},
		"\x1b[[E":           {"[F5]", ""},
		"\x1b[[Fx":          {"x", "\x1b[[F"},
		"\x1b[\x1b[A":       {"[UP_ARROW]", ""}, // an ESC starts anew
		"\x1b[3\x1bx":       {"[ALT]x", ""},
		"\x1b[3\x18~":       {"~", ""}, // aborted
		"\x1b[3\x1a~":       {"~", ""},
		"\x1bO\x18P":        {"P", ""},
		"\x1bO\x1b[A":       {"[UP_ARROW]", ""},
		"\x1b[3\r~":         {"\r[DELETE]", ""}, // other controls are keys
		"\x1b[3\x7f~":       {"\x7f[DELETE]", ""},
		"\x1b[3é~":          {"é~", ""}, // no part of a sequence
		"\x1b[1OP":          {"P", "\x1b[1O"},
		"\x1b[?1;2$y\x1b[A": {"[UP_ARROW]", "\x1b[?1;2$y"},
	} {
		if got, unknown := keysOf(t, input); got != want[0] || unknown != want[1] {
			t.Errorf("%q: %q %q, want %q", input, got, unknown, want)
		}
	}
}

func TestT_INSULTS_16_OverlongSequence(t *testing.T) {
	for _, intro := range []string{"\x1b[", "\x1b\x1b["} {
		digits := strings.Repeat("1;", insults.MaxSequence/2)
		if got, unknown := keysOf(t, intro+digits+"5~x"); got != "x" || unknown != intro+digits {
			t.Errorf("%q, %q", got, unknown)
		}
		if got, unknown := keysOf(t, intro+digits+"mx"); got != "x" || unknown != intro+digits+"m" {
			t.Errorf("the longest sequence: %q, %q", got, unknown)
		}
	}
	p := new(program)
	s, _ := serve(p)
	for range 64 {
		s.DataReceived([]byte("\x1b[" + strings.Repeat("9", 16<<10)))
	}
	if kept := s.Kept(); kept > 2048 {
		t.Errorf("%d bytes of 1 MiB are kept", kept)
	}
	s.DataReceived([]byte("~a"))
	if got, _ := show(p); got != "a" {
		t.Errorf("%q", got)
	}
}

func TestT_INSULTS_17_PanicLeavesNoHalf(t *testing.T) {
	for _, key := range []string{"\x1b[A", "\x1bOP", "\x1bx", "\x1b[1;5A", "\x1b[[A", "é", "\x1b\x1bx"} {
		p := new(program)
		s, _ := serve(p)
		p.onKey = func(insults.Stroke) { panic("boom") }
		func() {
			defer func() { _ = recover() }()
			s.DataReceived([]byte(key))
		}()
		p.onKey, p.strokes = nil, nil
		s.DataReceived([]byte("P"))
		if got, unknown := show(p); got != "P" || unknown != "" {
			t.Errorf("after a panic for %q: %q %q", key, got, unknown)
		}
	}
}

func TestT_INSULTS_20_21_22_23_Keys(t *testing.T) {
	for input, want := range map[string]string{
		"\x1b[A\x1b[B\x1b[C\x1b[D": "[UP_ARROW][DOWN_ARROW][RIGHT_ARROW][LEFT_ARROW]",
		"\x1b[E\x1b[F\x1b[H\x1b[Z": "[NUMPAD_MIDDLE][END][HOME][SHIFT]\t",
		"\x1b[1;2A\x1b[1;3B":       "[SHIFT][UP_ARROW][ALT][DOWN_ARROW]",
		"\x1b[1;5C\x1b[1;9D":       "[CONTROL][RIGHT_ARROW][META][LEFT_ARROW]",
		"\x1b[1;6F\x1b[1;16H":      "[SHIFT][CONTROL][END][SHIFT][ALT][CONTROL][META][HOME]",
		"\x1b[1;1A":                "[UP_ARROW]",
		"\x1b[1;2P\x1b[1;2R":       "[SHIFT][F1][SHIFT][F3]",
		"\x1b[3;5~\x1b[24;2~":      "[CONTROL][DELETE][SHIFT][F12]",
		"\x1bOA\x1bOD\x1bOE\x1bOH": "[UP_ARROW][LEFT_ARROW][NUMPAD_MIDDLE][HOME]",
		"\x1bOp\x1bOy\x1bOj\x1bOo": "09*/",
		"\x1bOM\x1bOX\x1bOI":       "\r=\t",
		"\x1b[7~\x1b[8~":           "[HOME][END]",
		"\x1b[11~\x1b[14~\x1b[15~": "[F1][F4][F5]",
		"\x1b[a\x1bOd":             "[SHIFT][UP_ARROW][CONTROL][LEFT_ARROW]",
		"\x1b[3$\x1b[5^\x1b[2@":    "[SHIFT][DELETE][CONTROL][PGUP][SHIFT][CONTROL][INSERT]",
		"\x1b[25~\x1b[34~":         "[F13][F20]",
		"\x1b[200~a\x1b[201~":      "[PASTE_START]a[PASTE_END]",
		"\x1b[003~":                "[DELETE]",
	} {
		if got, unknown := keysOf(t, input); got != want || unknown != "" {
			t.Errorf("%q: %s %q, want %s", input, got, unknown, want)
		}
	}
	for _, unknown := range []string{
		"\x1b[2A", "\x1b[1;17A", "\x1b[1;0A", "\x1b[;5A", "\x1b[2;5A", "\x1b[P", "\x1b[0~", "\x1b[9~", "\x1b[22~", "\x1b[35~",
		"\x1b[~", "\x1b[;~", "\x1b[3;5;1~", "\x1b[3;2^", "\x1b[?1;2c", "\x1b[I", "\x1b[<0;1;1M", "\x1bO5", "\x1bO\u00e9", "\x1b[99999999999999999999~",
		"\x1bOz", "\x1b[Oz", // as received
	} {
		if got, reported := keysOf(t, unknown); got != "" || reported != unknown {
			t.Errorf("%q: %s %q", unknown, got, reported)
		}
	}
}

// Each number and letter, against the tables of the keys.
func TestT_INSULTS_20_AllSequences(t *testing.T) {
	for n := range 300 {
		input := fmt.Sprintf("\x1b[%d~", n)
		key, known := insults.NumberKeys[n]
		got, unknown := keysOf(t, input)
		if known && got != key.String() || !known && unknown != input {
			t.Errorf("%q: %s %q", input, got, unknown)
		}
	}
	for b := byte(0x20); b < 0x7f; b++ {
		input := "\x1bO" + string(rune(b))
		s, known := insults.FunctionKeys[b]
		got, unknown := keysOf(t, input)
		if known && got != s.String() || !known && unknown != input {
			t.Errorf("%q: %s %q", input, got, unknown)
		}
	}
}

func TestT_INSULTS_24_DigitsOnly(t *testing.T) {
	for _, input := range []string{"\x1b[ 3~", "\x1b[+3~", "\x1b[-3~", "\x1b[:3~"} {
		if got, unknown := keysOf(t, input); got != "" || unknown != input {
			t.Errorf("%q: %s %q", input, got, unknown)
		}
	}
	if got, unknown := keysOf(t, "\x1b[1_5~"); got != "5~" || unknown != "\x1b[1_" {
		t.Errorf("%s %q", got, unknown)
	}
}

func TestT_INSULTS_25_MouseAndFocus(t *testing.T) {
	if got, unknown := keysOf(t, "\x1b[M !!\x1b[OP"); got != " !![F1]" || unknown != "\x1b[M" {
		t.Errorf("not asked for: %q %q", got, unknown)
	}
	p := new(program)
	s, _ := serve(p)
	s.SetPrivateModes(insults.PrivateMouse, insults.PrivateFocus)
	s.DataReceived([]byte("\x1b[M\xff\x1b!\x1b[Ia\x1b[Ob"))
	if got, unknown := show(p); got != "ab" || unknown != "\x1b[M\xff\x1b!\x1b[I\x1b[O" {
		t.Errorf("asked for: %q %q", got, unknown)
	}
	s.SetPrivateModes(insults.PrivateMouseSGR)
	p.strokes, p.unknown = nil, nil
	s.DataReceived([]byte("\x1b[M12\x1b[<0;1;1m"))
	if got, unknown := show(p); got != "12" || unknown != "\x1b[M\x1b[<0;1;1m" {
		t.Errorf("as numbers: %q %q", got, unknown)
	}
	s.ResetPrivateModes(insults.PrivateFocus)
	p.strokes, p.unknown = nil, nil
	s.DataReceived([]byte("\x1b[OP"))
	if got, _ := show(p); got != "[F1]" {
		t.Errorf("no longer asked for: %q", got)
	}
}

func TestT_INSULTS_30_31_32_CursorReports(t *testing.T) {
	p := new(program)
	s, wire := serve(p)
	clock := reactortest.NewClock()
	var got []string
	ask := func(d deferred.Deferred[insults.Position]) {
		d.OnResult(func(p insults.Position, err error) { got = append(got, fmt.Sprint(p, err)) })
	}
	ask(s.ReportCursorPosition())
	ask(s.ReportCursorPosition().AddTimeout(clock, time.Second))
	ask(s.ReportCursorPosition())
	if sent := wire.TakeValue(); sent != "\x1b[6n\x1b[6n\x1b[6n" {
		t.Errorf("%q", sent)
	}
	s.DataReceived([]byte("\x1b[R\x1b[1R\x1b[1;2;3R\x1b[?1;2R\x1b[5;7R"))
	if _, unknown := show(p); unknown != "\x1b[R\x1b[1R\x1b[1;2;3R\x1b[?1;2R" {
		t.Errorf("%q", unknown)
	}
	clock.Advance(time.Second)
	s.DataReceived([]byte("\x1b[1;2R")) // answers the question that has timed out
	ask(s.ReportCursorPosition())
	s.DataReceived([]byte("\x1b[1;2R"))
	s.ConnectionLost(io.EOF)
	ask(s.ReportCursorPosition())
	var errs []string
	for _, g := range got[1:] {
		if strings.Contains(g, "insults: connection lost: EOF") {
			errs = append(errs, g)
		}
	}
	if len(got) != 5 || got[0] != "{6 4} <nil>" || got[2] != "{1 0} <nil>" || len(errs) != 2 || len(p.strokes) != 0 {
		t.Errorf("%q, keys %v", got, p.strokes)
	}
	s, _ = serve(p)
	s.DataReceived([]byte("\x1b[1;2R"))
	if got, _ := show(p); got != "[SHIFT][F3]" {
		t.Errorf("without a question: %q", got)
	}
}

func TestT_INSULTS_40_CarriageReturns(t *testing.T) {
	s, wire := serve(new(program))
	for _, c := range []struct{ in, out string }{
		{"a\nb\n", "a\r\nb\r\n"}, {"\r\n", "\r\n"}, {"x\r", "x\r"}, {"\n\n", "\n\r\n"}, {"", ""}, {"\r", "\r"}, {"\r\r\n", "\r\r\n"}, {"é\n", "é\r\n"},
	} {
		n, err := s.Write([]byte(c.in))
		if got := wire.TakeValue(); got != c.out || n != len(c.in) || err != nil {
			t.Errorf("%q: %q, %d, %v", c.in, got, n, err)
		}
	}
	data := []byte("a\nb")
	_, _ = s.Write(data)
	if string(data) != "a\nb" {
		t.Errorf("the caller's data became %q", data)
	}
}

func TestT_INSULTS_41_42_LastWrite(t *testing.T) {
	s, wire := serve(new(program))
	s.WriteSequence([][]byte{[]byte("a\n"), nil, []byte("b\n")})
	if string(s.LastWrite()) != "a\nb\n" || wire.TakeValue() != "a\r\nb\r\n" {
		t.Errorf("%q", s.LastWrite())
	}
	_, _ = s.WriteString("")
	if string(s.LastWrite()) != "a\nb\n" {
		t.Error("an empty write counts")
	}
	s.NextLine()
	if string(s.LastWrite()) != "\n" {
		t.Errorf("%q", s.LastWrite())
	}
}

// outputs has each method with its bytes and the own cursor, which starts at
// (4, 3) of 10 by 8.
var outputs = []struct {
	name string
	call func(insults.Terminal)
	want string
	at   insults.Position
}{
	{"CursorUp", func(t insults.Terminal) { t.CursorUp(1) }, "\x1b[1A", insults.Position{Column: 4, Line: 2}},
	{"CursorUp 12", func(t insults.Terminal) { t.CursorUp(12) }, "\x1b[12A", insults.Position{Column: 4}},
	{"CursorDown", func(t insults.Terminal) { t.CursorDown(12) }, "\x1b[12B", insults.Position{Column: 4, Line: 7}},
	{"CursorForward", func(t insults.Terminal) { t.CursorForward(12) }, "\x1b[12C", insults.Position{Column: 9, Line: 3}},
	{"CursorBackward", func(t insults.Terminal) { t.CursorBackward(2) }, "\x1b[2D", insults.Position{Column: 2, Line: 3}},
	{"CursorPosition", func(t insults.Terminal) { t.CursorPosition(2, 5) }, "\x1b[6;3H", insults.Position{Column: 2, Line: 5}},
	{"CursorPosition outside", func(t insults.Terminal) { t.CursorPosition(-1, 50) }, "\x1b[51;1H", insults.Position{Line: 7}},
	{"CursorHome", insults.Terminal.CursorHome, "\x1b[H", insults.Position{}},
	{"Index", insults.Terminal.Index, "\x1bD", insults.Position{Column: 4, Line: 4}},
	{"ReverseIndex", insults.Terminal.ReverseIndex, "\x1bM", insults.Position{Column: 4, Line: 2}},
	{"NextLine", insults.Terminal.NextLine, "\r\n", insults.Position{Line: 4}},
	{"SaveCursor", insults.Terminal.SaveCursor, "\x1b7", insults.Position{Column: 4, Line: 3}},
	{"SetModes", func(t insults.Terminal) { t.SetModes(insults.KAM, insults.IRM, insults.LNM) }, "\x1b[2;4;20h", insults.Position{Column: 4, Line: 3}},
	{"ResetModes", func(t insults.Terminal) { t.ResetModes(insults.IRM) }, "\x1b[4l", insults.Position{Column: 4, Line: 3}},
	{"SetPrivateModes", func(t insults.Terminal) {
		t.SetPrivateModes(insults.PrivateError, insults.PrivateCursorKey, insults.PrivateANSIVT52, insults.PrivateColumn,
			insults.PrivateScroll, insults.PrivateScreen, insults.PrivateOrigin, insults.PrivateAutoWrap, insults.PrivateAutoRepeat,
			insults.PrivatePrinterFormFeed, insults.PrivatePrinterExtent, insults.PrivateCursorMode)
	}, "\x1b[?0;1;2;3;4;5;6;7;8;18;19;25h", insults.Position{Column: 4, Line: 3}},
	{"ResetPrivateModes", func(t insults.Terminal) { t.ResetPrivateModes(insults.PrivateCursorMode) }, "\x1b[?25l", insults.Position{Column: 4, Line: 3}},
	{"ApplicationKeypadMode", insults.Terminal.ApplicationKeypadMode, "\x1b=", insults.Position{Column: 4, Line: 3}},
	{"NumericKeypadMode", insults.Terminal.NumericKeypadMode, "\x1b>", insults.Position{Column: 4, Line: 3}},
	{"SelectCharacterSet", func(t insults.Terminal) { _ = t.SelectCharacterSet(insults.CSDrawing, insults.G1) }, "\x1b)0", insults.Position{Column: 4, Line: 3}},
	{"ShiftIn", insults.Terminal.ShiftIn, "\x0f", insults.Position{Column: 4, Line: 3}},
	{"ShiftOut", insults.Terminal.ShiftOut, "\x0e", insults.Position{Column: 4, Line: 3}},
	{"SingleShift2", insults.Terminal.SingleShift2, "\x1bN", insults.Position{Column: 4, Line: 3}},
	{"SingleShift3", insults.Terminal.SingleShift3, "\x1bO", insults.Position{Column: 4, Line: 3}},
	{"SelectGraphicRendition", func(t insults.Terminal) {
		t.SelectGraphicRendition(insults.Bold, insults.Underline, insults.Blink, insults.ReverseVideo,
			insults.Foreground+insults.Attribute(insults.Cyan), insults.Background+insults.Attribute(insults.Magenta))
	}, "\x1b[1;4;5;7;36;45m", insults.Position{Column: 4, Line: 3}},
	{"SelectGraphicRendition none", func(t insults.Terminal) { t.SelectGraphicRendition() }, "\x1b[m", insults.Position{Column: 4, Line: 3}},
	{"HorizontalTabulationSet", insults.Terminal.HorizontalTabulationSet, "\x1bH", insults.Position{Column: 4, Line: 3}},
	{"TabulationClear", insults.Terminal.TabulationClear, "\x1b[g", insults.Position{Column: 4, Line: 3}},
	{"TabulationClearAll", insults.Terminal.TabulationClearAll, "\x1b[3g", insults.Position{Column: 4, Line: 3}},
	{"DoubleHeightLine", func(t insults.Terminal) { t.DoubleHeightLine(true) }, "\x1b#3", insults.Position{Column: 4, Line: 3}},
	{"DoubleHeightLine bottom", func(t insults.Terminal) { t.DoubleHeightLine(false) }, "\x1b#4", insults.Position{Column: 4, Line: 3}},
	{"SingleWidthLine", insults.Terminal.SingleWidthLine, "\x1b#5", insults.Position{Column: 4, Line: 3}},
	{"DoubleWidthLine", insults.Terminal.DoubleWidthLine, "\x1b#6", insults.Position{Column: 4, Line: 3}},
	{"EraseToLineEnd", insults.Terminal.EraseToLineEnd, "\x1b[K", insults.Position{Column: 4, Line: 3}},
	{"EraseToLineBeginning", insults.Terminal.EraseToLineBeginning, "\x1b[1K", insults.Position{Column: 4, Line: 3}},
	{"EraseLine", insults.Terminal.EraseLine, "\x1b[2K", insults.Position{Column: 4, Line: 3}},
	{"EraseToDisplayEnd", insults.Terminal.EraseToDisplayEnd, "\x1b[J", insults.Position{Column: 4, Line: 3}},
	{"EraseToDisplayBeginning", insults.Terminal.EraseToDisplayBeginning, "\x1b[1J", insults.Position{Column: 4, Line: 3}},
	{"EraseDisplay", insults.Terminal.EraseDisplay, "\x1b[2J", insults.Position{Column: 4, Line: 3}},
	{"DeleteCharacter", func(t insults.Terminal) { t.DeleteCharacter(12) }, "\x1b[12P", insults.Position{Column: 4, Line: 3}},
	{"InsertLine", func(t insults.Terminal) { t.InsertLine(1) }, "\x1b[1L", insults.Position{Column: 4, Line: 3}},
	{"DeleteLine", func(t insults.Terminal) { t.DeleteLine(2) }, "\x1b[2M", insults.Position{Column: 4, Line: 3}},
	{"SetScrollRegion", func(t insults.Terminal) { t.SetScrollRegion(2, 5) }, "\x1b[2;5r", insults.Position{Column: 4, Line: 3}},
	{"SetScrollRegion last", func(t insults.Terminal) { t.SetScrollRegion(0, 5) }, "\x1b[;5r", insults.Position{Column: 4, Line: 3}},
	{"ResetScrollRegion", insults.Terminal.ResetScrollRegion, "\x1b[;r", insults.Position{Column: 4, Line: 3}},
	{"Reset", insults.Terminal.Reset, "\x1bc", insults.Position{}},
}

func TestT_INSULTS_43_50_51_52_53_Output(t *testing.T) {
	for _, o := range outputs {
		t.Run(o.name, func(t *testing.T) {
			s, wire := serve(new(program))
			s.TerminalSize(10, 8)
			s.CursorPosition(4, 3)
			wire.Clear()
			o.call(s)
			if got := wire.Value(); got != o.want || s.CursorPos() != o.at {
				t.Errorf("sent %q, cursor %v; want %q, %v", got, s.CursorPos(), o.want, o.at)
			}
		})
	}
	if insults.NColors != 8 || insults.White != 7 || insults.G3 != 3 {
		t.Error("constants")
	}
}

func TestT_INSULTS_44_NotPositive(t *testing.T) {
	s, wire := serve(new(program))
	for _, n := range []int{0, -1} {
		s.CursorUp(n)
		s.CursorDown(n)
		s.CursorForward(n)
		s.CursorBackward(n)
	}
	if got := wire.Value(); got != "" {
		t.Errorf("%q", got)
	}
	s.DeleteCharacter(0)
	s.InsertLine(0)
	s.DeleteLine(0)
	if got := wire.Value(); got != "\x1b[0P\x1b[0L\x1b[0M" {
		t.Errorf("%q", got)
	}
}

func TestT_INSULTS_45_46_Refusals(t *testing.T) {
	s, wire := serve(new(program))
	s.CursorPosition(3, 3)
	s.SaveCursor()
	s.CursorHome()
	s.RestoreCursor()
	if s.CursorPos() != (insults.Position{Column: 3, Line: 3}) {
		t.Error(s.CursorPos())
	}
	wire.Clear()
	s.RestoreCursor() // nothing is saved any more
	if got := wire.TakeValue(); got != "\x1b8" || s.CursorPos() != (insults.Position{}) {
		t.Errorf("%q, %v", got, s.CursorPos())
	}
	for set, slot := range map[insults.CharacterSet]insults.CharacterSlot{insults.CSUS: insults.G2, insults.CSUK: 9, 'X': insults.G0} {
		if err := s.SelectCharacterSet(set, slot); err == nil || !strings.HasPrefix(err.Error(), "insults: ") {
			t.Errorf("%c in %d: %v", set, slot, err)
		}
	}
	if got := wire.TakeValue(); got != "" {
		t.Errorf("%q", got)
	}
	s.SelectGraphicRendition(38, 5, 200)
	if got := wire.TakeValue(); got != "\x1b[38;5;200m" {
		t.Errorf("%q", got)
	}
}

func TestT_INSULTS_47_UnhandledControlSequence(t *testing.T) {
	p := new(program)
	serve(p)
	p.Terminal().UnhandledControlSequence([]byte("\x1b[z"))
	if !slices.Equal(p.unknown, []string{"\x1b[z"}) {
		t.Errorf("%q", p.unknown)
	}
}

func TestKeyNames(t *testing.T) {
	for text, want := range map[fmt.Stringer]string{
		insults.KeyUp: "[UP_ARROW]", insults.KeyPasteEnd: "[PASTE_END]", insults.KeyF20: "[F20]", insults.KeyEscape: "[ESCAPE]",
		insults.KeyPasteEnd + 1: "[KEY 1114146]", insults.Key('x'): "x", insults.Alt | insults.Control: "[ALT][CONTROL]",
		insults.Ctrl('u'): "\x15", insults.Ctrl('['): "\x1b", insults.WithAlt('b'): "[ALT]b", insults.RGB(1, 2, 255): "#0102ff", insults.Cyan: "6",
	} {
		if text.String() != want {
			t.Errorf("%#v is %q, want %q", text, text, want)
		}
	}
	if n := int(insults.KeyPasteEnd-insults.KeyUp) + 1; n != len(insults.KeyNames) {
		t.Errorf("%d keys, %d names", n, len(insults.KeyNames))
	}
	if insults.KeyUp.IsRune() || !insults.KeyTab.IsRune() || insults.Key(-1).IsRune() {
		t.Error("IsRune")
	}
}

// A terminal's methods do not panic, and nothing happens, without a connection.
func TestOutputWithoutConnection(t *testing.T) {
	for _, term := range []insults.Terminal{insults.NewServerProtocol(nil), new(insults.BaseTerminal), insults.NewTerminalBuffer(3, 2)} {
		for _, o := range outputs {
			o.call(term)
		}
		_, err := term.WriteString("x")
		_, err2 := term.Write([]byte("x"))
		if err = errors.Join(err, err2); err != nil || term.GetHost() != nil || term.GetPeer() != nil {
			t.Error(err)
		}
		term.WriteSequence([][]byte{[]byte("x")})
		term.UnhandledControlSequence(nil)
		term.LoseConnection()
	}
}

// Every method of Tee reaches all terminals, and what a ServerProtocol sends
// makes a ClientProtocol call the same method.
func TestT_INSULTS_72_ServerToClient(t *testing.T) {
	for _, o := range outputs {
		t.Run(o.name, func(t *testing.T) {
			direct, read := new(recorder), new(recorder)
			s, wire := serve(new(program))
			o.call(insults.Tee(direct, s))
			client := insults.NewClientProtocol(read)
			reactortest.Connect(client)
			client.DataReceived([]byte(wire.Value()))
			want := direct.events
			switch o.name {
			case "NextLine": // CR LF is text
				want = []any{[]any{"call", "write", "\r\n"}}
			case "ResetScrollRegion":
				want = []any{[]any{"call", "setScrollRegion", nil, nil}}
			case "SelectGraphicRendition none":
				want = []any{[]any{"call", "selectGraphicRendition", 0}}
			case "CursorPosition outside":
				want = []any{[]any{"call", "cursorPosition", 0, 50}}
			}
			tracetest.Same(t, "calls", read.events, want)
		})
	}
}

// Tee returns what the last terminal returns, and calls each.
func TestT_RECVLINE_50_Tee(t *testing.T) {
	screen, second := insults.NewTerminalBuffer(20, 3), new(recorder)
	s, wire := serve(new(program))
	tee := insults.Tee(second, screen, s)
	fmt.Fprint(tee, "hello")
	_, _ = tee.Write([]byte("!"))
	tee.WriteSequence([][]byte{[]byte("?")})
	tee.UnhandledControlSequence([]byte("\x1bz"))
	if got := wire.TakeValue(); got != "hello!?" || !strings.HasPrefix(screen.String(), "hello!?") || len(second.events) != 4 {
		t.Errorf("%q %q %v", got, screen, second.events)
	}
	if err := tee.SelectCharacterSet('X', insults.G0); err == nil {
		t.Error("no error of the last terminal")
	}
	fired := false
	tee.ReportCursorPosition().OnValue(func(p insults.Position) { fired = p == insults.Position{Column: 8, Line: 1} })
	s.DataReceived([]byte("\x1b[2;9R"))
	if !fired || string(tee.LastWrite()) != "\x1b[6n" || screen.LastWrite() != nil || tee.GetHost() != wire.Host || tee.GetPeer() != wire.Peer {
		t.Error("the result is not that of the last terminal")
	}
	tee.LoseConnection()
	if !wire.Disconnecting() {
		t.Error("not closed")
	}
	defer func() {
		if recover() == nil {
			t.Error("Tee without terminals")
		}
	}()
	insults.Tee()
}

// Every method of Terminal is in outputs, or has a test of its own.
func TestOutputsAreComplete(t *testing.T) {
	tested := []string{"Write", "WriteString", "WriteSequence", "RestoreCursor", "ReportCursorPosition", "UnhandledControlSequence", "LoseConnection", "LastWrite", "GetHost", "GetPeer"}
	for _, o := range outputs {
		tested = append(tested, strings.Fields(o.name)[0])
	}
	terminal := reflect.TypeFor[insults.Terminal]()
	for i := range terminal.NumMethod() {
		if m := terminal.Method(i); m.IsExported() && !slices.Contains(tested, m.Name) {
			t.Errorf("%s is not tested", m.Name)
		}
	}
}

// slowWire is a transport whose peer takes nothing until it is told to.
type slowWire struct {
	*reactortest.StringTransport
	limit  int
	paused bool // the producer
}

func (w *slowWire) Write(p []byte) {
	w.StringTransport.Write(p)
	if w.Producer != nil && !w.paused && len(w.Value()) > w.limit {
		w.paused = true
		w.Producer.(reactor.PushProducer).PauseProducing()
	}
}

func (w *slowWire) WriteSequence(pieces [][]byte) { w.Write(slices.Concat(pieces...)) }

// drain takes everything.
func (w *slowWire) drain() (n int) {
	n = len(w.TakeValue())
	if p := w.Producer; w.paused && p != nil {
		w.paused = false
		p.ResumeProducing()
	}
	return n
}

// A user who types and does not read makes the input wait, not the output grow.
func TestSlowUser(t *testing.T) {
	p := new(program)
	s := insults.NewServerProtocol(func() insults.Protocol { return p })
	wire := &slowWire{StringTransport: reactortest.NewStringTransport(), limit: 64 << 10}
	reactor.MakeConnection(s, wire)
	p.onKey = func(insults.Stroke) { fmt.Fprint(p.Terminal(), strings.Repeat("x", 1000)) }
	input := strings.Repeat("a\x1b[Aé", 2_000)
	s.DataReceived([]byte(input))
	if n := len(wire.Value()); n > 80<<10 || wire.State != reactortest.Paused {
		t.Fatalf("%d bytes wait, the transport is %s", n, wire.State)
	}
	s.DataReceived([]byte("more\x1b")) // a transport may deliver what it has read already
	total := 0
	for n := wire.drain(); n > 0; n = wire.drain() {
		total += n
		if n > 80<<10 {
			t.Fatalf("%d bytes at once", n)
		}
	}
	if len(p.strokes) != 6_004 || total != 6_004_000 || wire.State != reactortest.Producing || wire.Producer != nil {
		t.Errorf("%d keys, %d bytes, %s, producer %v", len(p.strokes), total, wire.State, wire.Producer)
	}
	p.strokes = nil
	s.DataReceived([]byte(strings.Repeat("a", 65) + "\xf0\x9f\xf0")) // stops between bytes that are wrong
	if len(p.strokes) != 66 {
		t.Errorf("%d keys", len(p.strokes))
	}
	wire.drain()
	if len(p.strokes) != 67 { // the last byte may begin a character
		t.Errorf("%d keys", len(p.strokes))
	}
	s.DataReceived([]byte("b\x1b"))
	wire.drain()
	s.DataReceived([]byte("[A"))
	if last := p.strokes[len(p.strokes)-1]; last.Key != insults.KeyUp {
		t.Error(last)
	}
	wire.drain()

	s.DataReceived([]byte(input))
	s.LoseConnection() // while the input waits
	if wire.Producer != nil || !wire.Disconnecting() {
		t.Error("the end waits for a producer")
	}
	keys := len(p.strokes)
	wire.drain()
	if len(p.strokes) != keys {
		t.Error("keys after LoseConnection")
	}
}

// The same with a connection that is lost, and with a producer of the program.
func TestSlowUserEnds(t *testing.T) {
	p := new(program)
	s := insults.NewServerProtocol(func() insults.Protocol { return p })
	wire := &slowWire{StringTransport: reactortest.NewStringTransport(), limit: 64 << 10}
	reactor.MakeConnection(s, wire)
	p.onKey = func(insults.Stroke) { fmt.Fprint(p.Terminal(), strings.Repeat("x", 1000)) }
	s.DataReceived([]byte(strings.Repeat("a", 1000)))
	keys := len(p.strokes)
	wire.Producer.StopProducing()
	s.ConnectionLost(io.EOF)
	if len(p.strokes) != keys || len(p.lost) != 1 {
		t.Error(len(p.strokes), p.lost)
	}

	p = new(program)
	s, plain := serve(p)
	if err := plain.RegisterProducer(ownProducer{}, false); err != nil {
		t.Fatal(err)
	}
	p.onKey = func(insults.Stroke) { fmt.Fprint(p.Terminal(), strings.Repeat("x", 1000)) }
	s.DataReceived([]byte(strings.Repeat("a", 1000)))
	if len(p.strokes) != 1000 || plain.Producer == nil {
		t.Error(len(p.strokes), plain.Producer)
	}
}

type ownProducer struct{}

func (ownProducer) ResumeProducing() {}
func (ownProducer) StopProducing()   {}
