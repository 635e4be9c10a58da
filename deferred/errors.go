package deferred

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
)

var (
	// ErrAlreadyCalled is the panic value of a second Callback or Errback; a
	// second TryCallback or TryErrback returns it. In debug mode the error is
	// an [*AlreadyCalledError] that matches ErrAlreadyCalled and says where the
	// Deferred was made and first fired.
	ErrAlreadyCalled = errors.New("deferred: already called; a Deferred fires once, " +
		"use TryCallback or TryErrback where two may compete")

	// ErrCancelled is the failure of a cancelled Deferred. It matches
	// context.Canceled as well.
	ErrCancelled error = cancelledError{}

	// ErrCircular is the failure of a Deferred whose callback returned the
	// Deferred itself, or one that waits on it.
	ErrCircular = errors.New("deferred: circular chain: a callback returned a Deferred that waits, " +
		"directly or through others, on the callback's own Deferred")

	// ErrNotPaused is the panic value of an Unpause without a Pause.
	ErrNotPaused = errors.New("deferred: Unpause without Pause")

	// ErrNilCallback is the panic value of adding a nil function.
	ErrNilCallback = errors.New("deferred: nil callback")

	// ErrDeferredValue is the panic value of Callback for a value that is
	// itself a Deferred.
	ErrDeferredValue = errors.New("deferred: Callback with a Deferred as the value; " +
		"return it from a callback, which waits for it")

	// ErrCoroutine is the panic value of firing the Deferred of a coroutine,
	// which fires when the body returns.
	ErrCoroutine = errors.New("deferred: firing the Deferred of a coroutine; " +
		"it fires when the body returns, Cancel it to stop it")

	// ErrZero is the panic value of using the zero Deferred, and the failure of
	// a chain whose callback returned it.
	ErrZero = errors.New("deferred: use of the zero Deferred; make one with New, Succeed or Fail")
)

type cancelledError struct{}

func (cancelledError) Error() string        { return "deferred: cancelled" }
func (cancelledError) Is(target error) bool { return target == context.Canceled }

// ViewError is the panic value of adding to a view of a Deferred that Then or
// one of its relatives has replaced by a view of another type, and of firing a
// Deferred through a view of another type than it was made with.
type ViewError struct {
	Op   string // the operation
	View string // the type of the view that was used
	Want string // the type of the result there
}

func (e *ViewError) Error() string {
	return fmt.Sprintf("deferred: %s through a stale view of type Deferred[%s]: "+
		"the result is a %s there; use the Deferred[%s] that New or Then returned",
		e.Op, e.View, e.Want, e.Want)
}

// PanicError is an error made from a recovered panic: the failure of a Deferred
// whose callback panicked, for instance.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // the stack below the call of panic, as debug.Stack prints it
}

// NewPanicError returns the error for a value that recover returned. Call it in
// the deferred function that recovered, so that Stack shows the panic. A
// *PanicError that was passed to panic is returned as it is, with the stack of
// the first panic.
func NewPanicError(recovered any) *PanicError {
	if again, ok := recovered.(*PanicError); ok {
		return again
	}
	return &PanicError{Value: recovered, Stack: panicStack()}
}

// panicStack returns the stack of the calling goroutine, while it recovers from
// a panic, without the frames above the call of panic.
func panicStack() []byte {
	stack := debug.Stack()
	heading, frames, _ := bytes.Cut(stack, []byte("\n"))
	_, panicked, ok := bytes.Cut(frames, []byte("\npanic("))
	if !ok {
		return stack
	}
	for range 2 { // the rest of the line of panic's frame, and its file
		_, panicked, _ = bytes.Cut(panicked, []byte("\n"))
	}
	return slices.Concat(heading, []byte("\n"), panicked)
}

func (e *PanicError) Error() string { return fmt.Sprintf("deferred: panic in a callback: %v", e.Value) }

// Format prints the error; with %+v, the stack as well.
func (e *PanicError) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('+') {
		fmt.Fprintf(s, "%s\n%s", e.Error(), e.Stack)
		return
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), e.Error())
}

// Unwrap returns the panic value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Log logs the panic at the error level. The message is what, the panic value,
// and on the lines below the stack: slog's default handler prints a message as
// it is, but quotes an attribute of several lines into one.
func (e *PanicError) Log(l *slog.Logger, what string, attrs ...any) {
	l.Error(fmt.Sprintf("%s: %v\n%s", what, e.Value, e.Stack), attrs...)
}
