package deferred

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// waitLine is a line of Deferreds, each of which waits for the next once it is
// fired, and the first of which is waited for.
type waitLine struct {
	ds   []Deferred[int]
	last Deferred[int]
}

// newLine makes n Deferreds. If each is awaited, every one of them is waited
// for by something else before it waits itself.
func newLine(n int, awaited bool) *waitLine {
	l := &waitLine{ds: make([]Deferred[int], n+1)}
	for i := range l.ds {
		l.ds[i] = New[int]()
	}
	l.last = l.ds[n]
	for i, d := range l.ds[:n] {
		l.ds[i] = ThenDeferred(d, func(int) Deferred[int] { return l.ds[i+1] })
		if awaited {
			ThenDeferred(Succeed(0), func(int) Deferred[int] { return l.ds[i] })
		}
	}
	return l
}

// build fires the Deferreds in an order, so that each waits for the next.
func (l *waitLine) build(order []int) {
	for _, i := range order {
		l.ds[i].Callback(i)
	}
}

var orders = map[string]func(n int) []int{
	"first one first": func(n int) []int { return ascending(n) },
	"last one first": func(n int) []int {
		order := ascending(n)
		slices.Reverse(order)
		return order
	},
	"shuffled": func(n int) []int { return rand.New(rand.NewPCG(1, 2)).Perm(n) },
	"from the middle": func(n int) []int {
		order := ascending(n)
		slices.SortStableFunc(order, func(a, b int) int { return max(a-n/2, n/2-a) - max(b-n/2, n/2-b) })
		return order
	},
}

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// The search for a circle takes a few steps, however long the line is: a
// bounded number where the line grows at its ends, the logarithm of its length
// where parts of any length are joined.
func TestF62_D64_LongLinesTakeFewStepsEach(t *testing.T) {
	for name, order := range orders {
		for _, awaited := range []bool{false, true} {
			const n = 20_000
			l := newLine(n, awaited)
			steps := 0
			for _, i := range order(n) {
				from, to := l.ds[i+1].c, l.ds[i].c
				search := circleSearch{to: to, ahead: from, behind: []*chain{to}}
				for steps++; search.step(); steps++ {
				}
				l.ds[i].Callback(i)
			}
			if each := float64(steps) / n; each > math.Log2(n) {
				t.Errorf("%s, awaited %v: %.1f steps each", name, awaited, each)
			}
			l.last.Callback(7)
			if v, err, ok := l.ds[0].Result(); !awaited && (v != 7 || err != nil || !ok) {
				t.Errorf("%s: the first has %v, %v, %v", name, v, err, ok)
			}
		}
	}
}

// BenchmarkLine builds a line in which every member is waited for before it
// waits.
func BenchmarkLine(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		for name, order := range orders {
			b.Run(fmt.Sprintf("length=%d/%s", n, name), func(b *testing.B) {
				o := order(n)
				for b.Loop() {
					b.StopTimer()
					l := newLine(n, true)
					b.StartTimer()
					l.build(o)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/Deferred")
			})
		}
	}
}
