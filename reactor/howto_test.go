package reactor_test

import (
	"bufio"
	"context"
	"errors"
	"expvar"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The examples in this file are the code of docs/howto/reactor.md.

func Example_loop() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() { fmt.Println("one") })
	r.CallLater(time.Millisecond, func() {
		fmt.Println("two")
		_ = r.Stop()
	})
	fmt.Println(r.Run())
	// Output:
	// one
	// two
	// <nil>
}

// slowSum stands for a function that blocks.
func slowSum() (int, error) { return 1 + 1, nil }

func Example_blocking() {
	r := reactor.New(reactor.Options{Watchdog: 100 * time.Millisecond})
	r.CallWhenRunning(func() {
		sum := reactor.DeferToThread(r, slowSum)
		sum.AddBoth(func(n int, err error) (int, error) {
			fmt.Println(n, err) // on the loop
			return n, r.Stop()
		})
	})
	_ = r.Run()
	// Output: 2 <nil>
}

func Example_goroutineAsks() {
	r := reactor.New(reactor.Options{})
	go func() { // ends with the answer
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		visits, err := reactor.Await(ctx, r, func() deferred.Deferred[int] {
			return deferred.Succeed(7) // on the loop, where the state is
		})
		fmt.Println(visits, err)
		_ = r.Stop()
	}()
	_ = r.Run()
	// Output: 7 <nil>
}

func Example_onTheLoop() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] { return deferred.Succeed(7) })
		fmt.Println(errors.Is(err, reactor.ErrOnLoop))
		_ = r.Stop()
	})
	_ = r.Run()
	// Output: true
}

func Example_netConn() {
	r := reactor.New(reactor.Options{})
	near, far := net.Pipe()
	c := reactor.NewNetConn(r)
	r.CallWhenRunning(func() { _, _ = r.Attach(near, c, reactor.AttachOptions{}) })
	go func() { fmt.Fprintln(far, "a line") }() // ends when the line is read
	go func() {                                 // ends with the line
		line, err := bufio.NewReader(c).ReadString('\n')
		fmt.Printf("%q %v\n", line, err)
		_ = r.Stop()
	}()
	_ = r.Run()
	// Output: "a line\n" <nil>
}

func Example_twoReactors() {
	front, back := reactor.New(reactor.Options{}), reactor.New(reactor.Options{NoSignals: true})
	ended := make(chan error)
	go func() { ended <- back.Run() }() // ends with back.Stop
	front.CallWhenRunning(func() {
		answer := reactor.DeferToReactor(front, back, func() deferred.Deferred[string] {
			return deferred.Succeed("made in the back") // on the loop of back
		})
		answer.AddCallback(func(s string) (string, error) {
			fmt.Println(s) // on the loop of front
			_ = back.Stop()
			return s, front.Stop()
		})
	})
	_ = front.Run()
	fmt.Println(<-ended)
	// Output:
	// made in the back
	// <nil>
}

func Example_statistics() {
	r := reactor.New(reactor.Options{})
	expvar.Publish("reactor", expvar.Func(func() any { return r.Stats() }))
	r.CallWhenRunning(func() {
		r.CallLater(time.Hour, func() {})
		r.CallLater(0, func() { _ = r.Stop() })
	})
	_ = r.Run()
	fmt.Println(strings.Contains(expvar.Get("reactor").String(), `"Timers":1,"Queued":0,"Delayed":1`))
	// Output: true
}

func Example_shutdown() {
	r := reactor.New(reactor.Options{ShutdownTimeout: 10 * time.Second})
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
		return reactor.DeferToThread(r, func() (struct{}, error) {
			fmt.Println("saving")
			return struct{}{}, nil
		})
	})
	context.AfterFunc(r.Context(), func() {}) // for goroutines of your own: the context ends with the reactor
	r.CallWhenRunning(func() { _ = r.Stop() })
	fmt.Println(r.Run(), context.Cause(r.Context()))
	// Output:
	// saving
	// <nil> reactor: the loop has ended
}

// remind prints a text after an hour. It takes a Clock, not a Reactor.
func remind(clock reactor.Clock) { clock.CallLater(time.Hour, func() { fmt.Println("time") }) }

func Example_fakeTime() {
	clock := reactortest.NewClock()
	remind(clock)
	clock.Advance(time.Hour) // takes no time
	// Output: time
}
