package task_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

// staleView returns a view that Then has replaced: what a function returns that
// should have returned what Then returned.
func staleView() deferred.Deferred[struct{}] {
	d := deferred.Succeed(struct{}{})
	deferred.Then(d, func(struct{}) (string, error) { return "", nil })
	return d
}

func wantViewError(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
		t.Errorf("got %v, want a ViewError", err)
	}
}

// A main function that returns a view that cannot be used ends the program with
// an error.
func TestR174_MainReturnsAStaleView(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger()})
	watch := r.CallLater(20e9, func() { _ = r.Crash() }) // only if it hangs
	var stderr strings.Builder
	code := task.Main(r, func(*reactor.Reactor, []string) deferred.Deferred[struct{}] { return staleView() }, nil, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "view") || !watch.Active() {
		t.Errorf("code %d, %q", code, stderr.String())
	}
}

// A step that yields such a view fails, and the other tasks of the Cooperator
// go on.
func TestR178_AStepYieldsAStaleView(t *testing.T) {
	clock := reactortest.NewClock()
	c := task.NewCooperator(task.CooperatorOptions{Clock: clock})
	var failed error
	c.Cooperate(func(yield func(deferred.Deferred[struct{}]) bool) { yield(staleView()) }).WhenDone().
		AddErrback(func(err error) (*task.CooperativeTask, error) { failed = err; return nil, nil })
	steps := 0
	c.Cooperate(func(yield func(deferred.Deferred[struct{}]) bool) {
		for ; steps < 3; steps++ {
			if !yield(task.Step) {
				return
			}
		}
	})
	clock.Advance(1)
	clock.Advance(1)
	wantViewError(t, failed)
	if steps != 3 {
		t.Errorf("%d steps of the other task", steps)
	}
}

// A call that returns such a view ends the loop.
func TestR140_ACallReturnsAStaleView(t *testing.T) {
	clock := reactortest.NewClock()
	l := task.NewLoopingCallDeferred(clock, staleView)
	var failed error
	l.Start(1e9, true).AddErrback(func(err error) (*task.LoopingCall, error) { failed = err; return nil, nil })
	wantViewError(t, failed)
	if l.Running() {
		t.Error("still running")
	}
}

// A predicate that panics does not stop the Cooperator for ever.
func TestR181_APredicateThatPanics(t *testing.T) {
	clock := reactortest.NewClock()
	slices := 0
	c := task.NewCooperator(task.CooperatorOptions{Clock: clock, Slice: func() func() bool {
		slices++
		return func() bool {
			if slices == 1 {
				panic(errTest)
			}
			return false
		}
	}})
	done := false
	c.Cooperate(func(yield func(deferred.Deferred[struct{}]) bool) { yield(task.Step); done = true })
	wantPanic(t, errTest, func() { clock.Advance(1) })
	clock.Advance(1)
	if !done {
		t.Error("the task was left behind")
	}
}

// A task that is stopped by the callbacks of another, while the Cooperator
// stops, stays as it was stopped.
func TestR184_StoppedByACallbackOfAnother(t *testing.T) {
	clock := reactortest.NewClock()
	c := task.NewCooperator(task.CooperatorOptions{Clock: clock})
	endless := func(yield func(deferred.Deferred[struct{}]) bool) {
		for yield(task.Step) {
		}
	}
	first, second := c.Cooperate(endless), c.Cooperate(endless)
	first.WhenDone().AddErrback(func(error) (*task.CooperativeTask, error) { return nil, second.Stop() })
	second.WhenDone().AddErrback(func(err error) (*task.CooperativeTask, error) {
		if !errors.Is(err, task.ErrTaskStopped) {
			t.Errorf("got %v", err)
		}
		return nil, nil
	})
	c.Stop()
	if err := second.Pause(); !errors.Is(err, task.ErrTaskStopped) {
		t.Errorf("the second task has ended as %v", err)
	}
}
