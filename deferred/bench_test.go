package deferred_test

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

var sink int

func increment(v int) (int, error) { return v + 1, nil }

// BenchmarkCreateFire creates a result, adds callbacks to it, and delivers it.
func BenchmarkCreateFire(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("Deferred/callbacks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d := deferred.New[int]()
				for range n {
					d.AddCallback(increment)
				}
				d.Callback(1)
			}
			perCallback(b, n)
		})
		b.Run(fmt.Sprintf("closures/callbacks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var fs []func(int) (int, error)
				for range n {
					fs = append(fs, increment)
				}
				v, err := 1, error(nil)
				for _, f := range fs {
					if v, err = f(v); err != nil {
						break
					}
				}
				sink = v
			}
			perCallback(b, n)
		})
		b.Run(fmt.Sprintf("goroutine+channel/callbacks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := make(chan int)
				done := make(chan int)
				go func() { // ends when it has the value
					v := <-c
					for range n {
						v, _ = increment(v)
					}
					done <- v
				}()
				c <- 1
				sink = <-done
			}
			perCallback(b, n)
		})
		b.Run(fmt.Sprintf("V8/callbacks=%d", n), func(b *testing.B) {
			promises(b, "createFire", n)
		})
	}
}

func perCallback(b *testing.B, n int) {
	if b.Elapsed() > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/callback")
	}
}

// promises lets Node run a benchmark of testdata/promises.mjs with as many
// rounds as the benchmark asks for.
func promises(b *testing.B, name string, n int) {
	node, err := exec.LookPath("node")
	if err != nil {
		b.Skip("node is not installed: nothing to compare with")
	}
	cmd := exec.Command(node, "testdata/promises.mjs", name, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.ParseFloat(strings.TrimSpace(string(output)), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(ns, "ns/op")
	b.ReportMetric(ns/float64(n), "ns/callback")
}

// BenchmarkThen changes the type of a chain twice.
func BenchmarkThen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d := deferred.New[int]()
		s := deferred.Then(d, func(v int) (string, error) { return "text", nil })
		n := deferred.Then(s, func(s string) (int, error) { return len(s), nil })
		d.Callback(1)
		sink, _, _ = n.Result()
	}
}

// BenchmarkAddFired adds to a Deferred that has fired.
func BenchmarkAddFired(b *testing.B) {
	b.ReportAllocs()
	d := deferred.Succeed(1)
	for b.Loop() {
		d.AddCallback(func(v int) (int, error) { return v + 1, nil })
	}
}

// BenchmarkWait has a callback return another Deferred, which fires before or
// later.
func BenchmarkWait(b *testing.B) {
	b.Run("fired", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			deferred.ThenDeferred(deferred.Succeed(1), func(v int) deferred.Deferred[int] { return deferred.Succeed(v) })
		}
	})
	b.Run("later", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			inner := deferred.New[int]()
			deferred.ThenDeferred(deferred.Succeed(1), func(v int) deferred.Deferred[int] { return inner })
			inner.Callback(1)
		}
	})
}

// BenchmarkFail fires with an error that an errback handles.
func BenchmarkFail(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d := deferred.New[int]().AddErrback(handled[int])
		d.Errback(errBoom)
	}
}

// BenchmarkAwait takes results in a coroutine; the switch of iter.Pull alone is
// there to compare with.
func BenchmarkAwait(b *testing.B) {
	b.Run("fired", func(b *testing.B) {
		b.ReportAllocs()
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			for b.Loop() {
				sink, _ = deferred.Await(co, deferred.Succeed(1))
			}
			return 0, nil
		})
	})
	b.Run("later", func(b *testing.B) {
		b.ReportAllocs()
		var next deferred.Deferred[int]
		running := true
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			for running {
				next = deferred.New[int]()
				sink, _ = deferred.Await(co, next)
			}
			return 0, nil
		})
		for b.Loop() {
			next.Callback(1)
		}
		running = false
		next.Callback(1)
	})
	b.Run("made-before", func(b *testing.B) { // the same without the time it takes to make the Deferreds
		const batch = 1000
		b.ReportAllocs()
		made := make([]deferred.Deferred[int], batch)
		running := true
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			made[0] = deferred.New[int]()
			for i := 0; running; i = (i + 1) % batch {
				sink, _ = deferred.Await(co, made[i])
			}
			return 0, nil
		})
		i := 0
		for b.Loop() {
			if i == 0 {
				b.StopTimer()
				for j := 1; j < batch; j++ {
					made[j] = deferred.New[int]()
				}
				b.StartTimer()
			}
			d := made[i]
			if i = (i + 1) % batch; i == 0 {
				made[0] = deferred.New[int]()
			}
			d.Callback(1)
		}
		running = false
		made[i].Callback(1)
	})
	b.Run("unpaused", func(b *testing.B) { // the same Deferreds again and again
		b.ReportAllocs()
		next, other := deferred.Succeed(1), deferred.Succeed(1)
		running := true
		deferred.Inline(func(co *deferred.Coro) (int, error) {
			for running {
				next, other = other, next
				next.Pause()
				sink, _ = deferred.Await(co, next)
			}
			return 0, nil
		})
		for b.Loop() {
			next.Unpause()
		}
		running = false
		next.Unpause()
	})
	b.Run("iter.Pull", func(b *testing.B) {
		b.ReportAllocs()
		next, stop := iter.Pull(func(yield func(int) bool) {
			for yield(1) {
			}
		})
		defer stop()
		for b.Loop() {
			sink, _ = next()
		}
	})
	b.Run("channels", func(b *testing.B) {
		b.ReportAllocs()
		in, out := make(chan int), make(chan int)
		go func() { // ends when in is closed
			for v := range in {
				out <- v
			}
		}()
		for b.Loop() {
			in <- 1
			sink = <-out
		}
		close(in)
	})
	b.Run("V8", func(b *testing.B) { promises(b, "await", 1) })
}

// BenchmarkInline runs a coroutine that waits once, from beginning to end.
func BenchmarkInline(b *testing.B) {
	b.Run("Inline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := deferred.New[int]()
			deferred.Inline(func(co *deferred.Coro) (int, error) { return deferred.Await(co, d) })
			d.Callback(1)
		}
	})
	b.Run("goroutine+channel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			in, out := make(chan int), make(chan int)
			go func() { out <- <-in }() // ends when it has passed the value on
			in <- 1
			sink = <-out
		}
	})
}

// BenchmarkPending holds a million results that have not come, each with one
// callback, and reports the memory of one.
func BenchmarkPending(b *testing.B) {
	const n = 1_000_000
	f := func(v int) (int, error) { return v, nil }
	b.Run(fmt.Sprintf("Deferred/n=%d", n), func(b *testing.B) {
		pending(b, n, func() deferred.Deferred[int] { return deferred.New[int]().AddCallback(f) })
	})
	b.Run(fmt.Sprintf("channel/n=%d", n), func(b *testing.B) {
		pending(b, n, func() chan int { return make(chan int, 1) })
	})
	b.Run(fmt.Sprintf("goroutine+channel/n=%d", n/10), func(b *testing.B) {
		pending(b, n/10, func() chan int {
			c := make(chan int)
			go func() { sink = <-c }() // ends when the process does, or c is closed
			return c
		}, func(c chan int) { close(c) })
	})
}

func pending[T any](b *testing.B, n int, make_ func() T, end ...func(T)) {
	all := make([]T, n)
	for b.Loop() {
		before := inUse()
		for i := range all {
			all[i] = make_()
		}
		b.ReportMetric(float64(inUse()-before)/float64(n), "B/result")
		for i, v := range all {
			for _, f := range end {
				f(v)
			}
			var none T
			all[i] = none
		}
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
