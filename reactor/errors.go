package reactor

import "errors"

var (
	// ErrReactorAlreadyRunning: Run and Iterate return it if the reactor is
	// running.
	ErrReactorAlreadyRunning = errors.New("reactor: already running")

	// ErrReactorNotRestartable: Run returns it if the reactor was stopped before.
	ErrReactorNotRestartable = errors.New("reactor: was stopped and cannot run again; make a new one with New")

	// ErrReactorNotRunning: Stop and Crash return it if the reactor was never
	// started, is stopping already, or has stopped.
	ErrReactorNotRunning = errors.New("reactor: not running")

	// ErrReactorEnded: Await and other blocking calls return it if the loop ended
	// before the result was there. It is also the cause of Reactor.Context.
	ErrReactorEnded = errors.New("reactor: the loop has ended")

	// ErrOnLoop: Await and other blocking calls return it on the loop's own
	// goroutine, where they would wait for themselves.
	ErrOnLoop = errors.New("reactor: blocking call on the loop's own goroutine; use a Deferred instead")

	// ErrShutdownTimeout: Run returns it if functions in threads, or other
	// goroutines of the reactor, were still busy after Options.ShutdownTimeout.
	ErrShutdownTimeout = errors.New("reactor: goroutines were still busy after the shutdown timeout; see Options.ShutdownTimeout")

	// ErrAlreadyCalled: the methods of a DelayedCall return it if the call is
	// running or has run.
	ErrAlreadyCalled = errors.New("reactor: the delayed call was already called")

	// ErrAlreadyCancelled: the methods of a DelayedCall return it if the call was
	// cancelled.
	ErrAlreadyCancelled = errors.New("reactor: the delayed call was already cancelled")

	// ErrNegativeDelay: CallLater and AfterFunc of a Reactor panic with it if the
	// delay is negative.
	ErrNegativeDelay = errors.New("reactor: negative delay")

	// ErrTriggerGone: RemoveSystemEventTrigger returns it if the trigger has run
	// or was removed.
	ErrTriggerGone = errors.New("reactor: the trigger has already run or was removed")

	// ErrThreadPoolStopped: CallInThread returns it after Stop, and the Deferred
	// of DeferToThread fails with it.
	ErrThreadPoolStopped = errors.New("reactor: the thread pool has stopped")

	// ErrThreadPoolFull: CallInThread returns it if the queue of the pool is full,
	// and the Deferred of DeferToThread fails with it.
	ErrThreadPoolFull = errors.New("reactor: the queue of the thread pool is full; see Options.MaxThreadQueue")

	// ErrGoexit: the Deferred of DeferToThread fails with it if the function has
	// called runtime.Goexit, as t.FailNow does.
	ErrGoexit = errors.New("reactor: a function in a thread called runtime.Goexit")
)
