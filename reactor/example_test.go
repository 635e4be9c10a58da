package reactor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
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

func ExampleDeferToReactor() {
	first, second := reactor.New(reactor.Options{}), reactor.New(reactor.Options{})
	ended := make(chan error)
	go func() { ended <- second.Run() }() // ends with second.Stop
	first.CallWhenRunning(func() {
		d := reactor.DeferToReactor(first, second, func() deferred.Deferred[string] {
			return deferred.Succeed("made on the second loop")
		})
		d.AddCallback(func(s string) (string, error) {
			fmt.Println(s, "and used on the first:", first.OnLoop())
			_ = second.Stop()
			return s, first.Stop()
		})
	})
	_ = first.Run()
	fmt.Println(<-ended)
	// Output:
	// made on the second loop and used on the first: true
	// <nil>
}

// upper answers in capitals.
type upper struct{ reactor.BaseProtocol }

func (u *upper) DataReceived(data []byte) { u.Transport().Write(bytes.ToUpper(data)) }

func ExampleReactor_ListenTCP() {
	r := reactor.New(reactor.Options{})
	f := reactor.ForProtocol(func() reactor.Protocol { return new(upper) })
	port, err := r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = r.CallInThread(func() { // a client that blocks
		defer func() { _ = r.Stop() }()
		c, err := net.Dial("tcp", port.GetHost().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "hello")
		answer := make([]byte, 5)
		_, err = io.ReadFull(c, answer)
		fmt.Println(string(answer), err)
	})
	_ = r.Run()
	// Output: HELLO <nil>
}
