package reactortest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// Run runs a new reactor on the calling goroutine. It calls f on the loop and
// returns when the reactor has been stopped, which f must arrange for. The test
// fails if Reactor.Run returns an error.
func Run(t testing.TB, f func(r *reactor.Reactor)) {
	t.Helper()
	arg.NotNil("reactortest: Run", "function", f)
	r := reactor.New(reactor.Options{NoSignals: true, Logger: NewLog(t).Logger()})
	r.CallWhenRunning(func() { f(r) })
	if err := r.Run(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Start runs a new reactor on a new goroutine and returns when it is running.
// At the end of the test the reactor is stopped, and the test fails if
// Reactor.Run returns an error. Start sets opts.NoSignals. If opts.Logger is
// nil, log records are shown with the failure of the test.
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
			t.Error("Run: a callback has called runtime.Goexit; call FailNow only on the goroutine of the test")
		case err != nil:
			t.Errorf("Run: %v", err)
		}
	})
	<-started
	return r
}

// maxLooks is the number of looks after which a goroutine counts as left
// behind. A goroutine that is about to return is gone after a few.
const maxLooks = 5_000

// CheckGoroutines makes the test fail if goroutines of this module are running
// at its end. Call it before functions that use t.Cleanup, such as Start, and
// not in parallel tests.
func CheckGoroutines(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		left := ours()
		for looks := 0; left != "" && looks < maxLooks; looks++ {
			runtime.Gosched() // lets goroutines return
			left = ours()
		}
		if left != "" {
			t.Errorf("goroutines are left:\n%s", left)
		}
	})
}

// ours returns the stacks of the goroutines that this module has started.
func ours() string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) { // too small
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	var found []string
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		_, creator, _ := strings.Cut(stack, "\ncreated by ")
		if strings.HasPrefix(creator, "github.com/hawser-go/hawser/") ||
			strings.HasPrefix(creator, "github.com/gammazero/workerpool") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
