package reactor

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// modelCall is a call in a list that is kept sorted by time, which is what
// Timers must look like from outside.
type modelCall struct {
	id   int
	when time.Duration
	been map[time.Duration]bool // where it was moved away from
}

func TestR54_R128_TimersBehaveLikeASortedList(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var now time.Duration
		timers := NewTimers(time.Unix(0, 0), func() time.Duration { return now })
		var model []modelCall
		calls := map[int]*DelayedCall{}
		var ran int
		sortModel := func() {
			slices.SortStableFunc(model, func(a, b modelCall) int { return cmp.Compare(a.when, b.when) })
		}
		for id := range 300 {
			switch d := time.Duration(rnd.IntN(20)); rnd.IntN(6) {
			case 0, 1, 2:
				calls[id] = timers.CallLater(d, func() { ran = id })
				model = append(model, modelCall{id, now + d, map[time.Duration]bool{}})
				sortModel()
			case 3:
				if len(model) > 0 {
					i := rnd.IntN(len(model))
					if err := calls[model[i].id].Cancel(); err != nil {
						t.Fatal(err)
					}
					model = slices.Delete(model, i, i+1)
				}
			case 4:
				if len(model) > 0 {
					i := rnd.IntN(len(model))
					if model[i].been[now+d] {
						continue // its place among equal times is open then
					}
					model[i].been[model[i].when] = true
					if err := calls[model[i].id].Reset(d); err != nil {
						t.Fatal(err)
					}
					model[i].when = now + d
					sortModel()
				}
			case 5:
				now += d / 4
				for len(model) > 0 && model[0].when <= now {
					_, f := timers.Pop()
					if f == nil {
						t.Fatalf("seed %d: nothing is due, want %v at %v", seed, model[0], now)
					}
					if f(); ran != model[0].id {
						t.Fatalf("seed %d: ran %d, want %d", seed, ran, model[0].id)
					}
					model = model[1:]
				}
			}
			if timers.Len() != len(model) {
				t.Fatalf("seed %d: %d calls, want %d", seed, timers.Len(), len(model))
			}
		}
		left := timers.GetDelayedCalls()
		for i, m := range model {
			if left[i] != calls[m.id] {
				t.Fatalf("seed %d: call %d is another one", seed, i)
			}
		}
	}
}

func TestR62_MovedAwayAndBack(t *testing.T) {
	timers := NewTimers(time.Unix(0, 0), func() time.Duration { return 0 })
	ran := 0
	c := timers.CallLater(5, func() { ran++ })
	for range 100 {
		_ = c.Reset(9)
		_ = c.Reset(5)
	}
	if calls := timers.GetDelayedCalls(); len(calls) != 1 || timers.Len() != 1 {
		t.Errorf("%d calls, length %d", len(calls), timers.Len())
	}
	_ = c.Reset(0)
	for _, f := timers.Pop(); f != nil; _, f = timers.Pop() {
		f()
	}
	if _, ok := timers.Next(); ran != 1 || ok || timers.Len() != 0 || timers.dead != 0 {
		t.Errorf("ran %d times; left %d, %d stale", ran, timers.Len(), timers.dead)
	}
}

func TestTimersGiveMemoryBack(t *testing.T) {
	timers := NewTimers(time.Unix(0, 0), func() time.Duration { return 0 })
	var calls []*DelayedCall
	for range 100_000 {
		calls = append(calls, timers.CallLater(time.Hour, func() {}))
	}
	for _, c := range calls {
		_ = c.Cancel()
	}
	c := timers.CallLater(time.Hour, func() {})
	for range 100_000 {
		_ = c.Reset(0)
		_ = c.Reset(time.Hour)
	}
	if n := len(timers.heap.chunks); n > 4 {
		t.Errorf("%d chunks for one call", n)
	}
	if due, ok := timers.Next(); !ok || !due.Equal(time.Unix(3600, 0)) {
		t.Errorf("next at %v, %v", due, ok)
	}
}
