package deferredtest

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// Reports collects the reports of unhandled errors while a test runs. Its methods may be called from any goroutine.
type Reports struct {
	t       testing.TB
	mu      sync.Mutex // guards reports: they come from a goroutine of the runtime
	reports []*deferred.UnhandledError
}

// mark is the failure of a Deferred that is dropped to learn how far the collector has come.
type mark struct{ seen chan struct{} }

func (*mark) Error() string { return "deferredtest: mark" }

// Watch makes every unhandled error that is found while the test runs a failure of the test, except those taken out with Flush or All.
// What was left before is forgotten. Reports are per process: tests that run in parallel with this one are watched as well.
func Watch(t testing.TB) *Reports {
	t.Helper()
	r := &Reports{t: t}
	restore := deferred.OnUnhandled(r.add)
	r.All()
	t.Cleanup(func() {
		t.Helper()
		left := r.All()
		restore()
		for _, e := range left {
			t.Errorf("deferredtest: unhandled error: %v\ncreated:\n%sfired:\n%s", e.Err, e.Created, e.Fired)
		}
	})
	return r
}

// All forces a garbage collection, waits until the errors that it found are reported, and takes and returns all reports so far. Coroutines that
// were abandoned are ended, on the calling goroutine.
func (r *Reports) All() []*deferred.UnhandledError {
	r.collect()
	r.mu.Lock()
	defer r.mu.Unlock()
	reports := r.reports
	r.reports = nil
	return reports
}

// Flush is All for the reports that match one of the given errors by errors.Is; the others stay.
func (r *Reports) Flush(targets ...error) []*deferred.UnhandledError {
	all := r.All()
	matches := func(e *deferred.UnhandledError) bool { return isAny(e.Err, targets) }
	r.mu.Lock()
	r.reports = append(slices.DeleteFunc(slices.Clone(all), matches), r.reports...)
	r.mu.Unlock()
	return slices.DeleteFunc(all, func(e *deferred.UnhandledError) bool { return !matches(e) })
}

func (r *Reports) add(e *deferred.UnhandledError) {
	if m, ok := e.Err.(*mark); ok {
		close(m.seen)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, e)
}

// rounds is how often collect goes round. What an abandoned coroutine held is found when that has been ended.
const rounds = 2

// collect forces collections until those Deferreds are reported that were unreachable when it was called.
func (r *Reports) collect() {
	r.t.Helper()
	for range rounds {
		runtime.GC()
		if !markSeen() {
			r.t.Errorf("deferredtest: the garbage collector reported nothing within %v", collectWithin)
			return
		}
		deferred.EndAbandoned()
	}
}

// markSeen drops a failed Deferred and waits for its report. It comes after those that the collection before it found.
func markSeen() bool {
	m := &mark{make(chan struct{})}
	drop(m)
	for deadline := time.Now().Add(collectWithin); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-m.seen:
			return true
		case <-time.After(pollEvery):
		}
	}
	return false
}

const (
	collectWithin = 10 * time.Second
	pollEvery     = time.Millisecond
)

//go:noinline
func drop(err error) { deferred.Fail[struct{}](err) }
