package deferred

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

var debugging atomic.Bool

// SetDebugging switches, for the Deferreds made from now on, the recording of the stacks of their creation and their first firing. The
// error of a second firing and the report of an unhandled failure show them (D135 to D138). It also switches the check that a Deferred is
// used on the goroutine that it is bound to, see [BindOwner]. Both cost some microseconds an operation. It may be called from any goroutine.
func SetDebugging(on bool) { debugging.Store(on) }

// Debug records, for this Deferred alone, where Debug was called, as its creation, and where it fires. It returns d.
func (d Deferred[T]) Debug() Deferred[T] {
	d.chain().recordCreation()
	return d
}

// Debugging reports whether SetDebugging is on.
func Debugging() bool { return debugging.Load() }

// AlreadyCalledError is ErrAlreadyCalled in debug mode.
type AlreadyCalledError struct {
	Created string // where the Deferred was made
	Fired   string // where it was fired first
}

func (e *AlreadyCalledError) Error() string {
	return fmt.Sprintf("%v\n%s%s", ErrAlreadyCalled, prefixed("C: ", e.Created), prefixed("I: ", e.Fired))
}

// Is reports whether target is ErrAlreadyCalled.
func (e *AlreadyCalledError) Is(target error) bool { return target == ErrAlreadyCalled }

func (c *chain) alreadyCalled() error {
	if r := c.record; r != nil && r.created != nil {
		return &AlreadyCalledError{Created: r.created.String(), Fired: r.fired.String()}
	}
	return ErrAlreadyCalled
}

// stack is a recorded call stack.
type stack []uintptr

const maxFrames = 32

// callers returns the stack above this package's own functions that lead here.
func callers() stack {
	var pcs [maxFrames]uintptr
	return append(stack(nil), pcs[:runtime.Callers(3, pcs[:])]...)
}

// String prints a line for each frame, oldest last: function, file and line.
func (s stack) String() string {
	if len(s) == 0 {
		return ""
	}
	var text strings.Builder
	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&text, "%s (%s:%d)\n", f.Function, f.File, f.Line)
		if !more {
			return text.String()
		}
	}
}

func prefixed(prefix, lines string) string {
	var text strings.Builder
	for line := range strings.Lines(lines) {
		text.WriteString(prefix + line)
	}
	return text.String()
}
