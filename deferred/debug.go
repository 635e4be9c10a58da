package deferred

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

var debugging atomic.Bool

// SetDebugging switches debug mode for the process. Deferreds that are made in
// debug mode record the stacks on which they are made and first fired. The
// error of a second firing and the report of an unhandled failure show these
// stacks. Using such a Deferred on a goroutine that does not own it panics, see
// [BindOwner]. Recording costs some microseconds. Any goroutine may call
// SetDebugging, at any time.
func SetDebugging(on bool) { debugging.Store(on) }

// Debug records the stack of its caller as the place where d was made, and the
// stack on which d fires, whether debug mode is on or not. It returns d.
func (d Deferred[T]) Debug() Deferred[T] {
	d.chain().recordCreation()
	return d
}

// Debugging reports whether debug mode is on.
func Debugging() bool { return debugging.Load() }

// AlreadyCalledError is ErrAlreadyCalled in debug mode.
type AlreadyCalledError struct {
	Created string // the stack on which the Deferred was made
	Fired   string // the stack on which it was first fired
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

// callers returns the calling stack, without the innermost functions, which
// belong to this package.
func callers() stack {
	var pcs [maxFrames]uintptr
	return append(stack(nil), pcs[:runtime.Callers(3, pcs[:])]...)
}

// String returns a line for each frame, oldest last: function, file and line.
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
