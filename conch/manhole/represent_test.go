package manhole_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/manhole"
)

type point struct {
	X, Y   int
	hidden int
}

type node struct {
	Name string
	Next *node
}

type panics struct{}

func (panics) String() string { panic("boom") }

// T-MANHOLE-8: the text that shows a value.
func TestRepresent(t *testing.T) {
	cycle := &node{Name: "a"}
	cycle.Next = cycle
	self := []any{nil}
	self[0] = self
	var none *point
	for _, row := range []struct {
		v    any
		want string
	}{
		{nil, "nil"}, {none, "nil"}, {true, "true"}, {-3, "-3"}, {2.5, "2.5"}, {"a\x1b\"", `"a\x1b\""`},
		{[]byte("a\x00"), `"a\x00"`}, {[3]byte{65, 66, 67}, `"ABC"`}, {[]string{"a", "b"}, `["a", "b"]`}, {[]int{}, "[]"},
		{map[string]int{"b": 2, "a": 1}, `{"a": 1, "b": 2}`}, {map[string]int(nil), "nil"},
		{point{1, 2, 3}, "manhole_test.point{X: 1, Y: 2}"}, {&point{1, 2, 3}, "&manhole_test.point{X: 1, Y: 2}"},
		{errors.New("bad\n"), `"bad\n"`}, {time.Second, "1s"}, {net.IPv4(192, 0, 2, 1), "192.0.2.1"},
		{panics{}, "<manhole_test.panics: panic: boom>"}, {func(int) error { return nil }, "func(int) error"},
		{make(chan int), "chan int"}, {self, "[[[[...]]]]"}, {[]any{nil, 1}, "[nil, 1]"},
		{cycle, `&manhole_test.node{Name: "a", Next: &manhole_test.node{Name: "a", Next: ...}}`},
	} {
		if got := manhole.Represent(row.v); got != row.want {
			t.Errorf("%#v: %s, want %s", row.want, got, row.want)
		}
	}
}

// T-MANHOLE-8: the text has a bound, whatever the value.
func TestRepresentBounds(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	many := make(map[int][]string)
	for i := range 1000 {
		many[i] = []string{long, long}
	}
	type any3 = []map[int]map[int]string
	deep := any3{}
	for range 200 {
		level := map[int]map[int]string{}
		for i := range 200 {
			level[i] = map[int]string{}
			for j := range 50 {
				level[i][j] = "text"
			}
		}
		deep = append(deep, level)
	}
	for _, v := range []any{long, []byte(long), many, deep, &many, []any{many, many, deep}} {
		if got := manhole.Represent(v); len(got) > 80<<10 || !strings.Contains(got, "...") {
			t.Errorf("%T: %d bytes", v, len(got))
		}
	}
}
