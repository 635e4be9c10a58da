package reactor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

func Example() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() { fmt.Println("running") })
	r.CallLater(10*time.Millisecond, func() {
		fmt.Println("a little later")
		_ = r.Stop()
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// running
	// a little later
}

func ExampleDeferToThread() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		d := reactor.DeferToThread(r, func() (int, error) { return 6 * 7, nil }) // may block
		deferred.Then(d, func(v int) (struct{}, error) {
			fmt.Println("on the loop again:", v)
			return struct{}{}, r.Stop()
		})
	})
	_ = r.Run()
	// Output: on the loop again: 42
}

func ExampleAwait() {
	r := reactor.New(reactor.Options{})
	go func() { // ends with the answer
		v, err := reactor.Await(context.Background(), r, func() deferred.Deferred[string] {
			d := deferred.New[string]() // on the loop
			r.CallLater(time.Millisecond, func() { d.Callback("hello") })
			return d
		})
		fmt.Println(v, err)
		_ = r.Stop()
	}()
	_ = r.Run()
	// Output: hello <nil>
}

func ExampleReactor_AddSystemEventTriggerDeferred() {
	r := reactor.New(reactor.Options{})
	saved := deferred.New[struct{}]()
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
		r.CallLater(time.Millisecond, func() {
			fmt.Println("saved")
			saved.Callback(struct{}{})
		})
		return saved
	})
	r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() { fmt.Println("the end") })
	r.CallWhenRunning(func() { _ = r.Stop() })
	_ = r.Run()
	// Output:
	// saved
	// the end
}
