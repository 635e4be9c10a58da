package manhole_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func starlark(t *testing.T, namespace map[string]any) *session {
	t.Helper()
	return open(t, manhole.New(starlarkrepl.New, namespace))
}

// recorder is an interpreter that shows its lines.
type recorder struct {
	session manhole.Session
	lines   []string
	output  string // of the next line
	more    bool   // the answer to the next line
	during  func() // is called while a line is run
	resets  int
}

func (r *recorder) Push(line string) bool {
	r.lines = append(r.lines, line)
	r.session.AddOutput(r.output, false)
	if r.during != nil {
		r.during()
	}
	return r.more
}

func (r *recorder) Reset() { r.resets++ }

// recorded returns a session with a recorder.
func recorded(t *testing.T) (*session, *recorder) {
	t.Helper()
	r := &recorder{}
	s := open(t, manhole.New(func(s manhole.Session, _ map[string]any) manhole.Interpreter {
		r.session = s
		return r
	}, nil))
	s.sent()
	return s, r
}

// The names belong to a session, and the values to all.
func TestT_MANHOLE_1_Namespace(t *testing.T) {
	shared := map[string]int{}
	namespace := map[string]any{"shared": shared, "n": 1}
	one, two := starlark(t, namespace), starlark(t, namespace)
	one.types("n = 2\rshared['a'] = 7\r")
	if out := two.types("(n, shared['a'])\r"); !strings.Contains(out, "(1, 7)") {
		t.Errorf("%q", out)
	}
	if namespace["n"] != 1 || len(namespace) != 2 {
		t.Error("the map of the program has changed:", namespace)
	}
	alone := starlark(t, nil)
	if out := alone.types("n = 3\rn\r"); !strings.Contains(out, "\r\n3\r\n") {
		t.Errorf("%q", out)
	}
}

func TestT_MANHOLE_3_InterruptResetsHistory(t *testing.T) {
	s := starlark(t, nil)
	s.types("1\r2\r3\r\x1b[A\x1b[A\x03")
	if out := s.types("\x1b[A"); out != "\x1b[K3" {
		t.Errorf("%q", out)
	}
	rec, r := recorded(t)
	r.more = true
	rec.types("a\r")
	if out := rec.types("x\x03"); out != "x\r\nKeyboardInterrupt\r\n>>> " || r.resets != 1 {
		t.Errorf("%q, %d resets", out, r.resets)
	}
}

// In a line of several rows, the output is below the last row.
func TestT_MANHOLE_3_InterruptOfALongLine(t *testing.T) {
	s, _ := recorded(t)
	s.terminal.TerminalSize(20, 10)
	s.screen.Resize(20, 10)
	s.types(strings.Repeat("x", 30) + "\x1b[H\x03")
	s.wantShown(">>> xxxxxxxxxxxxxxxx\nxxxxxxxxxxxxxx\nKeyboardInterrupt\n>>> |")
}

func TestT_MANHOLE_5_ScreenIsDrawnAgain(t *testing.T) {
	s := starlark(t, nil)
	s.types("ab\x1b[D")
	if out := s.types("\x0c"); out != "\x1b[2J\x1b[H>>> ab\x1b[1D" {
		t.Errorf("%q", out)
	}
}

func TestT_MANHOLE_6_Prompt(t *testing.T) {
	s, r := recorded(t)
	for _, row := range []struct {
		output string
		more   bool
		want   string
	}{
		{"", false, "\r\n>>> "},
		{"", true, "\r\n... "},
		{"out", false, "\r\nout\r\n>>> "},
		{"out\n", false, "\r\nout\r\n>>> "},
		{"one\r\ntwo", true, "\r\none\r\ntwo\r\n... "},
	} {
		r.output, r.more = row.output, row.more
		if out := s.types("\r"); out != row.want {
			t.Errorf("%q, %v: %q, want %q", row.output, row.more, out, row.want)
		}
	}
}

// Output that arrives while the user types: prompt, line and cursor are there
// again below it, at each step.
func TestT_MANHOLE_10_11_12_OutputWhileTyping(t *testing.T) {
	const line = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ" // two rows
	for n := range len(line) {
		for _, back := range []int{0, 1, n / 2, n} {
			s, _ := recorded(t)
			s.terminal.TerminalSize(40, 30)
			s.types(line[:n] + strings.Repeat("\x1b[D", back))
			s.program.AddOutput("note", true)
			rows, cursor := ">>> "+line[:n], 4+n-min(back, n)
			want := []string{"note", rows}
			if len(rows) >= 40 {
				want = []string{"note", rows[:40], rows[40:]}
			}
			i := 1 + cursor/40
			for len(want) <= i {
				want = append(want, "")
			}
			want[i] = want[i][:cursor%40] + "|" + want[i][cursor%40:]
			s.wantShown(strings.TrimRight(strings.Join(want, "\n"), "\n"))
			if t.Failed() {
				t.Fatalf("%d characters, %d to the left", n, back)
			}
		}
	}
}

func TestT_MANHOLE_13_Deferreds(t *testing.T) {
	value, failing, void := deferred.New[string](), deferred.New[int](), deferred.New[*reactor.Reactor]()
	s := starlark(t, map[string]any{"value": value, "failing": failing, "void": void, "done": deferred.Succeed(5),
		"broken": deferred.Fail[int](errors.New("bad\x1b[2J")).OnError(func(error) {}), "zero": deferred.Deferred[int]{},
		"failed": deferred.New[int]()})
	for _, row := range [][2]string{
		{"value", "<Deferred #0>"}, {"failing", "<Deferred #1>"}, {"value", "<Deferred #0>"}, {"void", "<Deferred #2>"},
		{"done", "<Deferred current result: 5>"}, {"broken", "<Deferred current result: 0>"}, {"zero", "Deferred[int](zero)"},
	} {
		if out := s.types(row[0] + "\r"); !strings.Contains(out, "\r\n"+row[1]+"\r\n") {
			t.Errorf("%s: %q", row[0], out)
		}
	}
	value.Callback("a\x1bb")
	if out := s.sent(); out != "\x1b[2K\x1b[4DDeferred #0 called back: \"a\\x1bb\"\r\n>>> " {
		t.Errorf("%q", out)
	}
	if v, err, ok := value.Result(); v != "a\x1bb" || err != nil || !ok {
		t.Error("the result has changed:", v, err, ok)
	}
	failing.Errback(errors.New("bad"))
	if out := s.sent(); out != "\x1b[2K\x1b[4DDeferred #1 failed: \"bad\"\r\n>>> " {
		t.Errorf("%q", out)
	}
	if _, err, _ := failing.OnError(func(error) {}).Result(); err != nil {
		t.Error(err)
	}
	void.Callback(nil)
	if out := s.sent(); out != "\x1b[2K\x1b[4DDeferred #2 called back: nil\r\n>>> " {
		t.Errorf("%q", out)
	}
	if out := s.types("value\r"); !strings.Contains(out, "<Deferred current result: \"a\\x1bb\">") {
		t.Errorf("%q", out)
	}
}

// A stale view can be shown, and a number is not used again.
func TestT_MANHOLE_13_Views(t *testing.T) {
	old := deferred.New[int]()
	latest := deferred.Then(old, func(n int) (string, error) { return fmt.Sprint(n), nil })
	s := starlark(t, map[string]any{"old": old, "latest": latest, "another": deferred.New[int]()})
	if out := s.types("old\r"); !strings.Contains(out, "\r\nDeferred[string](") {
		t.Errorf("%q", out)
	}
	if out := s.types("latest\r"); !strings.Contains(out, "\r\n<Deferred #0>") {
		t.Errorf("%q", out)
	}
	old.Callback(7)
	if out := s.sent(); !strings.Contains(out, "Deferred #0 called back: \"7\"\r\n") {
		t.Errorf("%q", out)
	}
	if out := s.types("another\r"); !strings.Contains(out, "\r\n<Deferred #1>") {
		t.Errorf("%q", out)
	}
}

// A Deferred that fires while a statement runs is reported at once.
func TestT_MANHOLE_13_FiresInAStatement(t *testing.T) {
	d := deferred.New[int]()
	s := starlark(t, map[string]any{"d": d})
	s.types("d\r")
	if out := s.types("d.Callback(3)\r"); out != "d.Callback(3)\r\nDeferred #0 called back: 3\r\n>>> " {
		t.Errorf("%q", out)
	}
}

func TestT_MANHOLE_14_SessionEndsFirst(t *testing.T) {
	d := deferred.New[int]()
	s := starlark(t, map[string]any{"d": d})
	s.types("d\r")
	reactor.EndConnection(s.terminal, reactor.ErrConnectionDone)
	d.Callback(1)
	s.program.AddOutput("late", true)
	s.program.AddOutput("late", false)
	if out := s.sent(); out != "" {
		t.Errorf("%q", out)
	}
}

func TestT_MANHOLE_15_Exit(t *testing.T) {
	for _, statement := range []string{"exit()", "quit()", "[exit() for _ in range(3)]"} {
		s := starlark(t, nil)
		s.sent()
		s.types(statement)
		if out := s.types("\r1+1\r"); !strings.HasPrefix(out, "\r\n\x1bc") || strings.Contains(out, ">>>") || !s.wire.Disconnecting() {
			t.Errorf("%s: %q, closed %v", statement, out, s.wire.Disconnecting())
		}
	}
	s := starlark(t, nil)
	if out := s.types("exit(1)\r"); s.wire.Disconnecting() || !strings.Contains(out, "exit") {
		t.Errorf("%q", out)
	}
}

// Tab completes names, and indents.
func TestTab(t *testing.T) {
	s := starlark(t, map[string]any{"counter": map[string]int{}, "country": 1})
	s.types("cou\t")
	if got := s.program.LineBuffer(); got != "count" {
		t.Errorf("%q", got)
	}
	if out := s.types("\t"); !strings.Contains(out, "counter  country\r\n") {
		t.Errorf("%q", out)
	}
	s.types("\x03\tx")
	if got := s.program.LineBuffer(); got != "    x" {
		t.Errorf("%q", got)
	}
	s.types("\x03x = cou\t") // still completes
	if got := s.program.LineBuffer(); got != "x = count" {
		t.Errorf("%q", got)
	}
}

func TestMultilinePaste(t *testing.T) {
	s := starlark(t, nil)
	s.sent()
	s.types("\x1b[200~for i in range(2):\n  print(i)\n\n\x1b[201~")
	s.wantShown(">>> for i in range(2):\n...   print(i)\n...\n0\n1\n>>> |")
}

// Each session is logged as a warning, but not one on the own terminal.
func TestLog(t *testing.T) {
	for _, own := range []bool{false, true} {
		log := new(reactortest.Log)
		m := manhole.New(starlarkrepl.New, nil)
		m.Logger = log.Logger()
		wire := reactortest.NewStringTransport()
		if own {
			wire.Peer = reactor.StandardIOAddress{}
		}
		terminal := insults.NewServerProtocol(func() insults.Protocol { return m })
		reactor.MakeConnection(terminal, wire)
		reactor.EndConnection(terminal, reactor.ErrConnectionDone)
		records := log.Records()
		if own {
			if len(records) > 0 {
				t.Errorf("%q", records)
			}
			continue
		}
		if len(records) != 2 || !strings.Contains(records[0], "WARN") || !strings.Contains(records[0], wire.Peer.String()) {
			t.Errorf("%q", records)
		}
	}
}

func TestNoInterpreter(t *testing.T) {
	for name, f := range map[string]func(){
		"New":     func() { manhole.New(nil, nil) },
		"Prepare": func() { open(t, &manhole.Manhole{}) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !strings.HasPrefix(err.Error(), "manhole: ") {
					t.Errorf("%s: %v", name, err)
				}
			}()
			f()
		}()
	}
}

// louder is a program that embeds a Manhole.
type louder struct {
	manhole.Manhole
	outputs []string
}

func (l *louder) AddOutput(text string, async bool) {
	l.outputs = append(l.outputs, text)
	l.Manhole.AddOutput(strings.ToUpper(text), async)
}

// The interpreter sees the embedding type.
func TestEmbedded(t *testing.T) {
	l := &louder{}
	l.NewInterpreter = starlarkrepl.New
	l.Logger = slog.New(slog.DiscardHandler)
	s := open(t, l)
	if out := s.types("print('a')\r"); !strings.HasSuffix(out, "\r\nA\r\n>>> ") || !slices.Equal(l.outputs, []string{"a\n"}) {
		t.Errorf("%q, %q", out, l.outputs)
	}
}
