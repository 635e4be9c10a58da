package reactor

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Timers is the queue of delayed calls behind a clock: the Reactor has one, the fake clock of package reactortest has one, and whoever
// builds another clock uses it the same way: [Timers.CallLater] and [Timers.AfterFunc] as methods of the clock, and [Timers.Pop] whenever
// its time has moved on.
//
// Calls come out by due time; calls with equal times in the order in which they were scheduled (R54, R55). A call that is moved joins the
// others of its new time where a list sorted by time would have it: in front of them if it was due earlier so far, behind them if it
// was due later (R128). (Where a call lands that is moved away from a time and back to it is open.)
//
// Scheduling and cancelling do not depend on the number of calls in the usual case that due times grow; running one costs the logarithm of
// it. A pending call takes 48 bytes. Timers is owned by one goroutine.
type Timers struct {
	epoch   time.Time
	elapsed func() time.Duration

	heap  timerHeap
	added []timerEntry // scheduled while held
	held  bool
	live  int   // entries that stand for a call
	dead  int   // entries whose call was cancelled or moved
	count int64 // ever given out as an order

	debug map[*DelayedCall][]uintptr // where calls were scheduled; nil unless debugging
}

// NewTimers returns an empty queue. elapsed must return the time since epoch, and never less than it did before.
func NewTimers(epoch time.Time, elapsed func() time.Duration) *Timers {
	return &Timers{epoch: epoch, elapsed: elapsed}
}

// CallLater schedules f for d from now. A negative d means now.
func (t *Timers) CallLater(d time.Duration, f func()) *DelayedCall {
	if f == nil {
		panic("reactor: CallLater with a nil function")
	}
	t.count++
	c := &DelayedCall{f: f, t: t, due: addTime(int64(t.elapsed()), max(d, 0)) << stateBits}
	t.live++
	t.insert(timerEntry{c.when(), t.count, c})
	if t.debug != nil {
		t.debug[c] = callerPCs()
	}
	return c
}

// AfterFunc is CallLater for users that only want to stop the call again: stop reports whether it prevented it.
func (t *Timers) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c := t.CallLater(d, f)
	return func() bool { return c.Cancel() == nil }
}

// Pop takes the earliest call that is due now and returns it with its function, which the caller is to run. The call counts as called from
// here on (R129). It returns nil if none is due.
func (t *Timers) Pop() (c *DelayedCall, f func()) { return t.pop(int64(t.elapsed())) }

// Next returns when the earliest call is due; ok is false if there is none.
func (t *Timers) Next() (due time.Time, ok bool) {
	when, ok := t.next()
	return t.epoch.Add(time.Duration(when)), ok
}

// Len returns the number of calls to come.
func (t *Timers) Len() int { return t.live }

// GetDelayedCalls returns the calls to come, by due time (R65).
func (t *Timers) GetDelayedCalls() []*DelayedCall {
	entries := slices.Concat(t.heap.entries(), t.added)
	slices.SortFunc(entries, timerEntry.compare)
	calls := make([]*DelayedCall, 0, t.live)
	seen := make(map[*DelayedCall]bool)
	for _, e := range entries {
		if !e.stale() && !seen[e.call] {
			seen[e.call] = true
			calls = append(calls, e.call)
		}
	}
	return calls
}

func (t *Timers) next() (when int64, ok bool) {
	if t.heap.n == 0 {
		return 0, false
	}
	if t.dead > 0 {
		t.shed()
	}
	if t.heap.n == 0 {
		return 0, false
	}
	return t.heap.at(0).when, true
}

func (t *Timers) pop(now int64) (*DelayedCall, func()) {
	if when, ok := t.next(); !ok || when > now {
		return nil, nil
	}
	c := t.heap.pop().call
	t.live--
	f := c.f
	c.f = nil
	c.due |= callCalled
	return c, f
}

// hold keeps calls that are scheduled or moved from now on out of pop's reach, until release: they wait for the next turn (R52).
func (t *Timers) hold() { t.held = true }

func (t *Timers) release() {
	t.held = false
	for _, e := range t.added {
		t.heap.push(e)
	}
	clear(t.added)
	t.added = t.added[:0]
}

func (t *Timers) insert(e timerEntry) {
	if t.held {
		t.added = append(t.added, e)
		return
	}
	t.heap.push(e)
}

// move gives c another due time. Its old entry stays behind, stale.
func (t *Timers) move(c *DelayedCall, when int64) {
	if when == c.when() {
		return
	}
	t.count++
	order := t.count
	if when > c.when() {
		order = -t.count
	}
	c.due = when << stateBits
	t.insert(timerEntry{when, order, c})
	t.dead++
	t.compact()
}

// dropped is told of a cancelled call. Its entry stays behind, stale.
func (t *Timers) dropped(c *DelayedCall) {
	t.live--
	t.dead++
	t.compact()
	delete(t.debug, c)
}

// shed removes stale entries from the head.
func (t *Timers) shed() {
	for t.heap.n > 0 && t.heap.at(0).stale() {
		t.heap.pop()
		t.dead--
	}
}

// compact removes the stale entries once they are the majority, so that each costs a constant time and the queue stays in proportion to
// the calls in it.
func (t *Timers) compact() {
	if t.dead < t.live+64 {
		return
	}
	t.heap.deleteStale()
	t.added = slices.DeleteFunc(t.added, timerEntry.stale)
	t.dead = t.heap.n + len(t.added) - t.live
}

// describe names a call for the log of a panic in it.
func (t *Timers) describe(c *DelayedCall) string {
	if len(t.debug[c]) == 0 {
		return "a delayed call"
	}
	text := "a delayed call, scheduled at"
	frames := runtime.CallersFrames(t.debug[c])
	for {
		frame, more := frames.Next()
		text += fmt.Sprintf("\n\t%s %s:%d", frame.Function, frame.File, frame.Line)
		if !more {
			return text
		}
	}
}

// callerPCs returns the stack of who called into the clock.
func callerPCs() []uintptr {
	pcs := make([]uintptr, 16)
	return pcs[:runtime.Callers(3, pcs)]
}
