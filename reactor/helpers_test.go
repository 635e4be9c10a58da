package reactor_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

type none = struct{}

// notes collects what happened, in order. It belongs to one goroutine.
type notes []string

func (n *notes) add(s string) { *n = append(*n, s) }

func (n *notes) adder(s string) func() { return func() { n.add(s) } }

func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*n, want) {
		t.Errorf("got  %v\nwant %v", *n, want)
	}
}

// inBubble runs f on a reactor in a synctest bubble, where time is fake and
// goroutines that are left make the test fail.
func inBubble(t *testing.T, f func(t *testing.T, r *reactor.Reactor)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reactortest.Run(t, func(r *reactor.Reactor) { f(t, r) })
	})
}

// newReactor returns a reactor without signals, and its log.
func newReactor(t *testing.T) (*reactor.Reactor, *reactortest.Log) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	return reactor.New(reactor.Options{NoSignals: true, Logger: log.Logger()}), log
}

func mustRun(t *testing.T, r *reactor.Reactor) {
	t.Helper()
	if err := r.Run(); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func mustStop(t *testing.T, r *reactor.Reactor) {
	t.Helper()
	if err := r.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func wantPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func wantLogged(t *testing.T, log *reactortest.Log, text string, n int) {
	t.Helper()
	if got := log.Take(text); len(got) != n {
		t.Errorf("%d records with %q, want %d; log: %s", len(got), text, n, strings.Join(log.Records(), "\n"))
	}
}

// within receives from c, and fails the test after a time that only a hang
// takes.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

type result[T any] struct {
	v   T
	err error
}

// pulled turns a sequence into one whose body runs in a coroutine.
func pulled[T any](seq iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		next, stop := iter.Pull(seq)
		defer stop()
		for v, ok := next(); ok && yield(v); v, ok = next() {
		}
	}
}
