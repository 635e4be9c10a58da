package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// The examples of this file are the code of docs/howto/deferreds-for-gophers.md
// and docs/howto/deferreds-for-twisted.md.

func Example_channelThatRemembers() {
	d := deferred.New[string]()
	d.OnValue(func(s string) { fmt.Println("received", s) })
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
	mail.OnValue(func(address string) { fmt.Println(address) })
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
	report.OnError(func(err error) { fmt.Println("report:", err) })
	report.Cancel()
	// Output:
	// query stopped
	// rows: deferred: cancelled
	// report: deferred: cancelled
}

func Example_goroutines() {
	loop := newLoop()
	d := deferred.FromFuture(loop, func(ctx context.Context, done func(string, error)) {
		go func() { done("read from disk", nil) }()
	})
	d.OnValue(func(s string) { fmt.Println(s) })
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
	length.OnValue(func(n int) { fmt.Println(n) })
	d.Callback("four")
	// Output: 4
}

func Example_dynamic() {
	d := deferred.New[any]()
	d.AddCallback(func(v any) (any, error) { return deferred.Succeed(v.(int) + 1), nil })
	d.OnValue(func(v any) { fmt.Println("got", v) })
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
	d.OnError(func(err error) { fmt.Println(errors.Is(err, context.DeadlineExceeded)) })
	clock.advance(5)
	// Output:
	// cancelled
	// true
}

func Example_logging() {
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: onlyLevelAndError})))
	show := func(s string) { fmt.Println(s) }
	stop := func() { fmt.Println("stopped") }
	for _, d := range []deferred.Deferred[string]{deferred.Succeed("shown"), deferred.Fail[string](io.ErrUnexpectedEOF)} {
		d.OnValue(show)
		d.OnError(deferred.LogErr)
		d.Finally(stop)
	}
	// Output:
	// shown
	// stopped
	// level=ERROR err="unexpected EOF"
	// stopped
}

// onlyLevelAndError removes the time and the message from a log record.
func onlyLevelAndError(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.LevelKey || a.Key == "err" {
		return a
	}
	return slog.Attr{}
}

func Example_list() {
	ds := []deferred.Deferred[string]{deferred.Succeed("a"), deferred.Fail[string](io.EOF)}
	list := deferred.List(ds, deferred.ConsumeErrors)
	list.OnValue(func(outcomes []deferred.Outcome[string]) {
		for _, o := range outcomes {
			fmt.Println(o.Err == nil, o.Value)
		}
	})
	// Output:
	// true a
	// false
}

// TestHowtosShowCodeThatRuns wants every Go block of the two guides to be code
// of this file, indentation aside.
