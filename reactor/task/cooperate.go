package task

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

var (
	// ErrSchedulerStopped is the failure of the tasks of a Cooperator that is stopped (R184, R188).
	ErrSchedulerStopped = errors.New("task: the cooperator has stopped")

	// ErrTaskStopped is the failure of a task after its Stop, and what Stop and Pause return then (R196, R197).
	ErrTaskStopped = errors.New("task: the task was stopped")

	// ErrTaskDone and ErrTaskFailed are returned by Stop and Pause of a task that has ended so (R197).
	ErrTaskDone   = errors.New("task: the task is done")
	ErrTaskFailed = errors.New("task: the task has failed")

	// ErrNotPaused is returned by Resume of a task that is not paused (R194).
	ErrNotPaused = errors.New("task: the task is not paused")
)

// Steps is work in steps. Each value that it yields ends a step; if that is a Deferred, and not the zero one, the next step waits for it, and its
// failure ends the task. A panic ends the task as well. When the task is stopped, yield returns false.
type Steps = iter.Seq[deferred.Deferred[struct{}]]

// Step is what a plain step yields.
var Step deferred.Deferred[struct{}]

// CooperatorOptions configures a Cooperator. The zero value works but for the Clock.
type CooperatorOptions struct {
	// Scheduler arranges for a tick of steps; it has the shape of AfterFunc without the time. Nil means the next turn of Clock.
	Scheduler func(tick func()) (stop func() bool)
	Clock     reactor.Clock

	// Slice makes a predicate for each tick, which is asked after each step whether the tick is to end (R181). Nil means one that says
	// so after 10 ms.
	Slice func() (over func() bool)

	// NotStarted makes a Cooperator that keeps its tasks until Start (R189).
	NotStarted bool
}

// Cooperator takes one step of each of its tasks in turn (R180), for a slice of time in each tick. It belongs to the loop.
type Cooperator struct {
	schedule func(tick func()) (stop func() bool)
	slice    func() func() bool
	tasks    []*CooperativeTask // ready for a step, the next one first
	started  bool
	stopped  bool
	ticking  bool        // a tick is running
	stopTick func() bool // nil when none is pending
}

// NewCooperator returns a Cooperator.
func NewCooperator(opts CooperatorOptions) *Cooperator {
	c := &Cooperator{schedule: opts.Scheduler, slice: opts.Slice, started: !opts.NotStarted}
	if c.schedule == nil {
		clock := opts.Clock
		c.schedule = func(tick func()) func() bool { return clock.AfterFunc(0, tick) }
	}
	if c.slice == nil {
		c.slice = tenMilliseconds
	}
	return c
}

func tenMilliseconds() func() bool {
	end := time.Now().Add(10 * time.Millisecond)
	return func() bool { return !time.Now().Before(end) }
}

// Cooperate begins a task (R176). On a stopped Cooperator it fails at once with ErrSchedulerStopped (R188).
func (c *Cooperator) Cooperate(steps Steps) *CooperativeTask {
	t := &CooperativeTask{c: c}
	if c.stopped {
		t.err, t.state = ErrSchedulerStopped, ErrTaskFailed
		return t
	}
	t.next, t.release = iter.Pull(steps)
	c.add(t)
	return t
}

// Coiterate is Cooperate for who only wants to know of the end (R176). If a Deferred is given, that is fired and returned (R191).
func (c *Cooperator) Coiterate(steps Steps, into ...deferred.Deferred[*CooperativeTask]) deferred.Deferred[*CooperativeTask] {
	t := c.Cooperate(steps)
	if len(into) == 0 {
		return t.WhenDone()
	}
	t.notify(into[0])
	return into[0]
}

// Start begins with the tasks, and lets a stopped Cooperator take new ones (R189).
func (c *Cooperator) Start() {
	c.started, c.stopped = true, false
	c.reschedule()
}

// Stop ends the tasks: they fail with ErrSchedulerStopped, paused ones when they would go on (R184, R185, R187).
func (c *Cooperator) Stop() {
	c.stopped = true
	tasks := c.tasks
	c.tasks = nil
	for _, t := range tasks {
		if t.state == nil { // else the callbacks of another have stopped it
			t.finish(ErrTaskFailed, ErrSchedulerStopped)
		}
	}
	c.reschedule()
}

// Running reports whether the Cooperator was started and not stopped (R190).
func (c *Cooperator) Running() bool { return c.started && !c.stopped }

// add makes a task take part.
func (c *Cooperator) add(t *CooperativeTask) {
	if c.stopped {
		t.finish(ErrTaskFailed, ErrSchedulerStopped)
		return
	}
	c.tasks = append(c.tasks, t)
	c.reschedule()
}

// remove takes a task out.
func (c *Cooperator) remove(t *CooperativeTask) {
	c.tasks = slices.DeleteFunc(c.tasks, func(other *CooperativeTask) bool { return other == t })
	c.reschedule()
}

// reschedule has a tick pending if, and only if, there is something to do (R182, R183).
func (c *Cooperator) reschedule() {
	wanted := c.Running() && len(c.tasks) > 0
	switch {
	case c.ticking:
	case wanted && c.stopTick == nil:
		c.stopTick = c.schedule(c.tick)
	case !wanted && c.stopTick != nil:
		c.stopTick()
		c.stopTick = nil
	}
}

// tick takes steps until the slice of time is over.
func (c *Cooperator) tick() {
	c.stopTick = nil
	c.ticking = true
	defer func() { // also if a predicate panics
		c.ticking = false
		c.reschedule()
	}()
	over := c.slice()
	for len(c.tasks) > 0 && c.Running() {
		t := c.tasks[0]
		c.tasks = append(c.tasks[1:], t) // behind the others, as long as it takes part
		t.step()
		if over() {
			break
		}
	}
}

// CooperativeTask is work that a Cooperator does in steps.
type CooperativeTask struct {
	c       *Cooperator
	next    func() (deferred.Deferred[struct{}], bool)
	release func()
	inStep  bool // the iterator is running
	pauses  int
	state   error // how it has ended: ErrTaskDone, ErrTaskFailed or ErrTaskStopped; nil before
	err     error // the failure
	waiting []deferred.Deferred[*CooperativeTask]
}

// WhenDone returns a Deferred that fires with the task when it is done, and fails as it fails; each call makes a new one (R177, R178, R200).
// Cancelling it does not affect the task (R201).
func (t *CooperativeTask) WhenDone() deferred.Deferred[*CooperativeTask] {
	d := deferred.New[*CooperativeTask]()
	t.notify(d)
	return d
}

// notify fires d when the task has ended.
func (t *CooperativeTask) notify(d deferred.Deferred[*CooperativeTask]) {
	if t.state != nil {
		t.tell(d)
		return
	}
	t.waiting = append(t.waiting, d)
}

// Pause keeps the task from taking steps until the matching Resume (R192, R193). If it has ended, it returns how.
func (t *CooperativeTask) Pause() error {
	if t.state != nil {
		return t.state
	}
	if t.pauses++; t.pauses == 1 {
		t.c.remove(t)
	}
	return nil
}

// Resume takes a Pause back. It returns ErrNotPaused if there is none. On a task that was stopped meanwhile it does nothing (R198).
func (t *CooperativeTask) Resume() error {
	if t.pauses == 0 {
		return ErrNotPaused
	}
	if t.pauses--; t.pauses == 0 && t.state == nil {
		t.c.add(t)
	}
	return nil
}

// Stop ends the task: its Deferreds fail with ErrTaskStopped (R196). If it has ended, it returns how.
func (t *CooperativeTask) Stop() error {
	if t.state != nil {
		return t.state
	}
	t.finish(ErrTaskStopped, ErrTaskStopped)
	return nil
}

// step takes one step.
func (t *CooperativeTask) step() {
	t.inStep = true
	d, more, err := t.advance()
	t.inStep = false
	switch {
	case t.state != nil: // the step has ended it
		t.end()
	case err != nil:
		t.finish(ErrTaskFailed, err)
	case !more:
		t.finish(ErrTaskDone, nil)
	case d != Step:
		t.waitFor(d)
	}
}

func (t *CooperativeTask) advance() (d deferred.Deferred[struct{}], more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	d, more = t.next()
	return d, more, nil
}

// waitFor pauses the task until d has fired. Its result goes no further (R179, R199).
func (t *CooperativeTask) waitFor(d deferred.Deferred[struct{}]) {
	_ = t.Pause()                                                               // it has not ended
	d = deferred.MaybeDeferred(func() deferred.Deferred[struct{}] { return d }) // it may be a view that cannot be used
	d.AddBoth(func(v struct{}, err error) (struct{}, error) {
		if err != nil && t.state == nil {
			t.finish(ErrTaskFailed, err)
		}
		_ = t.Resume() // of the Pause above
		return struct{}{}, nil
	})
}

// finish ends the task and tells those who wait; it is out of the Cooperator by then (R202).
func (t *CooperativeTask) finish(state, err error) {
	t.state, t.err = state, err
	t.c.remove(t)
	t.end()
	waiting := t.waiting
	t.waiting = nil
	for _, d := range waiting {
		t.tell(d)
	}
}

// end releases the iterator, unless this is called by one of its steps; then it is released when that is over.
func (t *CooperativeTask) end() {
	if t.release != nil && !t.inStep {
		t.release()
	}
}

func (t *CooperativeTask) tell(d deferred.Deferred[*CooperativeTask]) {
	if t.err != nil {
		_ = d.TryErrback(t.err) // its owner may have cancelled it
		return
	}
	_ = d.TryCallback(t)
}
