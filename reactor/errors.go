package reactor

import (
	"errors"
	"fmt"
)

var (
	// ErrReactorAlreadyRunning is returned by Run and Iterate if the reactor is
	// running.
	ErrReactorAlreadyRunning = errors.New("reactor: already running")

	// ErrReactorNotRestartable is returned by Run if the reactor was stopped
	// before.
	ErrReactorNotRestartable = errors.New("reactor: was stopped and cannot run again; make a new one with New")

	// ErrReactorNotRunning is returned by Stop and Crash if the reactor was
	// never started, is stopping already, or has stopped.
	ErrReactorNotRunning = errors.New("reactor: not running")

	// ErrReactorEnded is returned by Await and other blocking calls if the loop
	// ended before the result was there. ErrReactorEnded is also the cause of
	// Reactor.Context.
	ErrReactorEnded = errors.New("reactor: the loop has ended")

	// ErrOnLoop is returned by Await and other blocking calls on the loop's own
	// goroutine, which would wait for itself.
	ErrOnLoop = errors.New("reactor: blocking call on the loop's own goroutine; use a Deferred instead")

	// ErrShutdownTimeout is returned by Run if functions in threads, or other
	// goroutines of the reactor, were still busy after Options.ShutdownTimeout.
	ErrShutdownTimeout = errors.New("reactor: goroutines were still busy after the shutdown timeout; see Options.ShutdownTimeout")

	// ErrAlreadyCalled is returned by the methods of a DelayedCall if the call
	// is running or has run.
	ErrAlreadyCalled = errors.New("reactor: the delayed call was already called")

	// ErrAlreadyCancelled is returned by the methods of a DelayedCall if the
	// call was cancelled.
	ErrAlreadyCancelled = errors.New("reactor: the delayed call was already cancelled")

	// ErrNegativeDelay is the panic value of Reactor.CallLater and
	// Reactor.AfterFunc if the delay is negative.
	ErrNegativeDelay = errors.New("reactor: negative delay")

	// ErrTriggerGone is returned by RemoveSystemEventTrigger if the trigger has
	// run or was removed.
	ErrTriggerGone = errors.New("reactor: the trigger has already run or was removed")

	// ErrThreadPoolStopped is returned by CallInThread after Stop, and is the
	// failure of DeferToThread then.
	ErrThreadPoolStopped = errors.New("reactor: the thread pool has stopped")

	// ErrThreadPoolFull is returned by CallInThread if the queue of the pool is
	// full, and is the failure of DeferToThread then.
	ErrThreadPoolFull = errors.New("reactor: the queue of the thread pool is full; see Options.MaxThreadQueue")

	// ErrGoexit is the failure of DeferToThread if the function has called
	// runtime.Goexit, as t.FailNow does.
	ErrGoexit = errors.New("reactor: a function in a thread called runtime.Goexit")
)

// nilFunction returns the panic value of a method that was called with a nil
// function.
func nilFunction(method string) error {
	return fmt.Errorf("reactor: %s with a nil function", method)
}
