package starlarkrepl_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
)

// list is a slice with a method, and mode a number with one.
type list []int

func (l *list) Append(n int) { *l = append(*l, n) }

type mode uint8

func (m mode) String() string { return fmt.Sprintf("mode %d", uint8(m)) }

// hider has exported fields that are behind something unexported.
type hider struct {
	*deep
	Mode   mode
	List   list
	Any    any
	Err    error
	Func   func()
	Chan   chan int
	Unsafe unsafe.Pointer
	Twice  **int
	Slices [][]string
	Maps   map[string]map[string]int
	Keys   map[any]any
	Array  *[3]int
	Floats map[float64]int
	Time   time.Time
	D      deferred.Deferred[int]
	Anon   struct{ X, y int }
}

type deep struct{ Depth int }

// Whatever the value, no operation panics.
func TestOddValues(t *testing.T) {
	one := 1
	pointer := &one
	full := &hider{deep: &deep{1}, Mode: 3, List: list{1}, Any: &hider{}, Err: errors.New("x"), Func: func() {}, Chan: make(chan int),
		Unsafe: unsafe.Pointer(pointer), Twice: &pointer, Slices: [][]string{{"a"}, nil}, Maps: map[string]map[string]int{"a": {"b": 1}, "nil": nil},
		Keys: map[any]any{1: "a", "b": 2, nil: 3, [1]int{2}: []int{1}}, Array: &[3]int{1, 2, 3}, Floats: map[float64]int{math.NaN(): 1, 2: 2},
		Time: time.Unix(0, 0), D: deferred.Succeed(1)}
	self := []any{nil}
	self[0] = self
	values := map[string]any{"empty": &hider{}, "full": full, "copy": *full, "pointer": pointer, "twice": &pointer, "self": self,
		"complex": 1 + 2i, "chan": make(chan int), "recursive": map[string]any{"self": self}, "nilmap": map[string]int(nil), "nilslice": []int(nil),
		"nilerr": (error)(nil), "array": [0]int{}, "mode": mode(7), "list": &list{1, 2}}
	operations := []string{"x", "[x]", "str(x)", "type(x)", "dir(x)", "[getattr(x, a) for a in dir(x)]", "[str(getattr(x, a)) for a in dir(x)]",
		"x == x", "x != x", "x < x", "x + x", "x * 2", "2 * x", "-x", "x in x", "1 in x", "x[0]", "x[None]", "x[x]", "x['a']", "x[1:]", "x[::-1]", "len(x)",
		"list(x)", "sorted(x)", "dict(x)", "{x: 1}", "{x: 1}[x]", "set([x, x])", "[y for y in x]", "bool(x)", "not x", "x()", "x(x)", "hash(x)", "int(x)", "float(x)",
		"repr(x)", "x % 2", "'%s %d' % (x, 1)", "x.keys()", "x.values()", "x.items()", "x.delete(x)", "x.X", "x.Depth", "x.Append(1)",
		"enumerate(x)", "zip(x, x)", "max(x)", "min(x, key=x)", "any(x)", "all(x)", "reversed(x)", "tuple(x)", "f(x)", "g(x)", "h(x)"}
	assignments := []string{"x[0] = x", "x[None] = None", "x['a'] = x", "x.X = 1", "x.Depth = 2", "x.Any = x", "x.Func = None", "x.Mode = 300", "x.Mode = 3",
		"x.List = x.List", "x.Keys[x] = x", "x.Keys[None] = [None]", "x.Twice = x.Twice", "x.Array[1] = 7", "x.Array = [1, 2, 3]", "x.Floats[1.5] = 1",
		"x.Slices[0] = ['b', 'c']", "x.Slices[1][0] = 'x'", "x.Maps['nil']['a'] = 1", "x.Anon.X = 3", "x.Anon.y = 3", "x.Time = x.Time", "x.D = x.D", "x += x"}
	for name, v := range values {
		s := newSession(t, starlarkrepl.Options{MaxSteps: 100_000}, map[string]any{"v": v,
			"f": func(any) {}, "g": func(map[string]any) {}, "h": func([]any, ...int) {}})
		for _, operation := range append(operations, assignments...) {
			s.push("x = v")
			if out := s.push(operation); strings.Contains(out, "panic") || out == "" && strings.HasPrefix(operation, "[getattr") {
				t.Errorf("%s: %s: %s", name, operation, out)
			}
		}
		s.want("42\n", "40 + 2")
	}
	if full.Depth != 2 || full.Array[1] != 7 || full.Anon.X != 3 || full.Anon.y != 0 || full.Mode != 3 || len(full.Slices[0]) != 2 {
		t.Errorf("%+v", full)
	}
}
