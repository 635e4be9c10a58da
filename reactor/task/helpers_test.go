package task_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor/reactortest"
)

type none = struct{}

var errTest = errors.New("failed as it should")

func wantPanic(t *testing.T, want error, f func()) {
	t.Helper()
	defer func() {
		if v := recover(); v != want {
			t.Errorf("panic with %v, want %v", v, want)
		}
	}()
	f()
}

// wantPanicOf wants a panic with an error that contains text.
func wantPanicOf(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		v := recover()
		if err, ok := v.(error); !ok || !strings.Contains(err.Error(), text) {
			t.Errorf("panic with %v, want an error with %q", v, text)
		}
	}()
	f()
}

func wantNoCalls(t *testing.T, c *reactortest.Clock) {
	t.Helper()
	if calls := c.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
}

// times notes when something happened.
type times struct {
	clock *reactortest.Clock
	at    []string
}

func (n *times) note() { n.at = append(n.at, fmt.Sprint(n.clock.Elapsed())) }

func (n *times) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(n.at, want) {
		t.Errorf("at %v, want %v", n.at, want)
	}
}

const second = time.Second
