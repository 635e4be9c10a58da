package task_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

var errCleanUp = errors.New("the clean-up has failed as it should")

// panicsAtTheEnd is work without end whose clean-up panics.
func panicsAtTheEnd(yield func(deferred.Deferred[none]) bool) {
	defer func() { panic(errCleanUp) }()
	for yield(task.Step) {
	}
}

func TestF49_R196_APanicInTheCleanUp(t *testing.T) {
	c := newCoop(1, false)
	stopped := c.Cooperate(panicsAtTheEnd)
	one, two := stopped.WhenDone(), stopped.WhenDone()
	c.tick()
	if err := stopped.Stop(); err != nil {
		t.Error(err)
	}
	for _, d := range []deferred.Deferred[*task.CooperativeTask]{one, two, stopped.WhenDone()} {
		err := deferredtest.FailureResultOf(t, d, task.ErrTaskStopped)
		if _, ok := errors.AsType[*deferred.PanicError](err); !ok || !errors.Is(err, errCleanUp) {
			t.Errorf("the failure does not have the panic: %v", err)
		}
	}
	if err := stopped.Stop(); err != task.ErrTaskStopped {
		t.Errorf("stopped again: %v", err)
	}
}

func TestF49_R184_APanicInTheCleanUpDoesNotKeepTheOthersFromEnding(t *testing.T) {
	c := newCoop(2, false)
	first, second := c.Coiterate(panicsAtTheEnd), c.Coiterate(c.steps("a", 9))
	c.tick()
	c.Stop()
	err := deferredtest.FailureResultOf(t, first, task.ErrSchedulerStopped)
	if !errors.Is(err, errCleanUp) {
		t.Errorf("got %v", err)
	}
	deferredtest.FailureResultOf(t, second, task.ErrSchedulerStopped)
	c.want(t, "a0", "a released")
}

func TestF49_R178_APanicInTheCleanUpAfterAFailure(t *testing.T) {
	c := newCoop(1, false)
	done := c.Coiterate(func(yield func(deferred.Deferred[none]) bool) {
		defer func() { panic(errCleanUp) }()
		yield(deferred.Fail[none](errTest))
	})
	c.tick()
	err := deferredtest.FailureResultOf(t, done, errTest)
	if !errors.Is(err, errCleanUp) {
		t.Errorf("got %v", err)
	}
}

// A task that stops itself has told its end already. A panic after that goes on
// to the scheduler, and the Cooperator goes on.
func TestF49_R204_APanicAfterAStopInTheStep(t *testing.T) {
	for name, steps := range map[string]func(stop func()) task.Steps{
		"in the clean-up": func(stop func()) task.Steps {
			return func(yield func(deferred.Deferred[none]) bool) {
				stop()
				if !yield(task.Step) {
					panic(errCleanUp)
				}
			}
		},
		"in the step": func(stop func()) task.Steps {
			return func(func(deferred.Deferred[none]) bool) {
				stop()
				panic(errCleanUp)
			}
		},
	} {
		c := newCoop(1, false)
		var self *task.CooperativeTask
		self = c.Cooperate(steps(func() { _ = self.Stop() }))
		done, other := self.WhenDone(), c.Coiterate(c.steps("other", 1))
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, errCleanUp) {
					t.Errorf("%s: panic with %v", name, err)
				}
			}()
			c.tick()
		}()
		deferredtest.FailureResultOf(t, done, task.ErrTaskStopped)
		c.tick()
		c.tick()
		deferredtest.SuccessResultOf(t, other)
	}
}

// Ending a task does not look at the others: it takes less time than a search
// among them does on the same machine at the same time.
func TestF49_EndingOneOfManyTasks(t *testing.T) {
	const many, batches, batch = 30_000, 20, 50
	c := newCoop(1, false)
	tasks := make([]*task.CooperativeTask, many)
	for i := range tasks {
		tasks[i] = c.Cooperate(func(yield func(deferred.Deferred[none]) bool) { yield(task.Step) })
	}
	defer c.Stop()
	missing := new(task.CooperativeTask)
	search := shortest(batches, func() {
		if slices.Contains(tasks, missing) {
			t.Error("found")
		}
	})
	for name, end := range map[string]func(*task.CooperativeTask) error{
		"Pause": (*task.CooperativeTask).Pause, "Stop": (*task.CooperativeTask).Stop,
	} {
		took := shortest(batches, func() {
			for range batch {
				if err := end(tasks[len(tasks)-1]); err != nil { // a search from the front finds it last
					t.Error(err)
				}
				tasks = tasks[:len(tasks)-1]
			}
		}) / batch
		if took > search {
			t.Errorf("%s takes %v, a search %v", name, took, search)
		}
	}
}

// shortest returns the shortest of n runs of f, so that a busy machine does not
// matter.
func shortest(n int, f func()) time.Duration {
	took := time.Hour
	for range n {
		began := time.Now()
		f()
		took = min(took, time.Since(began))
	}
	return took
}

func TestF49_R182_SchedulersThatCannotWork(t *testing.T) {
	idle := func(yield func(deferred.Deferred[none]) bool) { yield(task.Step) }
	for want, schedule := range map[string]func(tick func()) (stop func() bool){
		"arrange for a later call": func(tick func()) func() bool { tick(); return nil },
		"returned a nil function":  func(func()) func() bool { return nil },
	} {
		c := task.NewCooperator(task.CooperatorOptions{Scheduler: schedule})
		wantPanicOf(t, want, func() { c.Cooperate(idle) })
	}
}

func TestF49_NilArguments(t *testing.T) {
	clock := reactortest.NewClock()
	var nilReactor *reactor.Reactor
	var zero deferred.Deferred[*task.CooperativeTask]
	work := func() error { return nil }
	c := newCoop(1, false)
	for want, f := range map[string]func(){
		"DeferLater: nil clock":                  func() { task.DeferLater(nilReactor, 0, func() (int, error) { return 0, nil }) },
		"DeferLaterDeferred: nil clock":          func() { task.DeferLaterDeferred(nil, 0, func() (d deferred.Deferred[int]) { return }) },
		"DeferLaterDeferred: nil function":       func() { task.DeferLaterDeferred[int](clock, 0, nil) },
		"NewLoopingCall: nil clock":              func() { task.NewLoopingCall(nilReactor, work) },
		"NewLoopingCall: nil function":           func() { task.NewLoopingCall(clock, nil) },
		"NewLoopingCallDeferred: nil function":   func() { task.NewLoopingCallDeferred(clock, nil) },
		"WithCount: nil function":                func() { task.WithCount(clock, nil) },
		"WithCountDeferred: nil clock":           func() { task.WithCountDeferred(nil, new(waiter).call) },
		"WithCountDeferred: nil function":        func() { task.WithCountDeferred(clock, nil) },
		"NewCooperator: nil Clock":               func() { task.NewCooperator(task.CooperatorOptions{}) },
		"NewCooperator: nil Clock; ":             func() { task.NewCooperator(task.CooperatorOptions{Clock: nilReactor}) },
		"Cooperator.Cooperate: nil iterator":     func() { c.Cooperate(nil) },
		"Cooperator.Coiterate with the zero":     func() { c.Coiterate(c.steps("a", 1), zero) },
		"Cooperator.Coiterate takes at most one": func() { c.Coiterate(c.steps("a", 1), zero, zero) },
		"React: nil function":                    func() { task.React[none](nil) },
		"Main: nil reactor":                      func() { task.Main(nilReactor, succeeds, nil, new(strings.Builder)) },
		"Main: nil function":                     func() { task.Main[none](reactor.New(reactor.Options{}), nil, nil, new(strings.Builder)) },
		"Main: nil stderr":                       func() { task.Main(reactor.New(reactor.Options{}), succeeds, nil, nil) },
	} {
		wantPanicOf(t, want, f)
	}
	if wantNoCalls(t, clock); c.pending != nil {
		t.Error("something was begun")
	}
}

func succeeds(*reactor.Reactor, []string) deferred.Deferred[none] { return deferred.Succeed(none{}) }

// A message is one line, whatever the error has in it.
func TestR169_TheMessageIsOneLine(t *testing.T) {
	for _, err := range []error{
		errors.Join(errors.New("first"), errors.New("second")),
		errors.New("first\r\n\x1b[2Jsecond\n"),
	} {
		code, said := runMain(t, func(*reactor.Reactor, []string) deferred.Deferred[none] { return deferred.Fail[none](err) })
		line, rest, _ := strings.Cut(said, "\n")
		if code != 1 || rest != "" || strings.ContainsAny(line, "\x1b\r") || !strings.Contains(line, "first") || !strings.Contains(line, "second") {
			t.Errorf("code %d, said %q", code, said)
		}
	}
}

func TestR174_APanicIsReadable(t *testing.T) {
	code, said := runMain(t, panics)
	line, stack, _ := strings.Cut(said, "\n")
	if code != 1 || line != "task.test: panic: no such table" {
		t.Errorf("code %d, said %q", code, line)
	}
	first := strings.Split(strings.TrimSpace(stack), "\n")
	if len(first) < 2 || !strings.HasPrefix(first[0], "goroutine ") || !strings.Contains(first[1], "task_test.panics(") {
		t.Errorf("the stack does not begin with the function that has panicked:\n%s", stack)
	}
	if strings.Contains(said, `\n`) || strings.Contains(said, `\t`) {
		t.Errorf("the stack is quoted:\n%s", said)
	}
}

func panics(*reactor.Reactor, []string) deferred.Deferred[none] { panic("no such table") }

func TestR170_ExitCodesThatTheSystemDoesNotHave(t *testing.T) {
	for code, want := range map[int]int{0: 0, 255: 255, 256: 255, -1: 255} {
		got, said := runMain(t, func(r *reactor.Reactor, _ []string) deferred.Deferred[none] {
			return task.DeferLater(r, time.Millisecond, func() (none, error) { return none{}, &task.ExitError{Code: code} })
		})
		if got != want || said != "" {
			t.Errorf("%d: code %d, said %q", code, got, said)
		}
	}
}
