package reactor

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Timers is the queue of delayed calls of a clock. A Reactor has one, and so
// has the fake clock of package reactortest. To build another clock, make
// [Timers.CallLater] and [Timers.AfterFunc] methods of the clock, and call
// [Timers.Pop] until the result is nil whenever the clock's time has changed.
//
// Calls run by due time. Calls with the same due time run in the order in which
// they were scheduled. A moved call joins the calls of its new due time: before
// the others if moved to a later time, after the others if moved to an earlier
// one.
//
// Scheduling a call that is due after the others, and cancelling, take constant
// time. Running a call takes logarithmic time. A pending call takes 48 bytes.
// Timers is for one goroutine.
type Timers struct {
	epoch   time.Time
	elapsed func() time.Duration

	heap  timerHeap
	added []timerEntry // scheduled while held
	held  bool
	live  int   // entries of pending calls
	dead  int   // entries of calls that were cancelled or moved
	count int64 // the last order

	debug map[*DelayedCall][]uintptr // where calls were scheduled; nil without Options.Debug
	check func(op string)            // panics on other goroutines than the clock's; nil without Options.Debug
}

// NewTimers returns an empty queue. elapsed must return the time since epoch,
// and never less than before.
func NewTimers(epoch time.Time, elapsed func() time.Duration) *Timers {
	return &Timers{epoch: epoch, elapsed: elapsed}
}

// CallLater schedules f for d from now. A negative d means now. CallLater
// panics if f is nil.
func (t *Timers) CallLater(d time.Duration, f func()) *DelayedCall {
	if f == nil {
		panic(nilFunction("CallLater"))
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

// AfterFunc is like CallLater, but returns a function that cancels the call.
// stop reports whether it has prevented the call.
func (t *Timers) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c := t.CallLater(d, f)
	return func() bool { return c.Cancel() == nil }
}

// Pop removes the earliest call that is due, and returns it with its function,
// which the caller must run. From then on the call counts as called. Pop
// returns nil if no call is due.
func (t *Timers) Pop() (c *DelayedCall, f func()) { return t.pop(int64(t.elapsed())) }

// Next returns when the earliest call is due. ok is false if there is none.
func (t *Timers) Next() (due time.Time, ok bool) {
	when, ok := t.next()
	return t.epoch.Add(time.Duration(when)), ok
}

// Len returns the number of pending calls.
func (t *Timers) Len() int { return t.live }

// mustBeOwned panics with an *OffLoopError if the clock is a Reactor with
// Options.Debug, and the caller is not on the loop.
func (t *Timers) mustBeOwned(op string) {
	if t.check != nil {
		t.check(op)
	}
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

// hold makes calls that are scheduled or moved from now on wait until release,
// so that they run in the next iteration.
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

// move gives c another due time. Its old entry stays behind and is stale.
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

// dropped is called after c was cancelled. Its entry stays behind and is stale.
func (t *Timers) dropped(c *DelayedCall) {
	t.live--
	t.dead++
	t.compact()
	delete(t.debug, c)
}

// shed removes stale entries from the root of the heap.
func (t *Timers) shed() {
	for t.heap.n > 0 && t.heap.at(0).stale() {
		t.heap.pop()
		t.dead--
	}
}

// compact removes the stale entries once they are the majority. Each stale
// entry thus costs constant time, and the memory stays proportional to the
// pending calls.
func (t *Timers) compact() {
	if t.dead < t.live+64 {
		return
	}
	t.heap.deleteStale()
	t.added = slices.DeleteFunc(t.added, timerEntry.stale)
	t.dead = t.heap.n + len(t.added) - t.live
}

// scheduledAt returns the stack on which c was scheduled, or "" if that was not
// recorded.
func (t *Timers) scheduledAt(c *DelayedCall) (stack string) {
	pcs := t.debug[c]
	if len(pcs) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		stack += fmt.Sprintf("%s()\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
	}
	return stack
}

// callerPCs returns the stack of the caller of Timers.CallLater.
func callerPCs() []uintptr {
	pcs := make([]uintptr, 16)
	return pcs[:runtime.Callers(3, pcs)]
}
