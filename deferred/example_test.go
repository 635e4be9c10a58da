package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

func ExampleDeferred() {
	d := deferred.New[string]()
	d.AddCallback(func(s string) (string, error) {
		return strings.ToUpper(s), nil
	})
	d.AddCallback(func(s string) (string, error) {
		fmt.Println("callback:", s)
		return s, errors.New("something went wrong")
	})
	d.AddCallback(func(s string) (string, error) {
		fmt.Println("skipped")
		return s, nil
	})
	d.AddErrback(func(err error) (string, error) {
		fmt.Println("errback:", err)
		return "recovered", nil
	})
	d.Callback("hello")
	fmt.Println(d.Result())
	// Output:
	// callback: HELLO
	// errback: something went wrong
	// recovered <nil> true
}

func ExampleThen() {
	d := deferred.New[string]()
	n := deferred.Then(d, func(s string) (int, error) { return len(s), nil })
	n.AddCallback(func(n int) (int, error) {
		fmt.Println("length", n)
		return n, nil
	})
	d.Callback("four")
	// Output: length 4
}

func ExampleThenDeferred() {
	lookup := deferred.New[string]()
	dial := func(address string) deferred.Deferred[string] {
		return deferred.Succeed("connected to " + address)
	}
	deferred.ThenDeferred(lookup, dial).AddCallback(func(s string) (string, error) {
		fmt.Println(s)
		return s, nil
	})
	lookup.Callback("192.0.2.1")
	// Output: connected to 192.0.2.1
}

func ExampleAny() {
	d := deferred.New[any]()
	d.AddCallback(func(v any) (any, error) {
		return deferred.Succeed(v.(int) * 2), nil // waited for, whatever its type
	})
	d.AddCallback(func(v any) (any, error) {
		fmt.Printf("%T %v\n", v, v)
		return nil, nil
	})
	d.Callback(21)

	typed := deferred.Succeed("text")
	deferred.Any(typed).AddCallback(func(v any) (any, error) {
		fmt.Printf("%T %v\n", v, v)
		return nil, nil
	})
	// Output:
	// int 42
	// string text
}

func ExampleDeferred_Cancel() {
	d := deferred.New(func(deferred.Deferred[int]) { fmt.Println("stopping the work") })
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(err, errors.Is(err, context.Canceled))
		return 0, nil
	})
	d.Cancel()
	// Output:
	// stopping the work
	// deferred: cancelled true
}

func ExampleDeferred_AddTimeout() {
	clock := new(fakeClock) // a reactor, in a program
	d := deferred.New[int]().AddTimeout(clock, 2*time.Second)
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
		return 0, nil
	})
	clock.advance(2)
	// Output: deferred: Deferred[int] timed out after 2s true
}

func ExampleDeferred_ChainDeferred() {
	answer := deferred.New[int]()
	answer.AddCallback(func(v int) (int, error) {
		fmt.Println("answer", v)
		return v, nil
	})
	source := deferred.New[int]()
	source.ChainDeferred(answer)
	source.Callback(42)
	// Output: answer 42
}

func ExampleDeferred_Pause() {
	d := deferred.New[int]()
	d.AddCallback(func(v int) (int, error) {
		fmt.Println("got", v)
		return v, nil
	})
	d.Pause()
	d.Callback(1)
	fmt.Println("fired")
	d.Unpause()
	// Output:
	// fired
	// got 1
}

func ExampleDeferred_TryCallback() {
	d := deferred.Succeed(1)
	fmt.Println(errors.Is(d.TryCallback(2), deferred.ErrAlreadyCalled))
	// Output: true
}

func ExampleTrap() {
	d := deferred.Fail[string](fmt.Errorf("opening the log: %w", fs.ErrNotExist))
	d.AddErrback(func(err error) (string, error) {
		if _, unhandled := deferred.Trap(err, fs.ErrNotExist); unhandled != nil {
			return "", unhandled
		}
		return "an empty log", nil
	})
	fmt.Println(d.Result())
	// Output: an empty log <nil> true
}

func ExampleMaybe() {
	d := deferred.Maybe(func() (int, error) {
		var list []int
		return list[0], nil
	})
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(err)
		return 0, nil
	})
	// Output: deferred: panic in a callback: runtime error: index out of range [0] with length 0
}

func ExampleInline() {
	price, amount := deferred.New[int](), deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		defer fmt.Println("body ends")
		p, err := deferred.Await(co, price)
		if err != nil {
			return 0, err
		}
		fmt.Println("price", p)
		a, err := deferred.Await(co, amount)
		return p * a, err
	})
	price.Callback(3)
	amount.Callback(14)
	fmt.Println(d.Result())
	// Output:
	// price 3
	// body ends
	// 42 <nil> true
}

// Cancelling a coroutine cancels what it awaits at that moment.
func ExampleInline_cancel() {
	reply := deferred.New(func(deferred.Deferred[string]) { fmt.Println("request withdrawn") })
	d := deferred.Inline(func(co *deferred.Coro) (string, error) {
		s, err := deferred.Await(co, reply)
		if errors.Is(err, deferred.ErrCancelled) {
			return "never mind", nil
		}
		return s, err
	})
	d.Cancel()
	fmt.Println(d.Result())
	// Output:
	// request withdrawn
	// never mind <nil> true
}

func ExampleScope() {
	s := deferred.NewScope(context.Background(), newLoop()) // the loop is a reactor, in a program
	d := deferred.InlineIn(s, func(co *deferred.Coro) (int, error) {
		defer fmt.Println("deferred call")
		return deferred.Await(co, deferred.New[int]())
	})
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(err)
		return 0, nil
	})
	s.End()
	// Output:
	// deferred call
	// deferred: the coroutine was ended before its body returned
}

func ExampleList() {
	ds := []deferred.Deferred[string]{
		deferred.Succeed("a"),
		deferred.Fail[string](errors.New("no b")),
	}
	deferred.Then(deferred.List(ds, deferred.ConsumeErrors), func(all []deferred.Outcome[string]) (int, error) {
		for _, o := range all {
			fmt.Printf("%d: %q %v\n", o.Index, o.Value, o.Err)
		}
		return len(all), nil
	})
	// Output:
	// 0: "a" <nil>
	// 1: "" no b
}

func ExampleGather() {
	a, b := deferred.New[int](), deferred.New[int]()
	deferred.Gather([]deferred.Deferred[int]{a, b}).AddCallback(func(values []int) ([]int, error) {
		fmt.Println(values)
		return values, nil
	})
	b.Callback(2)
	a.Callback(1)
	// Output: [1 2]
}

func ExampleRace() {
	slow := deferred.New(func(deferred.Deferred[string]) { fmt.Println("slow is cancelled") })
	fast := deferred.New[string]()
	r := deferred.Race([]deferred.Deferred[string]{slow, fast})
	r.AddCallback(func(winner deferred.Outcome[string]) (deferred.Outcome[string], error) {
		fmt.Println(winner.Index, winner.Value)
		return winner, nil
	})
	fast.Callback("first")
	// Output:
	// slow is cancelled
	// 1 first
}

func ExampleRun() {
	var lock deferred.Lock
	gate := deferred.New[string]()
	deferred.Run(&lock, func() deferred.Deferred[string] {
		fmt.Println("one begins")
		return gate
	})
	deferred.Run(&lock, func() deferred.Deferred[string] {
		fmt.Println("two begins")
		return deferred.Succeed("")
	})
	fmt.Println("one goes on")
	gate.Callback("")
	// Output:
	// one begins
	// one goes on
	// two begins
}

func ExampleSemaphore() {
	s := deferred.NewSemaphore(2)
	for i := range 3 {
		s.Acquire().AddCallback(func(s *deferred.Semaphore) (*deferred.Semaphore, error) {
			fmt.Println("holder", i)
			return s, nil
		})
	}
	fmt.Println("one goes")
	s.Release()
	// Output:
	// holder 0
	// holder 1
	// one goes
	// holder 2
}

func ExampleQueue() {
	q := deferred.NewQueue[string](deferred.Unlimited, deferred.Unlimited)
	q.Get().AddCallback(func(s string) (string, error) {
		fmt.Println("got", s)
		return s, nil
	})
	if err := q.Put("work"); err != nil {
		fmt.Println(err)
	}
	// Output: got work
}

func ExampleFromFuture() {
	loop := newLoop() // a reactor, in a program
	d := deferred.FromFuture(loop, func(ctx context.Context, done func(int, error)) {
		go func() { done(42, nil) }() // work on another goroutine
	})
	d.AddCallback(func(v int) (int, error) {
		fmt.Println("on the loop:", v)
		return v, nil
	})
	loop.turn(nil)
	// Output: on the loop: 42
}

func ExampleDeferred_AddBoth() {
	d := deferred.New[int]()
	d.AddBoth(func(n int, err error) (int, error) {
		fmt.Println("clean up, whatever came:", n, err)
		return n, err
	})
	d.AddErrback(func(err error) (int, error) { return 0, nil })
	d.Errback(io.ErrUnexpectedEOF)
	// Output: clean up, whatever came: 0 unexpected EOF
}

func ExampleLock() {
	var lock deferred.Lock
	work := deferred.New[string]()
	deferred.Run(&lock, func() deferred.Deferred[string] {
		fmt.Println("the first has the lock")
		return work
	})
	deferred.Run(&lock, func() deferred.Deferred[string] {
		fmt.Println("the second has the lock")
		return deferred.Succeed("done")
	})
	fmt.Println("the second waits")
	work.Callback("done")
	fmt.Println("held:", lock.Locked())
	// Output:
	// the first has the lock
	// the second waits
	// the second has the lock
	// held: false
}

func ExampleDeferred_AddContext() {
	ctx, cancel := context.WithCancel(context.Background())
	loop := make(posts, 1)
	d := deferred.New[int]().AddContext(ctx, loop)
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(err, errors.Is(err, context.Canceled))
		return 0, nil
	})
	cancel()
	(<-loop)() // a reactor does that
	// Output: deferred: cancelled: context canceled true
}

// posts is the least that a reactor has to offer: a queue of functions.
type posts chan func()

func (p posts) CallFromThread(f func()) bool {
	p <- f
	return true
}

func ExampleOnUnhandled() {
	errLost := errors.New("lost")
	reports := make(chan *deferred.UnhandledError, 1)
	restore := deferred.OnUnhandled(func(e *deferred.UnhandledError) { // for every failure in the process that nobody handles
		if errors.Is(e, errLost) {
			reports <- e
		}
	})
	defer restore()
	deferred.Fail[int](errLost) // nobody handles it, and nobody can any more
	runtime.GC()
	fmt.Println(<-reports)
	// Output: deferred: unhandled error: lost
}

func ExampleSetDebugging() {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	d := deferred.New[int]()
	d.Callback(1)
	err := d.TryCallback(2)
	again, _ := errors.AsType[*deferred.AlreadyCalledError](err)
	fmt.Println(strings.Contains(again.Fired, "ExampleSetDebugging"))
	// Output: true
}
