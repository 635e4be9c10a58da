package deferred_test

import (
	"slices"
	"time"
)

type duration = time.Duration

func seconds(n int) duration { return duration(n) * time.Second }

// fakeClock is a Clock that the test moves by hand.
type fakeClock struct {
	now    duration
	timers []*fakeTimer // by time; equal times in the order they were made
}

type fakeTimer struct {
	at duration
	f  func()
}

func (c *fakeClock) AfterFunc(d duration, f func()) (stop func() bool) {
	t := &fakeTimer{c.now + d, f}
	i, _ := slices.BinarySearchFunc(c.timers, t.at, func(other *fakeTimer, at duration) int {
		if other.at <= at {
			return -1
		}
		return 1
	})
	c.timers = slices.Insert(c.timers, i, t)
	return func() bool { return c.remove(t) }
}

func (c *fakeClock) remove(t *fakeTimer) bool {
	i := slices.Index(c.timers, t)
	if i >= 0 {
		c.timers = slices.Delete(c.timers, i, i+1)
	}
	return i >= 0
}

// advance moves the time and runs what is due.
func (c *fakeClock) advance(n int) {
	c.now += seconds(n)
	for len(c.timers) > 0 && c.timers[0].at <= c.now {
		t := c.timers[0]
		c.remove(t)
		t.f()
	}
}
