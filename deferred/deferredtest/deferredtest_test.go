package deferredtest_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

var errBoom, errOther = errors.New("boom"), errors.New("other")

// recorder is a testing.TB that keeps failures for itself.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatalf(f string, args ...any) {
	r.Errorf(f, args...)
	runtime.Goexit()
}

// failuresOf runs f as a test of its own and returns its failures.
func failuresOf(t *testing.T, f func(testing.TB)) []string {
	r, done := &recorder{TB: t}, make(chan struct{})
	go func() { // ends with f
		defer close(done)
		defer r.end()
		f(r)
	}()
	<-done
	return r.failures
}

func TestResults(t *testing.T) {
	paused := deferred.Succeed(1)
	paused.Pause()
	for _, row := range []struct {
		name string
		run  func(testing.TB)
		want string // "" for a test that passes
	}{
		{"success", func(t testing.TB) {
			if v := deferredtest.SuccessResultOf(t, deferred.Succeed(3)); v != 3 {
				t.Errorf("got %d", v)
			}
		}, ""},
		{"success of a failure", func(t testing.TB) { deferredtest.SuccessResultOf(t, deferred.Fail[int](errBoom)) }, "failed, wanted a value: boom"},
		{"success of nothing", func(t testing.TB) { deferredtest.SuccessResultOf(t, deferred.New[int]()) }, "no result yet"},
		{"success of a paused one", func(t testing.TB) { deferredtest.SuccessResultOf(t, paused) }, "no result yet"},
		{"failure", func(t testing.TB) { deferredtest.FailureResultOf(t, deferred.Fail[int](errBoom)) }, ""},
		{"failure, one of two", func(t testing.TB) { deferredtest.FailureResultOf(t, deferred.Fail[int](errBoom), errOther, errBoom) }, ""},
		{"failure, another", func(t testing.TB) { deferredtest.FailureResultOf(t, deferred.Fail[int](errBoom), errOther) }, "wanted one of [other]"},
		{"failure of a value", func(t testing.TB) { deferredtest.FailureResultOf(t, deferred.Succeed(3)) }, "the value 3"},
		{"failure of nothing", func(t testing.TB) { deferredtest.FailureResultOf(t, deferred.New[int]()) }, "no result yet"},
		{"no result", func(t testing.TB) { deferredtest.AssertNoResult(t, deferred.New[int]()) }, ""},
		{"no result, paused", func(t testing.TB) { deferredtest.AssertNoResult(t, paused) }, ""},
		{"no result of a failure", func(t testing.TB) { deferredtest.AssertNoResult(t, handledLater(t)) }, "failed: boom"},
		{"no result of a stale view", func(t testing.TB) {
			stale := deferred.Succeed(3)
			deferred.Then(stale, func(int) (string, error) { return "four", nil })
			deferredtest.AssertNoResult(t, stale)
		}, "result: four"},
		{"no result of a value", func(t testing.TB) { deferredtest.AssertNoResult(t, deferred.Succeed(3)) }, "result: 3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := failuresOf(t, row.run)
			if row.want == "" && len(got) != 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// handledLater returns a failed Deferred, which the end of the test handles.
func handledLater(t testing.TB) deferred.Deferred[int] {
	d := deferred.Fail[int](errBoom)
	t.Cleanup(func() { deferredtest.FailureResultOf(t, d, errBoom) }) // AssertNoResult has left the failure
	return d
}

func TestTakenResultIsGone(t *testing.T) {
	d := deferred.Fail[int](errBoom)
	deferredtest.FailureResultOf(t, d)
	if v, err, ok := d.Result(); v != 0 || err != nil || !ok {
		t.Errorf("got %v, %v, %v", v, err, ok)
	}
}

func TestObserve(t *testing.T) {
	reports := deferredtest.Watch(t)
	value, failure, cancelled := deferred.New[int](), deferred.New[any](), deferred.New[int]()
	v, f, c := deferredtest.Observe(value), deferredtest.Observe(failure), deferredtest.Observe(cancelled)
	if v.Fired || f.Fired || c.Fired {
		t.Error("fired before the Deferreds")
	}
	value.Callback(3)
	failure.Errback(errBoom)
	c.Cancel()
	if !v.Fired || v.Value != 3 || v.Err != nil {
		t.Errorf("fired: %v, with %v, %v", v.Fired, v.Value, v.Err)
	}
	if !f.Fired || f.Value != nil || f.Err != errBoom {
		t.Errorf("fired: %v, with %v, %v", f.Fired, f.Value, f.Err)
	}
	if !c.Fired || !errors.Is(c.Err, deferred.ErrCancelled) {
		t.Errorf("fired: %v, with %v", c.Fired, c.Err)
	}
	if left := deferredtest.SuccessResultOf(t, value); left != 0 {
		t.Errorf("%d is left", left)
	}
	deferredtest.Observe(deferred.Fail[int](errBoom))
	if unhandled := reports.All(); len(unhandled) != 0 {
		t.Errorf("not handled: %v", unhandled)
	}
}

func TestD132_WatchFailsTheTest(t *testing.T) {
	got := failuresOf(t, func(t testing.TB) {
		deferredtest.Watch(t)
		deferred.Fail[int](errBoom)
	})
	if len(got) != 1 || !strings.Contains(got[0], "unhandled error: boom; deferred.SetDebugging(true) shows where") {
		t.Errorf("got %q", got)
	}
}

// In debug mode, the failure of the test shows the stacks on which the Deferred
// was made and fired. A panic always has its stack.
func TestD132_WatchShowsStacks(t *testing.T) {
	fail := func(t testing.TB) {
		deferredtest.Watch(t)
		deferred.Maybe(func() (int, error) { panic("boom") })
	}
	defer deferred.SetDebugging(deferred.Debugging())
	for _, on := range []bool{false, true} {
		deferred.SetDebugging(on)
		got := failuresOf(t, fail)
		if len(got) != 1 || !strings.Contains(got[0], "TestD132_WatchShowsStacks") || strings.Contains(got[0], "\ncreated:\n") != on {
			t.Errorf("debugging %v: got %q", on, got)
		}
	}
}

func TestD132_FlushTakesTheExpectedOnes(t *testing.T) {
	got := failuresOf(t, func(t testing.TB) {
		r := deferredtest.Watch(t)
		deferred.Fail[int](fmt.Errorf("wrapped: %w", errBoom))
		deferred.Fail[int](errOther)
		if n := len(r.Flush(errBoom)); n != 1 {
			t.Errorf("flushed %d", n)
		}
	})
	if len(got) != 1 || !strings.Contains(got[0], "unhandled error: other") {
		t.Errorf("got %q", got)
	}
}

// The runtime runs cleanups on several goroutines, and a slow cleanup holds up
// the reports that are queued behind it.
func TestF62D132_AllReturnsEveryReport(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16)) // for four such goroutines
	reports := deferredtest.Watch(t)
	const n = 200
	for range n {
		deferred.Fail[int](errBoom)
	}
	runtime.AddCleanup(new([16]int), func(int) { waitForCollections(20) }, 0)
	if got := len(reports.All()); got != n {
		t.Errorf("%d reports, want %d", got, n)
	}
}

// waitForCollections waits until n more collections have ended; All forces some
// while it waits.
func waitForCollections(n uint32) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for end := m.NumGC + n; m.NumGC < end; runtime.ReadMemStats(&m) {
		runtime.Gosched()
	}
}

// Tests that run in parallel end in any order.
func TestF62D132_WatchInParallelTests(t *testing.T) {
	before := make(chan error, 10)
	t.Cleanup(deferred.OnUnhandled(func(e *deferred.UnhandledError) { before <- e.Err }))
	first, second := &recorder{TB: t}, &recorder{TB: t}
	deferredtest.Watch(first)
	deferredtest.Watch(second)
	first.end()
	deferred.Fail[int](errBoom)
	second.end()
	if len(first.failures) != 0 || len(second.failures) != 1 || !strings.Contains(second.failures[0], "unhandled error: boom") {
		t.Errorf("got %q and %q", first.failures, second.failures)
	}
	if len(before) != 0 {
		t.Errorf("%d reported outside", len(before))
	}

	deferred.Fail[int](errOther)
	last := &recorder{TB: t}
	deferredtest.Watch(last) // finds the error above, which is not the test's
	last.end()
	if len(last.failures) != 0 || len(before) != 1 || <-before != errOther {
		t.Errorf("got %q, and %d outside", last.failures, len(before))
	}
}

func (r *recorder) end() {
	for _, c := range r.cleanups {
		c()
	}
}

func TestF62D132_WatchMovesNoFakeClock(t *testing.T) {
	got := failuresOf(t, func(tb testing.TB) {
		synctest.Test(t, func(*testing.T) {
			start := time.Now()
			deferredtest.Watch(tb)
			deferred.Fail[int](errBoom)
			tb.(*recorder).end()
			if passed := time.Since(start); passed != 0 {
				t.Errorf("%v have passed", passed)
			}
		})
		tb.(*recorder).cleanups = nil
	})
	if len(got) != 1 || !strings.Contains(got[0], "unhandled error: boom") {
		t.Errorf("got %q", got)
	}
}

func Example() {
	t := new(recorder) // the *testing.T, in a test
	lookup := deferred.New[string]()
	deferredtest.AssertNoResult(t, lookup)
	lookup.Callback("192.0.2.1")
	fmt.Println(deferredtest.SuccessResultOf(t, lookup))

	refused := deferred.Fail[string](errBoom)
	fmt.Println(deferredtest.FailureResultOf(t, refused, errBoom))

	deferredtest.AssertNoResult(t, deferred.Succeed("too early"))
	fmt.Println(len(t.failures), "failure")
	// Output:
	// 192.0.2.1
	// boom
	// 1 failure
}

func ExampleObserve() {
	var lock deferred.Lock
	first, second, third := deferredtest.Observe(lock.Acquire()), deferredtest.Observe(lock.Acquire()), deferredtest.Observe(lock.Acquire())
	fmt.Println(first.Fired, second.Fired, third.Fired)
	second.Cancel()
	lock.Release()
	fmt.Println(first.Fired, second.Fired, third.Fired)
	fmt.Println(second.Err)
	// Output:
	// true false false
	// true true true
	// deferred: cancelled
}
