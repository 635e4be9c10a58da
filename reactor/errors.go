package reactor

import "errors"

var (
	// ErrReactorAlreadyRunning is returned by Run and Iterate on a reactor that is running (R3).
	ErrReactorAlreadyRunning = errors.New("reactor: already running")

	// ErrReactorNotRestartable is returned by Run on a reactor that was stopped; make a new one with New (R4).
	ErrReactorNotRestartable = errors.New("reactor: stopped before and cannot run again; make a new one with New")

	// ErrReactorNotRunning is returned by Stop on a reactor that was never started, is stopping already, or has stopped (R5).
	ErrReactorNotRunning = errors.New("reactor: not running")

	// ErrReactorEnded is what goroutines that wait for the loop get when it ended before their answer came (R111).
	ErrReactorEnded = errors.New("reactor: the loop has ended")

	// ErrOnLoop is returned by the blocking bridges when they are called on the loop's own goroutine, where they would wait for
	// themselves (R110).
	ErrOnLoop = errors.New("reactor: a blocking call on the loop's own goroutine would wait for itself; use the Deferred instead")

	// ErrShutdownTimeout is returned by Run when work of the thread pool, or another goroutine of the reactor, outlived
	// Options.ShutdownTimeout.
	ErrShutdownTimeout = errors.New("reactor: goroutines were still busy when the shutdown timeout had passed")

	// ErrAlreadyCalled is returned by the methods of a DelayedCall that runs or has run (R60).
	ErrAlreadyCalled = errors.New("reactor: the delayed call was already called")

	// ErrAlreadyCancelled is returned by the methods of a cancelled DelayedCall (R59).
	ErrAlreadyCancelled = errors.New("reactor: the delayed call was already cancelled")

	// ErrNegativeDelay is the panic value of Reactor.CallLater with a negative delay (R51).
	ErrNegativeDelay = errors.New("reactor: negative delay")

	// ErrTriggerGone is returned by RemoveSystemEventTrigger for a trigger that has run or was removed (R28).
	ErrTriggerGone = errors.New("reactor: the trigger has run or was removed already")

	// ErrThreadPoolStopped is returned for work given to a thread pool after its Stop, and is the failure of DeferToThread then (R106).
	ErrThreadPoolStopped = errors.New("reactor: the thread pool has stopped")

	// ErrGoexit is the failure of DeferToThread for a function that called runtime.Goexit, as t.FailNow does.
	ErrGoexit = errors.New("reactor: a function in a thread called runtime.Goexit")

	// ErrThreadPoolFull is returned for work given to a thread pool whose queue has reached its bound.
	ErrThreadPoolFull = errors.New("reactor: the queue of the thread pool is full")
)
