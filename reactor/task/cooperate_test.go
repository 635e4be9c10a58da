package task_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

// coop is a Cooperator whose ticks a test runs by hand, and which takes a given
// number of steps in each.
type coop struct {
	*task.Cooperator
	pending func() // the tick that is scheduled
	slice   int
	slices  int // predicates made
	ran     []string
}

func newCoop(slice int, notStarted bool) *coop {
	c := &coop{slice: slice}
	c.Cooperator = task.NewCooperator(task.CooperatorOptions{
		NotStarted: notStarted,
		Scheduler: func(tick func()) (stop func() bool) {
			if c.pending != nil {
				panic("two ticks are pending")
			}
			c.pending = tick
			return func() bool {
				c.pending = nil
				return true
			}
		},
		Slice: func() (over func() bool) {
			c.slices++
			left := c.slice
			return func() bool { left--; return left <= 0 }
		},
	})
	return c
}

// tick runs the pending tick, if there is one.
func (c *coop) tick() bool {
	tick := c.pending
	if tick == nil {
		return false
	}
	c.pending = nil
	tick()
	return true
}

// steps is work of n plain steps; each is noted.
func (c *coop) steps(name string, n int) task.Steps {
	return func(yield func(deferred.Deferred[none]) bool) {
		for i := range n {
			c.ran = append(c.ran, fmt.Sprint(name, i))
			if !yield(task.Step) {
				c.ran = append(c.ran, name+" released")
				return
			}
		}
	}
}

// waits is work of one step that yields d, and one more.
func (c *coop) waits(d deferred.Deferred[none]) task.Steps {
	return func(yield func(deferred.Deferred[none]) bool) {
		if yield(d) {
			c.ran = append(c.ran, "went on")
			yield(task.Step)
		}
	}
}

func (c *coop) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.ran, want) {
		t.Errorf("ran %v\nwant %v", c.ran, want)
	}
}

func TestR176_R177_R180_R181_R182_R183_StepsAlternate(t *testing.T) {
	c := newCoop(3, false)
	task1 := c.Cooperate(c.steps("a", 2))
	done1 := task1.WhenDone()
	done2 := c.Coiterate(c.steps("b", 3))
	c.want(t)
	c.tick()
	c.want(t, "a0", "b0", "a1")
	if c.slices != 1 {
		t.Errorf("%d predicates for a tick", c.slices)
	}
	c.tick()
	c.want(t, "a0", "b0", "a1", "b1", "b2")
	if v := deferredtest.SuccessResultOf(t, done1); v != task1 {
		t.Error("fired with something else")
	}
	deferredtest.AssertNoResult(t, done2)
	c.tick()
	deferredtest.SuccessResultOf(t, done2)
	if c.pending != nil { // R183
		t.Error("a tick is pending")
	}
	c.Cooperate(c.steps("c", 1))
	if c.pending == nil {
		t.Error("no tick is pending")
	}
}

func TestR178_Failures(t *testing.T) {
	c := newCoop(10, false)
	panics := c.Coiterate(func(func(deferred.Deferred[none]) bool) { panic(errTest) })
	failed := c.Coiterate(c.waits(deferred.Fail[none](errTest)))
	later := deferred.New[none]()
	failsLater := c.Coiterate(c.waits(later))
	c.tick()
	deferredtest.FailureResultOf(t, panics, errTest)
	deferredtest.FailureResultOf(t, failed, errTest)
	deferredtest.AssertNoResult(t, failsLater)
	later.Errback(errTest)
	deferredtest.FailureResultOf(t, failsLater, errTest)
	if c.pending != nil {
		t.Error("a tick is pending")
	}
}

func TestR179_R199_YieldedDeferreds(t *testing.T) {
	c := newCoop(1, false)
	d := deferred.New[none]()
	done := c.Coiterate(c.waits(d))
	c.tick()
	if c.pending != nil {
		t.Error("a tick is pending while the only task waits")
	}
	d.Callback(none{})
	c.tick()
	c.tick()
	deferredtest.SuccessResultOf(t, done)
	c.want(t, "went on")

	late := deferred.New[none]()
	waiting := c.Cooperate(c.waits(late))
	done = waiting.WhenDone()
	c.tick()
	if err := waiting.Stop(); err != nil {
		t.Error(err)
	}
	deferredtest.FailureResultOf(t, done, task.ErrTaskStopped)
	late.Errback(errTest)
	if _, err, _ := late.Result(); err != nil {
		t.Error("R199: the error is left unhandled")
	}
	if c.pending != nil {
		t.Error("a stopped task was woken")
	}
}

func TestR184_R185_R187_R188_Stop(t *testing.T) {
	c := newCoop(1, false)
	var done []deferred.Deferred[*task.CooperativeTask]
	for i := range 4 {
		done = append(done, c.Coiterate(c.steps(fmt.Sprint("t", i, " "), 9)))
	}
	paused := c.Cooperate(c.steps("paused", 9))
	_ = paused.Pause()
	pausedDone := paused.WhenDone()
	c.tick()
	c.Stop()
	for _, d := range done {
		deferredtest.FailureResultOf(t, d, task.ErrSchedulerStopped)
	}
	c.want(t, "t0 0", "t0  released")
	if c.pending != nil || c.Running() {
		t.Error("still ticking")
	}
	deferredtest.AssertNoResult(t, pausedDone)
	if err := paused.Resume(); err != nil {
		t.Error(err)
	}
	deferredtest.FailureResultOf(t, pausedDone, task.ErrSchedulerStopped)
	deferredtest.FailureResultOf(t, c.Coiterate(c.steps("late", 1)), task.ErrSchedulerStopped)
	given := deferred.New[*task.CooperativeTask]()
	deferredtest.FailureResultOf(t, c.Coiterate(c.steps("late", 1), given), task.ErrSchedulerStopped)
}

func TestR186_StrictRoundRobin(t *testing.T) {
	c := newCoop(100, false)
	c.Cooperate(c.steps("a", 1))
	c.Cooperate(c.steps("b", 3))
	c.Cooperate(c.steps("c", 3))
	c.tick()
	c.want(t, "a0", "b0", "c0", "b1", "c1", "b2", "c2")
}

func TestR189_R190_Start(t *testing.T) {
	c := newCoop(10, true)
	done := c.Coiterate(c.steps("a", 1))
	if c.pending != nil || c.Running() {
		t.Error("it runs before Start")
	}
	c.Start()
	if !c.Running() {
		t.Error("not running")
	}
	c.tick()
	deferredtest.SuccessResultOf(t, done)
	c.Stop()
	c.Start()
	done = c.Coiterate(c.steps("b", 1))
	c.tick()
	deferredtest.SuccessResultOf(t, done)
}

func TestR191_AGivenDeferred(t *testing.T) {
	c := newCoop(10, false)
	given := deferred.New[*task.CooperativeTask]()
	if c.Coiterate(c.steps("a", 1), given) != given {
		t.Error("another Deferred")
	}
	c.tick()
	deferredtest.SuccessResultOf(t, given)
}

func TestR192_R193_R194_PauseAndResume(t *testing.T) {
	c := newCoop(1, false)
	a := c.Cooperate(c.steps("a", 9))
	c.tick()
	_ = a.Pause()
	_ = a.Pause()
	if c.tick() {
		t.Error("a tick while paused")
	}
	_ = a.Resume()
	if c.tick() {
		t.Error("a tick while paused once")
	}
	_ = a.Resume()
	c.want(t, "a0")
	c.tick()
	c.want(t, "a0", "a1")
	if err := a.Resume(); err != task.ErrNotPaused {
		t.Errorf("got %v", err)
	}
}

func TestR195_PausedByHandWhileWaiting(t *testing.T) {
	c := newCoop(1, false)
	d := deferred.New[none]()
	a := c.Cooperate(c.waits(d))
	c.tick()
	_ = a.Pause()
	d.Callback(none{})
	if c.tick() {
		t.Error("a tick while paused")
	}
	_ = a.Resume()
	c.tick()
	c.want(t, "went on")
}

func TestR195_ResumedByHandWhileWaiting(t *testing.T) {
	c := newCoop(1, false)
	d := deferred.New[none]()
	a := c.Cooperate(c.waits(d))
	c.tick()
	_, _ = a.Pause(), a.Resume()
	if c.tick() {
		t.Error("a tick while the Deferred is pending")
	}
	d.Callback(none{})
	c.tick()
	c.want(t, "went on")
}

func TestR183_TheLastTaskGoes(t *testing.T) {
	for name, leave := range map[string]func(*task.CooperativeTask) error{
		"stopped": (*task.CooperativeTask).Stop,
		"paused":  (*task.CooperativeTask).Pause,
	} {
		c := newCoop(1, false)
		first, last := c.Cooperate(c.steps("a", 9)), c.Cooperate(c.steps("b", 9))
		if err := leave(first); err != nil || c.pending == nil {
			t.Errorf("%s: %v, pending %v with a task to do", name, err, c.pending != nil)
		}
		if err := leave(last); err != nil || c.pending != nil {
			t.Errorf("%s: %v, pending %v without a task to do", name, err, c.pending != nil)
		}
		if c.Cooperate(c.steps("c", 1)); c.pending == nil {
			t.Errorf("%s: a new task has no tick", name)
		}
	}
}

func TestR196_R197_R198_StopOfATask(t *testing.T) {
	c := newCoop(10, false)
	stopped := c.Cooperate(c.steps("s", 9))
	_ = stopped.Pause()
	done := c.Cooperate(c.steps("d", 0))
	failed := c.Cooperate(c.waits(deferred.Fail[none](errTest)))
	if err := stopped.Stop(); err != nil {
		t.Error(err)
	}
	deferredtest.FailureResultOf(t, stopped.WhenDone(), task.ErrTaskStopped)
	c.tick()
	for _, row := range []struct {
		t    *task.CooperativeTask
		want error
	}{{stopped, task.ErrTaskStopped}, {done, task.ErrTaskDone}, {failed, task.ErrTaskFailed}} {
		if err := row.t.Stop(); err != row.want {
			t.Errorf("Stop: %v, want %v", err, row.want)
		}
		if err := row.t.Pause(); err != row.want {
			t.Errorf("Pause: %v, want %v", err, row.want)
		}
	}
	if err := stopped.Resume(); err != nil {
		t.Errorf("R198: %v", err)
	}
}

func TestR200_R201_WhenDone(t *testing.T) {
	c := newCoop(10, false)
	a := c.Cooperate(c.steps("a", 1))
	first, second, third := a.WhenDone(), a.WhenDone(), a.WhenDone()
	third.AddErrback(func(error) (*task.CooperativeTask, error) { return nil, nil })
	third.Cancel() // R201
	first.AddCallback(func(*task.CooperativeTask) (*task.CooperativeTask, error) { return nil, nil })
	c.tick()
	if deferredtest.SuccessResultOf(t, second) != a {
		t.Error("one Deferred has changed the result of another")
	}
	if deferredtest.SuccessResultOf(t, a.WhenDone()) != a {
		t.Error("not fired after the end")
	}
}

func TestR202_WhenDoneMayStopTheCooperator(t *testing.T) {
	c := newCoop(10, false)
	other := c.Coiterate(c.steps("other", 9))
	c.Cooperate(c.steps("a", 0)).WhenDone().AddCallback(func(a *task.CooperativeTask) (*task.CooperativeTask, error) {
		c.Stop()
		return a, nil
	})
	c.tick()
	deferredtest.FailureResultOf(t, other, task.ErrSchedulerStopped)
}

func TestR204_StoppingReleasesTheIterator(t *testing.T) {
	c := newCoop(1, false)
	a := c.Cooperate(c.steps("a", 9))
	c.tick()
	_ = a.Stop()
	c.want(t, "a0", "a released")

	var self *task.CooperativeTask
	released := false
	self = c.Cooperate(func(yield func(deferred.Deferred[none]) bool) { // stops itself
		_ = self.Stop()
		released = !yield(task.Step)
	})
	c.tick()
	if !released {
		t.Error("a task that stopped itself was not released")
	}
}

// oneTick is a clock that keeps the function of the last AfterFunc.
type oneTick struct {
	*reactortest.Clock
	tick  func()
	delay time.Duration
}

func (c *oneTick) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if c.tick != nil {
		panic("two ticks are pending")
	}
	c.tick, c.delay = f, d
	return func() bool { c.tick = nil; return true }
}

func TestR181_R182_Defaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // R181 is about the real clock, which this fakes
		clock := &oneTick{Clock: reactortest.NewClock()}
		c := task.NewCooperator(task.CooperatorOptions{Clock: clock})
		steps := 0
		done := c.Coiterate(func(yield func(deferred.Deferred[none]) bool) {
			for range 5 {
				<-time.After(4 * time.Millisecond)
				if steps++; !yield(task.Step) {
					return
				}
			}
		})
		for _, want := range []int{0, 3, 5} { // 12 ms, then the rest
			if steps != want {
				t.Errorf("%d steps, want %d", steps, want)
			}
			if tick := clock.tick; tick != nil {
				clock.tick = nil
				tick()
			}
		}
		if clock.delay != 0 {
			t.Errorf("a tick after %v", clock.delay)
		}
		deferredtest.SuccessResultOf(t, done)
	})
}

func TestR203_FailuresThatNobodyAskedFor(t *testing.T) {
	quiet, loud := errors.New("nobody asked for the end of this task"), errors.New("somebody did")
	reported := make(chan error, 2)
	defer deferred.OnUnhandled(func(e *deferred.UnhandledError) {
		if e.Err == quiet || e.Err == loud { // not what other tests leave behind
			reported <- e.Err
		}
	})()
	c := newCoop(10, false)
	func() {
		c.Cooperate(c.waits(deferred.Fail[none](quiet)))
		c.Coiterate(c.waits(deferred.Fail[none](loud)))
		c.tick()
	}()
	for len(reported) == 0 {
		runtime.GC()
		runtime.Gosched()
	}
	if err := <-reported; err != loud {
		t.Errorf("reported: %v", err)
	}
	for range 5 {
		runtime.GC()
	}
	if len(reported) > 0 {
		t.Errorf("reported: %v", <-reported)
	}
}
