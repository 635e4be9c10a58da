package starlarkrepl

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

const (
	// maxCalls is the number of levels of calls. The stack of a goroutine has
	// space for many more.
	maxCalls = 1000

	// maxOutput is the number of bytes that a statement may show.
	maxOutput = 1 << 20

	// stride is the number of steps after which limits looks at the thread. A
	// call takes several steps.
	stride = 1000
)

// limits are what a statement may use.
type limits struct {
	steps   uint64
	timeout time.Duration
	shown   int // bytes of output of the statement
}

// run calls f with a thread that ends at the limits. A panic is an error.
func (l *limits) run(print func(*starlark.Thread, string), f func(*starlark.Thread) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	l.shown = 0
	thread := &starlark.Thread{Name: "manhole", Print: print, OnMaxSteps: l.check}
	thread.SetMaxExecutionSteps(min(stride, l.steps))
	timer := time.AfterFunc(l.timeout, func() { thread.Cancel(fmt.Sprintf("after %v", l.timeout)) })
	defer timer.Stop()
	return f(thread)
}

// check is called after each stride of steps.
func (l *limits) check(thread *starlark.Thread) {
	switch steps := thread.ExecutionSteps(); {
	case steps >= l.steps:
		thread.Cancel(fmt.Sprintf("after %d steps", steps))
	case thread.CallStackDepth() > maxCalls:
		thread.Cancel(fmt.Sprintf("more than %d levels of calls", maxCalls))
	default:
		thread.SetMaxExecutionSteps(min(steps+stride, l.steps))
	}
}

// output counts output. It returns the text that may be shown. Above the limit
// the statement ends.
func (l *limits) output(thread *starlark.Thread, text string) (allowed string, ok bool) {
	before := l.shown
	if l.shown += len(text); l.shown <= maxOutput {
		return text, true
	}
	thread.Cancel(fmt.Sprintf("more than %d MiB of output", maxOutput>>20))
	if before >= maxOutput {
		return "", false
	}
	return strings.ToValidUTF8(text[:maxOutput-before], "") + "...\n", true
}
