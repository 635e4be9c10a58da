package reactortest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// Run runs a reactor on the calling goroutine: f first, on the loop, then whatever f began, until something calls Stop. An error of
// Reactor.Run fails the test.
func Run(t testing.TB, f func(r *reactor.Reactor)) {
	t.Helper()
	r := reactor.New(reactor.Options{NoSignals: true, Logger: NewLog(t).Logger()})
	r.CallWhenRunning(func() { f(r) })
	if err := r.Run(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Start runs a reactor on a goroutine of its own until the test ends; then it is stopped, if it was not before, and waited for. Signals are left
// alone. With a nil opts.Logger what it logs goes to the test's log.
func Start(t testing.TB, opts reactor.Options) *reactor.Reactor {
	t.Helper()
	opts.NoSignals = true
	if opts.Logger == nil {
		opts.Logger = NewLog(t).Logger()
	}
	r := reactor.New(opts)
	started, ended := make(chan struct{}), make(chan error, 1)
	r.CallWhenRunning(func() { close(started) })
	go func() { // ends with the test, which waits for it
		defer close(ended)
		ended <- r.Run()
	}()
	t.Cleanup(func() {
		_ = r.Stop() // an error means that the test has stopped it
		switch err, returned := <-ended; {
		case !returned:
			t.Error("Run: a callback has called runtime.Goexit; FailNow is for the goroutine of the test")
		case err != nil:
			t.Errorf("Run: %v", err)
		}
	})
	<-started
	return r
}

// patience is the number of looks after which a goroutine counts as left behind. One that is about to return is gone after a few.
const patience = 5_000

// CheckGoroutines makes the test fail if, when it ends, goroutines started by this module are left (R534). It must be called before
// anything that cleans up after itself with t.Cleanup, and not in tests that run in parallel.
func CheckGoroutines(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		left := ours()
		for tries := 0; left != "" && tries < patience; tries++ {
			runtime.Gosched() // to one that is about to return
			left = ours()
		}
		if left != "" {
			t.Errorf("goroutines are left:\n%s", left)
		}
	})
}

// ours returns the traces of the goroutines that code of this module has started.
func ours() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for trace := range strings.SplitSeq(string(buf), "\n\n") {
		_, creator, _ := strings.Cut(trace, "\ncreated by ")
		if strings.HasPrefix(creator, "github.com/hawser-go/hawser/") || strings.HasPrefix(creator, "github.com/gammazero/workerpool") {
			found = append(found, trace)
		}
	}
	return strings.Join(found, "\n\n")
}
