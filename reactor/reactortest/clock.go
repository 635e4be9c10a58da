package reactortest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// maxCallsPerAdvance is the maximum number of calls in one Advance. More are
// taken for an endless loop.
const maxCallsPerAdvance = 1_000_000

// Clock is a reactor.Clock whose time only moves when Advance is called. The
// time begins at the Unix epoch. Make one with NewClock.
//
// Unlike a Reactor, a Clock accepts a negative delay, which means no delay, and
// runs calls without delay in the Advance that is in progress.
type Clock struct {
	now    time.Duration // since the Unix epoch
	timers *reactor.Timers

	mu     sync.Mutex // guards posted
	posted []func()   // see MemoryReactor.CallFromThread
}

var (
	_ reactor.Clock  = (*Clock)(nil)
	_ deferred.Clock = (*Clock)(nil)
)

// NewClock returns a Clock at the Unix epoch, without calls.
func NewClock() *Clock {
	c := new(Clock)
	c.timers = reactor.NewTimers(time.Unix(0, 0).UTC(), func() time.Duration { return c.now })
	return c
}

// Now returns the current time of the clock.
func (c *Clock) Now() time.Time { return time.Unix(0, 0).UTC().Add(c.now) }

// Elapsed returns the time since the Unix epoch: the sum of all Advances.
func (c *Clock) Elapsed() time.Duration { return c.now }

// CallLater has Advance call f when the time has moved by d. A nil f panics.
func (c *Clock) CallLater(d time.Duration, f func()) *reactor.DelayedCall {
	return c.timers.CallLater(d, f)
}

// AfterFunc schedules f as CallLater does. The function returned prevents the
// call; its result is false if the call has already run or was prevented.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return c.timers.AfterFunc(d, f)
}

// GetDelayedCalls returns the pending calls, the earliest first.
func (c *Clock) GetDelayedCalls() []*reactor.DelayedCall { return c.timers.GetDelayedCalls() }

// Advance moves the time forward by d. Then it runs all calls that are due, the
// earliest first, including calls scheduled meanwhile. A call may call Advance.
//
// Advance panics if d is negative, and after a million calls: a call that
// schedules itself without delay would never end. If a call panics, the panic
// reaches the caller of Advance, and the remaining calls run in the next
// Advance.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Errorf("reactortest: Clock.Advance(%v); time does not go back", d))
	}
	c.now += d
	for range maxCallsPerAdvance {
		f := c.due()
		if f == nil {
			return
		}
		f()
	}
	panic(fmt.Errorf("reactortest: %d calls in one Advance; "+
		"look for a call that schedules itself without delay", maxCallsPerAdvance))
}

// Pump calls Advance with each of the amounts.
func (c *Clock) Pump(amounts ...time.Duration) {
	for _, d := range amounts {
		c.Advance(d)
	}
}

// post schedules f for the next Advance. Any goroutine may call post.
func (c *Clock) post(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posted = append(c.posted, f)
}

// due returns the next function to run, nil if there is none.
func (c *Clock) due() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.posted) > 0 {
		f := c.posted[0]
		c.posted = c.posted[1:]
		return f
	}
	_, f := c.timers.Pop()
	return f
}
