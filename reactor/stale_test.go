package reactor_test

import (
	"errors"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// spentView returns a view that Then has replaced: what a function returns that
// should have returned what Then returned.
func spentView() deferred.Deferred[int] {
	d := deferred.Succeed(1)
	deferred.Then(d, func(int) (string, error) { return "", nil })
	return d
}

// Who waits for a view that cannot be used is told so, instead of waiting for
// ever.
func TestR109_FunctionsThatReturnStaleViews(t *testing.T) {
	r, back := reactortest.Start(t, reactor.Options{}), reactortest.Start(t, reactor.Options{})
	for _, row := range []struct {
		name string
		call func() (int, error)
	}{
		{"BlockingCallFromThread", func() (int, error) { return reactor.BlockingCallFromThread(r, spentView) }},
		{"DeferToReactor", func() (int, error) {
			return reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] { return reactor.DeferToReactor(r, back, spentView) })
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := make(chan error, 1)
			go func() { // ends with the answer
				_, err := row.call()
				got <- err
			}()
			err := within(t, got)
			if _, ok := errors.AsType[*deferred.ViewError](err); !ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
