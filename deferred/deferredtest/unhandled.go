package deferredtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// Reports collects the reports of unhandled errors while a test runs. Its
// methods may be called from any goroutine.
type Reports struct {
	t       testing.TB
	mu      sync.Mutex // guards reports, which come from goroutines of the runtime
	reports []*deferred.UnhandledError
}

// Watch makes every unhandled error that is found from now until the end of the
// test a failure of the test. Flush and All take expected errors out. Errors
// that were left before the call are not reported to the test, but to slog, or
// to the function given to deferred.OnUnhandled before the first Watch.
//
// A report does not name the test that caused it. So tests that run in parallel
// and watch each get all reports: a test that leaves an error unhandled on
// purpose must not run in parallel with another test that watches. Watch uses
// deferred.OnUnhandled, which a watched test must not call.
func Watch(t testing.TB) *Reports {
	t.Helper()
	r := &Reports{t: t}
	r.collect()
	watching.add(r)
	t.Cleanup(func() {
		t.Helper()
		left := r.All()
		watching.remove(r)
		for _, e := range left {
			t.Errorf("deferredtest: unhandled error: %+v%s", e.Err, origin(e))
		}
	})
	return r
}

// origin says where the Deferred of an unhandled error comes from, or how to find
// out.
func origin(e *deferred.UnhandledError) string {
	if e.Created == "" {
		return "; deferred.SetDebugging(true) shows where its Deferred was made"
	}
	return fmt.Sprintf("\ncreated:\n%sfired:\n%s", e.Created, e.Fired)
}

// All takes and returns all reports so far. All forces garbage collections, and
// waits until the runtime has reported the errors found. Abandoned coroutines
// of the whole process are ended, on the calling goroutine. Call All when the
// variables that refer to the Deferreds are no longer in use.
func (r *Reports) All() []*deferred.UnhandledError {
	r.t.Helper()
	r.collect()
	r.mu.Lock()
	defer r.mu.Unlock()
	reports := r.reports
	r.reports = nil
	return reports
}

// Flush takes and returns the reports of errors that match one of targets by
// errors.Is, as All does. The other reports stay, and fail the test at its end.
func (r *Reports) Flush(targets ...error) []*deferred.UnhandledError {
	r.t.Helper()
	all := r.All()
	matches := func(e *deferred.UnhandledError) bool { return isAny(e.Err, targets) }
	r.mu.Lock()
	r.reports = append(slices.DeleteFunc(slices.Clone(all), matches), r.reports...)
	r.mu.Unlock()
	return slices.DeleteFunc(all, func(e *deferred.UnhandledError) bool { return !matches(e) })
}

func (r *Reports) add(e *deferred.UnhandledError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, e)
}

// watchers is the set of Reports of the tests that run. Tests that run in
// parallel begin and end in any order, so the first installs the receiver of
// all reports, and the last removes the receiver.
type watchers struct {
	mu      sync.Mutex
	all     []*Reports
	restore func()
}

var watching watchers

func (w *watchers) add(r *Reports) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.all) == 0 {
		w.restore = deferred.OnUnhandled(w.report)
	}
	w.all = append(w.all, r)
}

func (w *watchers) remove(r *Reports) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.all, r)
	w.all = slices.Delete(w.all, i, i+1)
	if len(w.all) == 0 {
		w.restore()
	}
}

func (w *watchers) report(e *deferred.UnhandledError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.all {
		r.add(e)
	}
}

// rounds is the number of collections, each followed by the end of abandoned
// coroutines. The second round finds the Deferreds that such a coroutine held.
const rounds = 2

// collect makes the runtime report the Deferreds that are unreachable now.
func (r *Reports) collect() {
	r.t.Helper()
	for range rounds {
		if !deferred.Collect() {
			r.t.Errorf("deferredtest: the runtime's cleanups did not end; does one of them block?")
			return
		}
		deferred.EndAbandoned()
	}
}
