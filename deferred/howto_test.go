package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// The examples of this file are the code of docs/howto/deferreds-for-gophers.md
// and docs/howto/deferreds-for-twisted.md. TestHowtosShowCodeThatRuns, in the
// root of the module, compares them.

func Example_channelThatRemembers() {
	d := deferred.New[string]()
	d.AddCallback(func(s string) (string, error) {
		fmt.Println("received", s)
		return s, nil
	})
	fmt.Println("nothing yet")
	d.Callback("hello")
	// Output:
	// nothing yet
	// received hello
}

func Example_errorsOnce() {
	d := deferred.Succeed("12x")
	n := deferred.Then(d, strconv.Atoi)
	n.AddCallback(func(n int) (int, error) { return 2 * n, nil })
	n.AddErrback(func(err error) (int, error) {
		fmt.Println("using the default:", errors.Is(err, strconv.ErrSyntax))
		return 10, nil
	})
	fmt.Println(n.Result())
	// Output:
	// using the default: true
	// 10 <nil> true
}

func Example_oneAfterTheOther() {
	user := deferred.New[string]()
	mail := deferred.ThenDeferred(user, func(name string) deferred.Deferred[string] {
		return deferred.Succeed(name + "@example.com") // usually fires later
	})
	mail.AddCallback(func(address string) (string, error) {
		fmt.Println(address)
		return address, nil
	})
	user.Callback("ann")
	// Output: ann@example.com
}

func Example_straightLine() {
	user := deferred.New[string]()
	mail := deferred.Inline(func(co *deferred.Coro) (string, error) {
		name, err := deferred.Await(co, user)
		if err != nil {
			return "", err
		}
		return name + "@example.com", nil
	})
	user.Callback("ann")
	fmt.Println(mail.Result())
	// Output: ann@example.com <nil> true
}

func Example_gather() {
	a, b := deferred.New[int](), deferred.New[int]()
	sum := deferred.Then(deferred.Gather([]deferred.Deferred[int]{a, b}), func(vs []int) (int, error) {
		return vs[0] + vs[1], nil
	})
	b.Callback(2)
	a.Callback(1)
	fmt.Println(sum.Result())
	// Output: 3 <nil> true
}

func Example_run() {
	document := "text"
	save := func(s string) deferred.Deferred[int] { return deferred.Succeed(len(s)) }
	var lock deferred.Lock
	saved := deferred.Run(&lock, func() deferred.Deferred[int] {
		return save(document) // nobody else has the lock until this fires
	})
	fmt.Println(saved.Result())
	fmt.Println(lock.Locked())
	// Output:
	// 4 <nil> true
	// false
}

func Example_cancelling() {
	query := deferred.New(func(deferred.Deferred[int]) { fmt.Println("query stopped") })
	report := deferred.Inline(func(co *deferred.Coro) (int, error) {
		rows, err := deferred.Await(co, query)
		fmt.Println("rows:", err)
		return rows, err
	})
	report.AddErrback(func(err error) (int, error) { return 0, nil })
	report.Cancel()
	// Output:
	// query stopped
	// rows: deferred: cancelled
}

func Example_goroutines() {
	loop := newLoop()
	d := deferred.FromFuture(loop, func(ctx context.Context, done func(string, error)) {
		go func() { done("read from disk", nil) }()
	})
	d.AddCallback(func(s string) (string, error) {
		fmt.Println(s)
		return s, nil
	})
	loop.turn(nil)
	// Output: read from disk
}

func Example_lineByLine() {
	d := deferred.New[int]()
	d.AddCallback(func(v int) (int, error) { return v + 1, nil })
	d.AddErrback(func(err error) (int, error) {
		_, unhandled := deferred.Trap(err, fs.ErrNotExist)
		return 0, unhandled
	})
	d.Callback(1)
	fmt.Println(d.Result())
	// Output: 2 <nil> true
}

func Example_types() {
	d := deferred.New[string]()
	length := deferred.Then(d, func(s string) (int, error) { return len(s), nil })
	length.AddCallback(func(n int) (int, error) {
		fmt.Println(n)
		return n, nil
	})
	d.Callback("four")
	// Output: 4
}

func Example_dynamic() {
	d := deferred.New[any]()
	d.AddCallback(func(v any) (any, error) { return deferred.Succeed(v.(int) + 1), nil })
	d.AddCallback(func(v any) (any, error) {
		fmt.Println("got", v)
		return nil, nil
	})
	d.Callback(1)
	// Output: got 2
}

func Example_inlineCallbacks() {
	var lock deferred.Lock
	fetch := func() deferred.Deferred[[]byte] { return deferred.Fail[[]byte](io.ErrUnexpectedEOF) }
	transfer := func() deferred.Deferred[int] {
		return deferred.Inline(func(co *deferred.Coro) (int, error) {
			if _, err := deferred.Await(co, lock.Acquire()); err != nil {
				return 0, err
			}
			defer lock.Release()
			data, err := deferred.Await(co, fetch())
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				return 0, err
			}
			return len(data), nil
		})
	}
	fmt.Println(transfer().Result())
	fmt.Println(lock.Locked())
	// Output:
	// 0 <nil> true
	// false
}

func Example_timeouts() {
	clock := new(fakeClock)
	d := deferred.New(func(deferred.Deferred[int]) { fmt.Println("cancelled") })
	d.AddTimeout(clock, 5*time.Second)
	d.AddErrback(func(err error) (int, error) {
		fmt.Println(errors.Is(err, context.DeadlineExceeded))
		return 0, nil
	})
	clock.advance(5)
	// Output:
	// cancelled
	// true
}

func Example_list() {
	ds := []deferred.Deferred[string]{deferred.Succeed("a"), deferred.Fail[string](io.EOF)}
	list := deferred.List(ds, deferred.ConsumeErrors)
	deferred.Then(list, func(outcomes []deferred.Outcome[string]) (int, error) {
		for _, o := range outcomes {
			fmt.Println(o.Err == nil, o.Value)
		}
		return len(outcomes), nil
	})
	// Output:
	// true a
	// false
}
