package insults_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// c is a call as recorder has it.
func c(name string, args ...any) any { return append([]any{"call", name}, args...) }

func TestT_INSULTS_72_73_74_75_76_Client(t *testing.T) {
	for input, want := range map[string][]any{
		// 72: cursor positions
		"\x1b[5;3Hx":             {c("cursorPosition", 2, 4), c("write", "x")},
		"\x1b[5;3f\x1b[f\x1b[H":  {c("cursorPosition", 2, 4), c("cursorHome"), c("cursorHome")},
		"\x1b[;3H\x1b[5H":        {c("cursorPosition", 2, 0), c("cursorPosition", 0, 4)},
		"\x1b[0;0H\x1b[1;2;3H":   {c("cursorPosition", 0, 0), c("unhandledControlSequence", "\x1b[1;2;3H")},
		"\x1b[99999999;1H":       {c("cursorPosition", 0, 1<<16-1)},
		"\x1b[?5H\x1b[1;\"H":     {c("unhandledControlSequence", "\x1b[?5H"), c("unhandledControlSequence", "\x1b[1;\"H")},
		"\x1b[1;2A\x1b[-2Ax":     {c("unhandledControlSequence", "\x1b[1;2A"), c("unhandledControlSequence", "\x1b[-2A"), c("write", "x")},
		"\x1b[?25l\x1b[?1;25h":   {c("resetPrivateModes", []int{25}), c("setPrivateModes", []int{1, 25})},
		"\x1b[?l\x1b[?25;h":      {c("unhandledControlSequence", "\x1b[?l"), c("unhandledControlSequence", "\x1b[?25;h")},
		"\x1b[?25m\x1b[;4l":      {c("unhandledControlSequence", "\x1b[?25m"), c("unhandledControlSequence", "\x1b[;4l")},
		"\x1b[0K\x1b[0J\x1b[00K": {c("eraseToLineEnd"), c("eraseToDisplayEnd"), c("eraseToLineEnd")},
		"\x1b[3K\x1b[1;1J":       {c("unhandledControlSequence", "\x1b[3K"), c("unhandledControlSequence", "\x1b[1;1J")},
		"\x1b[5r\x1b[;r\x1b[r":   {c("setScrollRegion", 5, nil), c("setScrollRegion", nil, nil), c("setScrollRegion", nil, nil)},
		"\x1b[0A\x1b[0P\x1b[0L":  {c("cursorUp", 1), c("deleteCharacter", 1), c("insertLine", 1)},
		"\x1b[;1m\x1b[38;5;9m":   {c("selectGraphicRendition", 0, 1), c("selectGraphicRendition", 38, 5, 9)},
		"\x1b[?1m\x1b[3>m":       {c("unhandledControlSequence", "\x1b[?1m"), c("unhandledControlSequence", "\x1b[3>m")},
		"\x1b[38:5:9;1m":         {c("selectGraphicRendition", 38, 5, 9, 1)},
		"\x1b[48:2::1:2:3;4:3m":  {c("selectGraphicRendition", 48, 2, 1, 2, 3, 4)},
		"\x1b[4:0;38:2:1:2:3m":   {c("selectGraphicRendition", 24, 38, 2, 1, 2, 3)},
		// 76: strings, and tab stops
		"\x1b]0;title\x07x":            {c("write", "x")},
		"\x1b]0;t\x1b\\x\x1bPq\x1b\\y": {c("write", "xy")},
		"\x1b_a\x1b^b\x1bXc\x07d":      {c("write", "d")},
		"\x1b]0;\x1b[Kx":               {c("eraseToLineEnd"), c("write", "x")},
		"\x1b]0;\x1b\x1b\\x":           {c("write", "x")},
		"\x1b]0;\x18x":                 {c("write", "x")},
		"\x1b[g\x1b[0g\x1b[3g\x1b[1g":  {c("tabulationClear"), c("tabulationClear"), c("tabulationClearAll"), c("unhandledControlSequence", "\x1b[1g")},
		// 77: not known
		"\x1b[4G\x1b[2@": {c("unhandledControlSequence", "\x1b[4G"), c("unhandledControlSequence", "\x1b[2@")},
		// 78: what holds for keys too
		"\x1b[4@x":              {c("unhandledControlSequence", "\x1b[4@"), c("write", "x")},
		"\x1b[\x1b[2J":          {c("eraseDisplay")},
		"\x1b[2\x18J\x1b[\x1aK": {c("write", "JK")},
		"\x1b[2\r\bK":           {c("write", "\r"), c("cursorBackward", 1), c("eraseLine")},
		"\x1b[2\xffK":           {c("write", "ÿK")},
		"\x0e\x0f":              {c("shiftOut"), c("shiftIn")},
	} {
		tracetest.Same(t, fmt.Sprintf("%q", input), callsOf(t, input), want)
	}
}

// A picture of programs of today needs more than Twisted's terminals have.
func TestT_INSULTS_77_Screen(t *testing.T) {
	for input, want := range map[string]string{
		"abcd\x1b[2GX\x1b[GY\x1b[0GZ": "ZXcd", "\x1b[2dX\x1b[dY": " Y\nX", "abcd\x1b[2G\x1b[2@X": "aX bc", "abcd\x1b[2G\x1b[2XX": "aX d",
		"a\r\nb\x1b[S": "b", "a\x1b[2T": "\n\na", "ab\x1b[scd\x1b[uX": "abXd", "abcde\x1b[99@\x1b[99X": "abcde", "a\x1b[99G\x1b[99dX": "a\n\n    X",
		"\x1b[99S\x1b[99Ta": "a", "a\x1b[1;2G\x1b[1sb": "ab", "a\x1b[3`X": "a X",
	} {
		if got := withoutEnds(draw(5, 3, input).String()); got != want {
			t.Errorf("%q: %q, want %q", input, got, want)
		}
	}
}

func TestT_INSULTS_73_CursorReport(t *testing.T) {
	client := insults.NewClientProtocol(new(recorder))
	wire := reactortest.Connect(client)
	client.DataReceived([]byte("\x1b[6n"))
	if got := wire.TakeValue(); got != "\x1b[8;4R" {
		t.Errorf("%q", got)
	}
	late := &lateReporter{d: deferred.New[insults.Position]()}
	client = insults.NewClientProtocol(late)
	wire = reactortest.Connect(client)
	client.DataReceived([]byte("\x1b[6n"))
	reactor.EndConnection(client, io.EOF)
	late.d.Callback(insults.Position{})
	if got := wire.TakeValue(); got != "" {
		t.Errorf("after the end: %q", got)
	}
}

// lateReporter is a terminal that says later where its cursor is.
type lateReporter struct {
	insults.BaseTerminal
	d deferred.Deferred[insults.Position]
}

func (l *lateReporter) ReportCursorPosition() deferred.Deferred[insults.Position] { return l.d }

func TestT_INSULTS_70_76_78_Bounds(t *testing.T) {
	for intro, want := range map[string][]any{
		"\x1b]": {c("write", strings.Repeat("1", 10))},
		"\x1bP": {c("write", strings.Repeat("1", 10))},
	} {
		tracetest.Same(t, intro, callsOf(t, intro+strings.Repeat("1", insults.MaxString+10)), want)
	}
	digits := strings.Repeat("1", insults.MaxSequence+50)
	tracetest.Same(t, "a long sequence", callsOf(t, "\x1b["+digits+"Ax"),
		[]any{c("unhandledControlSequence", "\x1b["+digits[:insults.MaxSequence]), c("write", "x")})
	client := insults.NewClientProtocol(new(insults.BaseTerminal))
	reactortest.Connect(client)
	for _, intro := range []string{"\x1b[", "\x1b]", "\x1b("} {
		client.DataReceived([]byte(intro + strings.Repeat("1", 1<<20)))
		if client.Kept() > 1024 {
			t.Errorf("%q: %d bytes are kept", intro, client.Kept())
		}
	}
}

func TestClientLosesTerminal(t *testing.T) {
	term := new(recorder)
	client := insults.NewClientProtocol(term)
	reactortest.Connect(client)
	if client.Terminal() != insults.Terminal(term) {
		t.Error("another terminal")
	}
	client.ConnectionLost(io.EOF)
	client.DataReceived([]byte("abc\x1b[Kdef"))
	if term.lost != io.EOF || client.Terminal() != nil || len(term.events) != 0 {
		t.Error(term.lost, client.Terminal(), term.events)
	}
	insults.NewClientProtocol(new(insults.BaseTerminal)).ConnectionLost(io.EOF) // has no such method
}

// A byte of every value in every state.
func TestT_INSULTS_70_71_AllBytes(t *testing.T) {
	for _, before := range []string{"", "\x1b", "\x1b[", "\x1b[1;", "\x1b(", "\x1b)", "\x1b#", "\x1b]", "\x1b]\x1b"} {
		for b := range 256 {
			callsOf(t, before+string([]byte{byte(b)})+"x")
			keysOf(t, before+string([]byte{byte(b)})+"x")
		}
	}
	for b := range 256 {
		switch b {
		case 0x08, 0x0e, 0x0f, 0x14, 0x15, 0x1b:
			continue
		}
		tracetest.Same(t, fmt.Sprint("byte ", b), callsOf(t, string([]byte{byte(b)})), []any{c("write", tracetest.Text([]byte{byte(b)}))})
	}
}
