package starlarkrepl_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
)

// counter is a value of a program.
type counter struct {
	Value  int
	Name   string
	Next   *counter
	Values []int
	Bound  time.Duration
	hidden int
}

func (c *counter) Add(n int) int {
	c.Value += n
	return c.Value
}

func (c *counter) Divide(by int) (int, error) {
	if by == 0 {
		return 0, errors.New("no zero, please")
	}
	return c.Value / by, nil
}

func (c *counter) Panic() { panic("boom") }

func (c *counter) Any(v any) string { return fmt.Sprintf("%T %v", v, v) }

// broken is an error whose text cannot be had.
type broken struct{}

func (broken) Error() string { panic("no text") }

// inner has a method on the pointer.
type inner struct{ N int }

func (i *inner) Increase() { i.N++ }

type outer struct {
	Inner  inner
	Array  [2]int
	Map    map[string]*inner
	ByTime map[time.Duration]string
	List   []inner
	inner
	Func  func(n ...int) int
	Iface any
	Bytes []byte
	Nil   map[string]int
	Named list
}

// T-MANHOLE-1: what Starlark sees of Go values.
func TestValues(t *testing.T) {
	c := &counter{Value: 5, Name: "main", Values: []int{1, 2, 3}, Bound: time.Second}
	o := &outer{Map: map[string]*inner{"b": {2}, "a": {1}}, ByTime: map[time.Duration]string{time.Second: "s"}, List: []inner{{1}, {2}},
		Func: func(n ...int) int { return len(n) }, Iface: 3, Bytes: []byte("\x00a")}
	s := newSession(t, starlarkrepl.Options{}, map[string]any{
		"c": c, "o": o, "copy": *c, "pair": func() (int, string) { return 1, "a" }, "fail": func() error { return errors.New("bad\x1b[2J") },
		"nothing": func() {}, "l": &list{1, 2}, "grow": func(l *list) { l.Append(0) }, "broken": func() error { return broken{} }, "big": new(big.Int).Lsh(big.NewInt(1), 70), "u": uint64(1) << 63, "f": float32(1.5), "b": true,
		"nilfunc": (func())(nil), "nilptr": (*counter)(nil), "array": [2]int{7, 8}, "i8": func(n int8) int8 { return n },
		"strs": func(s []string) string { return strings.Join(s, ",") }, "dict": func(m map[string]int) int { return m["a"] },
		"any": func(v any) string { return fmt.Sprintf("%T %v", v, v) }, "ints": func(a [2]int) int { return a[0] + a[1] },
		"err": errors.New("an error"), "byvalue": func(c counter) int { return c.Value }, "pointer": func(c *counter) bool { return c == nil },
		"stringer": func(s fmt.Stringer) string { return s.String() }, "float": func(f float64) float64 { return f / 2 },
		"keyed": func(m map[any]int) int { return len(m) }, "bytes": func(b []byte) int { return len(b) },
	})
	for _, row := range [][2]string{
		// fields and methods
		{"c.Value", "5\n"}, {"c.Add(2)", "7\n"}, {"c.Value = 40", ""}, {"c.Add(2)", "42\n"}, {"c.Name", "\"main\"\n"},
		{"c.Divide(2)", "21\n"}, {"c.Divide(0)", "Traceback ..."}, {"c.Panic()", "Traceback ..."}, {"c.Next", ""},
		{"c.hidden", "Traceback ..."}, {"c.hidden = 1", "Traceback ..."}, {"c.nosuch = 1", "Traceback ..."},
		{"c.Value = 'x'", "Traceback ..."}, {"c.Value = 1 << 70", "Traceback ..."}, {"c.Add", "<func(int) int>\n"},
		{"c.Add('x')", "Traceback ..."}, {"c.Add()", "Traceback ..."}, {"c.Add(1, 2)", "Traceback ..."}, {"c.Add(n=1)", "Traceback ..."},
		{"c.Next = c", ""}, {"c.Next.Next.Value", "42\n"}, {"c.Next == c", "True\n"}, {"c == 1", "False\n"}, {"c.Next = None", ""},
		{"copy.Value", "5\n"}, {"copy.Value = 1", "Traceback ..."}, {"nilptr.Value", "Traceback ..."}, {"nilptr.Add(1)", "Traceback ..."},
		{"[n for n in dir(c) if n < 'B']", "[\"Add\", \"Any\"]\n"}, {"type(c)", "\"*starlarkrepl_test.counter\"\n"}, {"nilptr == None", "True\n"}, {"[c.Add]", "[<function Add func(int) int>]\n"},
		{"{c: 1}[c]", "1\n"}, {"{o.List: 1}", "Traceback ..."}, {"getattr(c, 'Name')", "\"main\"\n"}, {"hasattr(c, 'hidden')", "False\n"},
		// structs in structs
		{"o.Inner.N = 3", ""}, {"o.Inner.Increase()", ""}, {"o.Inner.N", "4\n"}, {"o.N = 9", ""}, {"o.Increase()", ""}, {"o.N", "10\n"},
		{"o.List[1].Increase()", ""}, {"o.List[1].N", "3\n"}, {"o.inner", "Traceback ..."},
		// maps and slices
		{"o.Map['a'].N", "1\n"}, {"sorted(o.Map)", "[\"a\", \"b\"]\n"}, {"len(o.Map)", "2\n"}, {"'a' in o.Map", "True\n"}, {"'x' in o.Map", "False\n"},
		{"[k for k in o.Map]", "[\"a\", \"b\"]\n"}, {"[(k, v.N) for k, v in o.Map.items()]", "[(\"a\", 1), (\"b\", 2)]\n"},
		{"[v.N for v in o.Map.values()]", "[1, 2]\n"}, {"o.Map['c'] = o.Inner", ""}, {"o.Map['c'].N", "4\n"}, {"o.Map.delete('c', 'a')", ""},
		{"o.Map.keys()", "[\"b\"]\n"}, {"o.Map.keys(1)", "Traceback ..."}, {"o.Map['nosuch']", "Traceback ..."}, {"o.Map[1]", "Traceback ..."},
		{"o.Nil['a'] = 1", "Traceback ..."}, {"o.Nil = {'a': 2}", ""}, {"o.Nil", "<{\"a\": 2}>\n"}, {"bool(o.Nil)", "True\n"},
		{"c.Values", "<[1, 2, 3]>\n"}, {"c.Values[1]", "2\n"}, {"c.Values[-1]", "3\n"}, {"c.Values[3]", "Traceback ..."}, {"c.Values[0] = 9", ""},
		{"c.Values[1:]", "[2, 3]\n"}, {"c.Values[::-1]", "[3, 2, 9]\n"}, {"sum = 0", ""}, {"[n for n in c.Values]", "[9, 2, 3]\n"}, {"len(c.Values)", "3\n"},
		{"c.Values = [4, 5]", ""}, {"c.Values[0] + len(c.Values)", "6\n"}, {"c.Values = ['a']", "Traceback ..."}, {"c.Values = range(1 << 40)", "Traceback ..."},
		{"o.Array[1] = 5", ""}, {"list(o.Array)", "[0, 5]\n"}, {"array[0] = 1", "Traceback ..."}, {"array[1]", "8\n"}, {"array == array", "True\n"},
		{"o.ByTime[c.Bound]", "\"s\"\n"}, {"o.ByTime[1000000000]", "\"s\"\n"}, {"o.Iface", "3\n"}, {"o.Iface = [1]", ""}, {"o.Bytes", "b\"\\x00a\"\n"},
		// named types
		{"c.Bound", "<1s>\n"}, {"c.Bound * 2", "2000000000\n"}, {"c.Bound / c.Bound", "1.0\n"}, {"1 + c.Bound", "1000000001\n"},
		{"c.Bound.Seconds()", "1.0\n"}, {"c.Bound = c.Bound * 3", ""}, {"c.Bound", "<3s>\n"}, {"c.Bound == c.Bound", "True\n"}, {"c.Bound > c.Bound", "False\n"},
		{"stringer(c.Bound)", "\"3s\"\n"}, {"stringer(c)", "Traceback ..."}, {"bool(c.Bound)", "True\n"},
		// assignments to a variable do not change values that were read before
		{"old = (c.Bound, c.Values, c.Name)", ""}, {"c.Bound = 1", ""}, {"c.Values = [6]", ""}, {"old[0]", "<3s>\n"}, {"old[1]", "<[4, 5]>\n"},
		{"c.Bound = 3000000000", ""}, {"x = c.Values", ""}, {"x[0] = 8", ""}, {"c.Values[0]", "8\n"}, {"m = o.Map", ""}, {"m['z'] = None", ""},
		{"'z' in o.Map", "True\n"},
		// methods of pointers to slices
		{"o.Named.Append(4)", ""}, {"o.Named[0]", "4\n"}, {"l.Append(5)", ""}, {"(len(l), l[-1], dir(l))", "(3, 5, [\"Append\"])\n"},
		{"grow(l)", ""}, {"len(l)", "4\n"}, {"grow(o.Named)", ""}, {"len(o.Named)", "2\n"},
		// functions
		{"pair()", "(1, \"a\")\n"}, {"nothing()", ""}, {"nilfunc()", "Traceback ..."}, {"o.Func(1, 2, 3)", "3\n"}, {"o.Func()", "0\n"},
		{"o.Func('a')", "Traceback ..."}, {"i8(127)", "127\n"}, {"i8(128)", "Traceback ..."}, {"i8(1.5)", "Traceback ..."}, {"strs(['a', 'b'])", "\"a,b\"\n"},
		{"strs(('a',))", "\"a\"\n"}, {"strs([1])", "Traceback ..."}, {"dict({'a': 3})", "3\n"}, {"dict({1: 3})", "Traceback ..."}, {"ints([1, 2])", "3\n"},
		{"ints([1])", "Traceback ..."}, {"ints([1, 2, 3])", "Traceback ..."}, {"byvalue(c)", "42\n"}, {"pointer(c)", "False\n"}, {"pointer(None)", "True\n"},
		{"pointer(copy)", "Traceback ..."}, {"float(3)", "1.5\n"}, {"bytes(b'abc')", "3\n"}, {"bytes('ab')", "2\n"}, {"keyed({(1,): 2})", "Traceback ..."},
		{"keyed({1: 2, 'a': 3})", "2\n"},
		// values for an any
		{"any(1)", "\"int 1\"\n"}, {"any('a')", "\"string a\"\n"}, {"any(None)", "\"<nil> <nil>\"\n"}, {"any(1 << 70)", "\"*big.Int 1180591620717411303424\"\n"},
		{"any([1, 'a', None])", "\"[]interface {} [1 a <nil>]\"\n"}, {"any({'a': (1,)})", "\"map[interface {}]interface {} map[a:[1]]\"\n"},
		{"any(b'a')", "\"[]uint8 [97]\"\n"}, {"any(1.5)", "\"float64 1.5\"\n"}, {"any(True)", "\"bool true\"\n"}, {"any(c.Bound)", "\"time.Duration 3s\"\n"},
		{"x = []", ""}, {"x.append(x)", ""}, {"any(x)", "Traceback ..."}, {"d = {}", ""}, {"d['d'] = d", ""}, {"any(d)", "Traceback ..."},
		// others
		{"big", "1180591620717411303424\n"}, {"u", "9223372036854775808\n"}, {"f", "1.5\n"}, {"b", "True\n"}, {"err", "<\"an error\">\n"}, {"err.Error()", "\"an error\"\n"},
		{"[c.Bound, err]", "[3s, \"an error\"]\n"},
	} {
		s.want(row[1], row[0])
	}
	for statement, want := range map[string]string{
		"c.Divide(0)": "no zero, please", "c.Panic()": "panic: boom", "broken()": "panic: no text", "fail()": `bad\x1b[2J`, "c.Add('x')": "argument 1: cannot convert string to int",
		"i8(128)": "cannot convert int 128 to int8", "any(x)": "more than 100 levels",
		"c.Values = range(1 << 40)": "more than 1048576 elements", "copy.Value = 1": "a copy", "o.Nil[1] = 1": "cannot convert int 1 to string",
	} {
		if got := s.push(statement); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
	if c.Value != 42 || c.hidden != 0 || o.inner.N != 10 {
		t.Errorf("%+v, %+v", c, o)
	}
}

// T-MANHOLE-8: functions of Starlark are callbacks of Go.
func TestCallbacks(t *testing.T) {
	var kept func(n int)
	d := deferred.New[int]()
	s := newSession(t, starlarkrepl.Options{MaxSteps: 10_000}, map[string]any{
		"keep": func(f func(n int)) { kept = f }, "apply": func(f func(a, b int) (int, string)) string { return fmt.Sprintln(f(6, 7)) },
		"check": func(f func() error) string { return fmt.Sprint(f()) }, "d": d,
		"each": func(f func(any) any) any { return f(nil) },
	})
	s.want("\"42 x\\n\"\n", "apply(lambda a, b: (a * b, 'x'))")
	s.want("\"0 \\n\"\n", "apply(lambda a, b: 1)")
	if !strings.Contains(s.late.String(), "want 2") {
		t.Errorf("%q", s.late.String())
	}
	s.late.Reset()
	s.want("\"<nil>\"\n", "check(lambda: None)")
	if got := s.push("check(lambda: 1 // 0)"); !strings.Contains(got, "division by zero") {
		t.Errorf("%q", got)
	}
	s.want("", "each(lambda v: v)")
	s.want("", "keep(lambda n: print('n is', n))")
	kept(3)
	if got := s.late.String(); got != "n is 3\n" {
		t.Errorf("%q", got)
	}
	s.late.Reset()
	s.want("", "def forever(n):", "  while True: pass", "")
	s.want("", "keep(forever)")
	kept(3)
	if got := s.late.String(); !strings.Contains(got, "after 10000 steps") {
		t.Errorf("%q", got)
	}
	s.push("d.AddCallback(lambda n: n + 1)")
	d.Callback(1)
	if v, err, _ := d.Result(); v != 2 || err != nil {
		t.Error(v, err)
	}
}
