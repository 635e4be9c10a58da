package task

import (
	"container/list"
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/deferred"
)

var (
	// ErrTaskStopped is the failure of a task after its Stop. Stop and Pause
	// return it for such a task.
	ErrTaskStopped = errors.New("task: the task was stopped")

	// ErrTaskDone is returned by Stop and Pause of a task that has succeeded.
	ErrTaskDone = errors.New("task: the task is done")

	// ErrTaskFailed is returned by Stop and Pause of a task that has failed.
	ErrTaskFailed = errors.New("task: the task has failed; WhenDone has the error")

	// ErrNotPaused is returned by Resume of a task that is not paused.
	ErrNotPaused = errors.New("task: Resume without Pause")
)

// CooperativeTask is work that a Cooperator does in steps. Cooperate returns
// it.
type CooperativeTask struct {
	c       *Cooperator
	place   *list.Element // among the tasks of c; nil while no step may be taken
	next    func() (deferred.Deferred[struct{}], bool)
	release func() // ends the iterator
	inStep  bool   // the iterator is running
	pauses  int
	state   error // ErrTaskDone, ErrTaskFailed or ErrTaskStopped at the end; nil before
	err     error // the failure
	waiting []deferred.Deferred[*CooperativeTask]
}

// WhenDone returns a new Deferred that fires with the task when all steps are
// done. It fails with
//
//   - the failure of a Deferred that the iterator has yielded
//   - a *deferred.PanicError if the iterator has panicked
//   - ErrTaskStopped after Stop
//   - ErrSchedulerStopped after the Stop of the Cooperator
//
// If the iterator panics while it is being stopped, the failure wraps the
// *deferred.PanicError as well. Cancelling the Deferred does not affect the
// task.
func (t *CooperativeTask) WhenDone() deferred.Deferred[*CooperativeTask] {
	d := deferred.New[*CooperativeTask]()
	t.notify(d)
	return d
}

// notify fires d when the task has ended.
func (t *CooperativeTask) notify(d deferred.Deferred[*CooperativeTask]) {
	if t.state != nil {
		t.fire(d)
		return
	}
	t.waiting = append(t.waiting, d)
}

// Pause keeps the task from taking steps until Resume. Pauses nest. If the task
// has ended, Pause returns ErrTaskDone, ErrTaskFailed or ErrTaskStopped.
func (t *CooperativeTask) Pause() error {
	if t.state != nil {
		return t.state
	}
	if t.pauses++; t.pauses == 1 {
		t.c.remove(t)
	}
	return nil
}

// Resume ends one Pause. It returns ErrNotPaused if there is none. On a task
// that was stopped while it was paused, Resume has no effect.
func (t *CooperativeTask) Resume() error {
	if t.pauses == 0 {
		return ErrNotPaused
	}
	if t.pauses--; t.pauses == 0 && t.state == nil {
		t.c.add(t)
	}
	return nil
}

// Stop ends the task with ErrTaskStopped. The iterator is ended before Stop
// returns or, if Stop is called by the iterator itself, after the current step.
// If the task has ended, Stop returns ErrTaskDone, ErrTaskFailed or
// ErrTaskStopped.
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
	case t.state != nil:
		t.afterLastStep(err)
	case err != nil:
		t.finish(ErrTaskFailed, err)
	case !more:
		t.finish(ErrTaskDone, nil)
	case d != Step:
		t.waitFor(d)
	}
}

// advance runs the iterator to the end of a step. A panic is an error.
func (t *CooperativeTask) advance() (d deferred.Deferred[struct{}], more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	d, more = t.next()
	return d, more, nil
}

// afterLastStep ends the iterator of a task that has stopped itself in the
// step. The Deferreds have been fired, so a panic goes on to the scheduler,
// which logs it. err is the panic of the step, if there was one.
func (t *CooperativeTask) afterLastStep(err error) {
	if err == nil {
		err = t.cleanUp()
	}
	if err != nil {
		panic(err)
	}
}

// waitFor pauses the task until d has fired. The failure of d ends the task and
// counts as handled. d may be unusable, as a replaced view is; that ends the
// task as well.
func (t *CooperativeTask) waitFor(d deferred.Deferred[struct{}]) {
	_ = t.Pause() // cannot fail: the task has not ended
	d = deferred.MaybeDeferred(func() deferred.Deferred[struct{}] { return d })
	d.OnResult(func(_ deferred.Void, err error) {
		if err != nil && t.state == nil {
			t.finish(ErrTaskFailed, err)
		}
		_ = t.Resume() // cannot fail: ends the Pause above
	})
}

// finish ends the task: it leaves the Cooperator, the iterator is ended, and
// the Deferreds are fired.
func (t *CooperativeTask) finish(state, err error) {
	t.state, t.err = state, err
	t.c.remove(t)
	if !t.inStep {
		t.addFailure(t.cleanUp())
	}
	waiting := t.waiting
	t.waiting = nil
	for _, d := range waiting {
		t.fire(d)
	}
}

// cleanUp ends the iterator and returns its panic as an error.
func (t *CooperativeTask) cleanUp() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	t.release()
	return nil
}

// addFailure adds the error of cleanUp to the failure of the task.
func (t *CooperativeTask) addFailure(err error) {
	if err != nil {
		t.err = fmt.Errorf("%w; ending its iterator: %w", t.err, err)
	}
}

// fire gives d the outcome of the task. An error means that d was cancelled.
func (t *CooperativeTask) fire(d deferred.Deferred[*CooperativeTask]) {
	if t.err != nil {
		_ = d.TryErrback(t.err)
		return
	}
	_ = d.TryCallback(t)
}
