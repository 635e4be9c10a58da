package task

import (
	"container/list"
	"errors"
	"iter"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var (
	// ErrSchedulerStopped is the failure of the tasks of a Cooperator that was
	// stopped.
	ErrSchedulerStopped = errors.New("task: the Cooperator has stopped; Start lets it accept new tasks")

	errTickTooEarly = errors.New("task: CooperatorOptions.Scheduler has called its tick; arrange for a later call")
	errNoStop       = errors.New("task: CooperatorOptions.Scheduler has returned a nil function; " +
		"return one that prevents the tick")
	errManyInto = errors.New("task: Cooperator.Coiterate takes at most one Deferred")
	errZeroInto = errors.New("task: Cooperator.Coiterate with the zero Deferred; make one with deferred.New")
)

// sliceTime is the default length of a tick.
const sliceTime = 10 * time.Millisecond

// Steps is work that is done in steps. Each value that the iterator yields ends
// a step. If the value is not the zero Deferred, the next step waits until the
// Deferred has fired; its failure ends the task. A panic of the iterator ends
// the task as well. When the task is stopped, yield returns false.
type Steps = iter.Seq[deferred.Deferred[struct{}]]

// Step is the value to yield when the next step need not wait.
var Step deferred.Deferred[struct{}]

// CooperatorOptions configures a Cooperator. Clock or Scheduler must be set;
// the other fields may be zero.
type CooperatorOptions struct {
	// Clock runs the ticks if Scheduler is nil: one in each iteration of the
	// loop.
	Clock reactor.Clock

	// Scheduler, if not nil, arranges for a later call of tick and returns a
	// function that prevents the call. It must not call tick itself.
	Scheduler func(tick func()) (stop func() bool)

	// Slice is called at the beginning of each tick. It returns a predicate
	// that is called after each step; the tick ends when that returns true.
	// If Slice is nil, a tick ends after 10 ms.
	Slice func() (over func() bool)

	// NotStarted makes a Cooperator that takes no steps until Start.
	NotStarted bool
}

// Cooperator does several tasks in turn. In each tick it takes one step of the
// first task, one of the second, and so on, until the tick's time is over.
type Cooperator struct {
	schedule   func(tick func()) (stop func() bool)
	slice      func() func() bool
	tasks      *list.List // of *CooperativeTask that can take a step, the next one first
	started    bool
	stopped    bool
	ticking    bool        // tick is on the stack
	scheduling bool        // schedule is on the stack
	stopTick   func() bool // nil when no tick is pending
}

// NewCooperator returns a Cooperator. It panics if opts has neither a Clock nor
// a Scheduler.
func NewCooperator(opts CooperatorOptions) *Cooperator {
	c := &Cooperator{schedule: opts.Scheduler, slice: opts.Slice, started: !opts.NotStarted, tasks: list.New()}
	if c.schedule == nil {
		clock := opts.Clock
		arg.NotNil("task: NewCooperator", "Clock", clock)
		c.schedule = func(tick func()) func() bool { return clock.AfterFunc(0, tick) }
	}
	if c.slice == nil {
		c.slice = defaultSlice
	}
	return c
}

func defaultSlice() func() bool {
	end := time.Now().Add(sliceTime)
	return func() bool { return !time.Now().Before(end) }
}

// Cooperate begins a task. The first step is taken in a later tick. On a
// stopped Cooperator the task has failed with ErrSchedulerStopped.
func (c *Cooperator) Cooperate(steps Steps) *CooperativeTask {
	arg.NotNil("task: Cooperator.Cooperate", "iterator", steps)
	t := &CooperativeTask{c: c}
	if c.stopped {
		t.err, t.state = ErrSchedulerStopped, ErrTaskFailed
		return t
	}
	t.next, t.release = iter.Pull(steps)
	c.add(t)
	return t
}

// Coiterate begins a task and returns a Deferred that fires when the task has
// ended, as WhenDone does. If a Deferred is given, it is fired and returned
// instead of a new one; it must not have fired.
func (c *Cooperator) Coiterate(
	steps Steps, into ...deferred.Deferred[*CooperativeTask],
) deferred.Deferred[*CooperativeTask] {
	switch {
	case len(into) == 0:
		return c.Cooperate(steps).WhenDone()
	case len(into) > 1:
		panic(errManyInto)
	case into[0] == (deferred.Deferred[*CooperativeTask]{}):
		panic(errZeroInto)
	}
	c.Cooperate(steps).notify(into[0])
	return into[0]
}

// Start begins to take steps. After Stop it lets the Cooperator accept new
// tasks.
func (c *Cooperator) Start() {
	c.started, c.stopped = true, false
	c.reschedule()
}

// Stop ends all tasks with ErrSchedulerStopped. Paused tasks, and tasks that
// wait for a Deferred, end when they would resume.
func (c *Cooperator) Stop() {
	c.stopped = true
	tasks := c.tasks
	c.tasks = list.New()
	for e := tasks.Front(); e != nil; e = e.Next() {
		// A callback of another task may have ended this one.
		if t := e.Value.(*CooperativeTask); t.state == nil {
			t.finish(ErrTaskFailed, ErrSchedulerStopped)
		}
	}
	c.reschedule()
}

// Running reports whether the Cooperator was started and not stopped since.
func (c *Cooperator) Running() bool { return c.started && !c.stopped }

// add lets a task take steps, after all others.
func (c *Cooperator) add(t *CooperativeTask) {
	if c.stopped {
		t.finish(ErrTaskFailed, ErrSchedulerStopped)
		return
	}
	t.place = c.tasks.PushBack(t)
	c.reschedule()
}

// remove keeps a task from taking steps.
func (c *Cooperator) remove(t *CooperativeTask) {
	if t.place != nil {
		c.tasks.Remove(t.place) // does nothing if Stop has taken the list away
		t.place = nil
	}
	c.reschedule()
}

// reschedule has one tick pending if there is a task to do, else none.
func (c *Cooperator) reschedule() {
	wanted := c.Running() && c.tasks.Len() > 0
	switch {
	case c.ticking:
	case wanted && c.stopTick == nil:
		c.stopTick = c.scheduleTick()
	case !wanted && c.stopTick != nil:
		c.stopTick()
		c.stopTick = nil
	}
}

func (c *Cooperator) scheduleTick() (stop func() bool) {
	c.scheduling = true
	defer func() { c.scheduling = false }()
	if stop = c.schedule(c.tick); stop == nil {
		panic(errNoStop)
	}
	return stop
}

// tick takes steps until its time is over.
func (c *Cooperator) tick() {
	if c.scheduling {
		panic(errTickTooEarly)
	}
	c.stopTick = nil
	c.ticking = true
	defer func() { // even if a predicate panics
		c.ticking = false
		c.reschedule()
	}()
	over := c.slice()
	for c.Running() && c.tasks.Len() > 0 {
		first := c.tasks.Front()
		c.tasks.MoveToBack(first)
		first.Value.(*CooperativeTask).step()
		if over() {
			return
		}
	}
}
