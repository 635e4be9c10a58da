package task_test

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func ExampleLoopingCall() {
	clock := reactortest.NewClock()
	n := 0
	l := task.NewLoopingCall(clock, func() error {
		n++
		fmt.Println("call", n, "after", clock.Elapsed())
		return nil
	})
	l.Start(time.Minute, true)
	clock.Pump(time.Minute, 90*time.Second, 30*time.Second)
	l.Stop()
	// Output:
	// call 1 after 0s
	// call 2 after 1m0s
	// call 3 after 2m30s
	// call 4 after 3m0s
}

func ExampleWithCountDeferred() {
	clock := reactortest.NewClock()
	var upload deferred.Deferred[struct{}]
	l := task.WithCountDeferred(clock, func(count int) deferred.Deferred[struct{}] {
		fmt.Println("intervals:", count)
		upload = deferred.New[struct{}]()
		return upload
	})
	l.Start(time.Minute, true)
	clock.Advance(150 * time.Second) // the first upload is slow
	upload.Callback(struct{}{})
	clock.Advance(30 * time.Second)
	// Output:
	// intervals: 1
	// intervals: 3
}

func ExampleDeferLater() {
	clock := reactortest.NewClock()
	d := task.DeferLater(clock, time.Second, func() (string, error) { return "now", nil })
	d.AddCallback(func(s string) (string, error) {
		fmt.Println(s)
		return s, nil
	})
	clock.Advance(time.Second)
	// Output: now
}

func ExampleCooperator() {
	r := reactor.New(reactor.Options{NoSignals: true})
	c := task.NewCooperator(task.CooperatorOptions{Clock: r})
	count := func(name string) task.Steps {
		return func(yield func(deferred.Deferred[struct{}]) bool) {
			for i := 1; i <= 2; i++ {
				fmt.Println(name, i)
				if !yield(task.Step) {
					return
				}
			}
		}
	}
	r.CallWhenRunning(func() {
		c.Cooperate(count("one"))
		c.Coiterate(count("two")).AddBoth(func(t *task.CooperativeTask, err error) (*task.CooperativeTask, error) {
			_ = r.Stop()
			return t, err
		})
	})
	_ = r.Run()
	// Output:
	// one 1
	// two 1
	// one 2
	// two 2
}

func ExampleMain() {
	main := func(r *reactor.Reactor, args []string) deferred.Deferred[string] {
		return task.DeferLater(r, time.Millisecond, func() (string, error) { return "", errors.New("it did not work") })
	}
	code := task.Main(reactor.New(reactor.Options{}), main, nil, io.Discard)
	fmt.Println("exit code", code)
	// Output: exit code 1
}
