package starlarkrepl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
)

// session records the output.
type session struct {
	t      *testing.T
	out    strings.Builder
	late   strings.Builder // asynchronous output
	ended  bool
	interp manhole.Interpreter
}

func (s *session) AddOutput(text string, async bool) {
	if async {
		s.late.WriteString(text)
		return
	}
	s.out.WriteString(text)
}

func (s *session) Display(v any) string { return "<" + manhole.Represent(v) + ">" }

func (s *session) LoseConnection() { s.ended = true }

func newSession(t *testing.T, o starlarkrepl.Options, namespace map[string]any) *session {
	s := &session{t: t}
	s.interp = o.New(s, namespace)
	return s
}

// push pushes lines and returns the output. The last line must complete the
// statement, and the others must not.
func (s *session) push(lines ...string) string {
	s.t.Helper()
	s.out.Reset()
	for i, line := range lines {
		if more, want := s.interp.Push(line), i < len(lines)-1; more != want {
			s.t.Errorf("%q: more is %v after line %d", lines, more, i+1)
		}
	}
	return s.out.String()
}

// want fails the test if the output of lines is another one. "..." at the end
// stands for anything.
func (s *session) want(want string, lines ...string) {
	s.t.Helper()
	got := s.push(lines...)
	if start, ok := strings.CutSuffix(want, "..."); ok && strings.HasPrefix(got, start) || got == want {
		return
	}
	s.t.Errorf("%q: %q, want %q", lines, got, want)
}

// T-MANHOLE-7, 8, 9: statements.
func TestPush(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{}, map[string]any{"n": 7, "none": nil})
	for _, row := range []struct {
		want  string
		lines []string
	}{
		{"2\n", []string{"1+1"}},
		{"", []string{""}},
		{"", []string{"   "}},
		{"", []string{"# a comment"}},
		{"", []string{"None"}},
		{"", []string{"none"}},
		{"2\n", []string{"_"}}, // None is not kept
		{"", []string{"x = 3"}},
		{"3\n", []string{"x"}},
		{"\"a\\x1b\"\n", []string{`"a\x1b"`}},
		{"[1, \"b\", None]\n", []string{"[1, 'b', None]"}},
		{"3\n", []string{"(1 +", "2)"}},
		{"\"a\\nb\"\n", []string{`"""a`, `b"""`}},
		{"[1, 2]\n", []string{"[1,", "", "2]"}},
		{"", []string{"if True:", "  y = 5", ""}},
		{"5\n", []string{"y"}},
		{"0\n1\n", []string{"for i in range(2): print(i)", ""}},
		{"a\nb\n", []string{"for i in ['a', 'b']:", "  if i:", "    print(i)", ""}},
		{"", []string{"def f(a, b=2):", "  return a + b", ""}},
		{"3\n", []string{"f(1)"}},
		{"1 2\n", []string{"print(1, 2)"}},
		{"one\ntwo\n", []string{"print('one'); print('two')"}},
		{"", []string{"while n > 3: n -= 1", ""}},
		{"3\n", []string{"n"}},
		{"<manhole>:1:3: ...", []string{"1+"}},
		{"<manhole>:1:1: unexpected newline in string\n", []string{`"abc`}},
		{"<manhole>:1:1: undefined: nosuch...", []string{"nosuch"}},
		{"Traceback (most recent call last):\n  <manhole>:1:2: in <expr>\nError: floored division by zero\n", []string{"1//0"}},
		{"Traceback ...", []string{"fail('on purpose')"}},
		{"3\n", []string{"x"}}, // goes on
	} {
		s.want(row.want, row.lines...)
	}
}

// The same statements, all at once and line by line, leave the same names.
func TestPushLineByLine(t *testing.T) {
	const program = "x = [\n 1,\n 2]\ndef f(n):\n  if n == 0:\n    return 1\n  return n * f(n - 1)\n\ny = f(10)\n" +
		"z = {\n 'a': y,\n}\nfor i in range(3):\n  x.append(i)\n\nt = '''\nline\n'''\n"
	s := newSession(t, starlarkrepl.Options{}, nil)
	for line := range strings.Lines(program) {
		s.interp.Push(strings.TrimSuffix(line, "\n"))
	}
	s.want(`([1, 2, 0, 1, 2], 3628800, {"a": 3628800}, "\nline\n")`+"\n", "(x, y, z, t)")
}

func TestReset(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{}, nil)
	if !s.interp.Push("if True:") {
		t.Error("complete")
	}
	s.interp.Reset()
	s.want("4\n", "4")
}

// T-MANHOLE-15: exit() ends the session.
func TestExit(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{}, nil)
	s.want("", "exit()")
	if !s.ended {
		t.Error("the session goes on")
	}
}

// A statement that does not end is ended.
func TestLimits(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{MaxSteps: 200_000}, map[string]any{"call": func(f func() error) error { return f() }})
	for _, row := range []struct {
		want  string
		lines []string
	}{
		{"after 200000 steps", []string{"while True: pass", ""}},
		{"after 200000 steps", []string{"[x for x in range(1000000)]"}},
		{"more than 1000 levels of calls", []string{"(lambda f: f(f))(lambda f: f(f))"}},
		{"more than 20 calls between Go and Starlark", []string{"(lambda f: f(f))(lambda f: call(lambda: f(f)))"}},
		{"statement too long", []string{strings.Repeat("x", 100_000)}},
	} {
		if got := s.push(row.lines...); !strings.Contains(got, row.want) || len(got) > 32<<10 {
			t.Errorf("%.40q: %.500q", row.lines, got)
		}
	}
	s.want("2\n", "1+1")
	open := 0
	for s.interp.Push("(" + strings.Repeat(" ", 1000)) {
		open++
	}
	if open < 60 || !strings.Contains(s.out.String(), "too long") {
		t.Errorf("%d lines, %.100q", open, s.out.String())
	}
	s.want("2\n", "1+1")
}

func TestOutputLimit(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{}, nil)
	got := s.push("while True: print('é' * 1000)", "")
	if len(got) < 1<<20 || len(got) > 1<<20+2000 || !strings.Contains(got, "more than 1 MiB of output") {
		t.Errorf("%d bytes, at the end %q", len(got), got[max(len(got)-200, 0):])
	}
	if got := s.push("'x' * 2000000"); len(got) > 1<<20+200 || !strings.HasSuffix(got, "...\n") {
		t.Errorf("%d bytes", len(got))
	}
	s.want("1\n", "1") // the limit is that of a statement
}

func TestTimeout(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{MaxSteps: 1 << 62, Timeout: time.Millisecond}, nil)
	if got := s.push("while True: pass", ""); !strings.Contains(got, "after 1ms") {
		t.Errorf("%q", got)
	}
	s = newSession(t, starlarkrepl.Options{}, nil)
	s.want("0\n", "0")
}

// T-MANHOLE-20, 21, 22: the colours of a line.
func TestColors(t *testing.T) {
	for _, row := range []struct {
		kept []string
		line string
		want string // {31:text} is a coloured part; empty for no colours
	}{
		{nil, "", ""},
		{nil, "x=1", "{1;33:x}{37:=}{36:1}"},
		{nil, "def f(a, b=c, *d):", "{32:def} {31:f}{37:(}{33:a}{37:,} {33:b}{37:=}{1;33:c}{37:,} {37:*}{33:d}{37:)}{37::}"},
		{nil, "if not x: # why", "{32:if} {32:not} {1;33:x}{37::} # why"},
		{nil, `f('a\'b', r"c", "")`, `{1;33:f}{37:(}{35:'a\'b'}{37:,} {35:r"c"}{37:,} {35:""}{37:)}`},
		{nil, "x**=1.5e-3//y", "{1;33:x}{37:**=}{36:1.5e-3}{37://}{1;33:y}"},
		{nil, "é = $", "{1;33:é} {37:=} $"},
		{[]string{"x = '''a"}, "b''' + y", "{35:b'''} {37:+} {1;33:y}"},
		{[]string{"f(", " 1,"}, "2)", "{36:2}{37:)}"},
		{[]string{"def f(", " a,"}, "b):", "{33:b}{37:)}{37::}"},
	} {
		s := newSession(t, starlarkrepl.Options{}, nil)
		for _, line := range row.kept {
			s.interp.Push(line)
		}
		got, ok := s.interp.(manhole.Colorizer).LastColorizedLine(row.line)
		want := row.want
		for _, color := range []string{"1;33", "31", "32", "33", "35", "36", "37"} {
			want = strings.ReplaceAll(want, "{"+color+":", "\x1b["+color+"m")
		}
		if want = strings.ReplaceAll(want, "}", "\x1b[0m"); got != want || !ok {
			t.Errorf("%q: %q, %v, want %q", row.line, got, ok, want)
		}
	}
	for _, line := range []string{"'", "f(", `"\`, "'''x", "[{(", "'a\\'"} {
		s := newSession(t, starlarkrepl.Options{}, nil)
		if got, ok := s.interp.(manhole.Colorizer).LastColorizedLine(line); ok {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestComplete(t *testing.T) {
	s := newSession(t, starlarkrepl.Options{}, map[string]any{"counter": &counter{}, "m": map[string]int{"a": 1}})
	s.push("coat = 'x'")
	for before, want := range map[string]string{
		"co":                  "co: coat continue counter",
		"1+co":                "co: coat continue counter",
		"counter.":            ": Add Any Bound Divide Name Next Panic Value Values",
		"counter.V":           "V: Value Values",
		"counter.Next.V":      "V: ", // is nil
		"counter.Values.":     ": ",
		"counter.Add.x":       "x: ",
		"m.k":                 "k: keys",
		"coat.star":           "star: startswith",
		"nosuch.x":            "x: ",
		"prin":                "prin: print",
		"counter.nosuch.more": "more: ",
	} {
		word, candidates := s.interp.(manhole.Completer).Complete(before, "")
		if got := word + ": " + strings.Join(candidates, " "); got != want {
			t.Errorf("%s: %q, want %q", before, got, want)
		}
	}
}

// Whatever is typed, nothing panics, and the interpreter goes on.
func FuzzPush(f *testing.F) {
	for _, seed := range []string{"1+1", "if 1:\n x\n", "def f(a):\n return a\n\nf(1)", "[x for x in (", "'''a\nb", "c.Add(1)", "c.Value = 'x'",
		"x = []\nx.append(x)\nc.Any(x)", "load('x', 'y')", "_\n\\\n(", "print(c, m, s, c.Values, 1 % 0)", "m[m] = s[-1:]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c := &counter{Values: []int{1}}
		s := &session{t: t}
		s.interp = starlarkrepl.Options{MaxSteps: 10_000}.New(s, map[string]any{"c": c, "m": map[any]any{}, "s": []string{"a"}})
		for line := range strings.SplitSeq(source, "\n") {
			s.interp.(manhole.Colorizer).LastColorizedLine(line)
			s.interp.(manhole.Completer).Complete(line, "")
			s.interp.Push(line)
		}
		s.interp.Reset()
		s.out.Reset()
		if s.interp.Push("40 + 2"); s.out.String() != "42\n" {
			t.Errorf("%q", fmt.Sprint(s.out.String()))
		}
	})
}
