package reactor

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// Options configures a Reactor. The zero value works.
type Options struct {
	// Logger receives the panics of callbacks and the reactor's own messages.
	// nil means slog.Default() at the time of the message.
	Logger *slog.Logger

	// MaxThreads is the maximum number of functions given to CallInThread that
	// run at the same time. 0 means DefaultMaxThreads.
	MaxThreads int

	// MaxThreadQueue is the maximum number of functions that wait for a thread.
	// 0 means DefaultMaxThreadQueue.
	MaxThreadQueue int

	// NoSignals leaves signals alone. Otherwise the first SIGINT or SIGTERM
	// during Run stops the reactor, and the second one ends the process.
	NoSignals bool

	// ShutdownTimeout limits each of the two waits of a shutdown:
	//
	//   - for the Deferreds of the "before shutdown" triggers,
	//   - after the last trigger, for functions that still run in threads and
	//     for goroutines that hold the reactor (see Reactor.Hold).
	//
	// A shutdown can thus take twice this time. 0 means DefaultShutdownTimeout,
	// a negative value means no limit.
	ShutdownTimeout time.Duration

	// Watchdog is the time after which a callback that has not returned is
	// logged, with its name and its stack. 0 means that nothing is watched.
	// Watching costs two readings of the clock per callback.
	Watchdog time.Duration

	// Debug finds two kinds of mistakes. Use Debug in development only: stack
	// traces are slow.
	//
	//   - A method that belongs to the loop, such as CallLater or
	//     Transport.Write, panics with an *OffLoopError if called on another
	//     goroutine while the loop runs. Coroutines that the loop has resumed
	//     are on the loop.
	//   - The log of a panic in a delayed call shows where the call was
	//     scheduled.
	Debug bool
}

// Defaults of Options.
const (
	DefaultMaxThreads      = 10
	DefaultMaxThreadQueue  = 1 << 16
	DefaultShutdownTimeout = 30 * time.Second
)

// Reactor is an event loop. The goroutine that calls Run runs all callbacks.
// The package comment lists the methods that any goroutine may call. All others
// belong to the loop, and before Run to the goroutine that will call Run.
//
// Make a Reactor with New. A process may have several.
type Reactor struct {
	opts   Options
	epoch  time.Time
	queue  queue
	timers *Timers
	alarm  alarm
	events map[string]*event
	pool   *ThreadPool
	watch  *watchdog // nil without Options.Watchdog
	stall  stall
	failed failureWatch
	stats  Stats // used by the loop; the queue publishes them

	waiters sync.Pool // of *waiter[T] for reuse

	unpublished int // iterations since stats were published

	state   atomic.Int32                   // a runState
	running atomic.Bool                    // the result of Running
	owner   atomic.Pointer[deferred.Owner] // the goroutine in Run or Iterate, or nil
	loopID  atomic.Uint64                  // its number in stack traces, or 0
	checked atomic.Uint64                  // the coroutine that mustBeOnLoop has found on the loop last
	signal  atomic.Value                   // the os.Signal that stopped the reactor, in a signalBox

	ctx    context.Context
	cancel context.CancelCauseFunc

	stopSignals  func()      // ends the goroutine that waits for signals
	stopDeadline func() bool // stops the timeout of "before shutdown" triggers

	resolver Resolver

	raw rawTerminals

	open    map[uint64]shutDowner // connections and ports
	lastKey uint64
	dirty   []*conn // to be flushed at the end of the iteration
	flushed []*conn // spare room for dirty
	spare   spareBuffers

	disconnected bool // the "during shutdown" phase has begun
	shutting     bool // the shutdown event was fired
	finished     bool // the shutdown event is over: the loop must end
	busy         atomic.Int64
}

// runState is the state of a reactor.
type runState = int32

const (
	stateIdle     runState = iota // Run was not called, or has returned after a crash
	stateActive                   // in Run
	stateStopping                 // in Run, after Stop
	stateCrashed                  // in Run, after Crash: Run must return at once
	stateBroken                   // the same, but Run cannot be called again
	stateEnded                    // Run has returned after Stop
)

// New returns a reactor. New does nothing until Run is called.
func New(opts Options) *Reactor {
	r := &Reactor{opts: opts, epoch: time.Now(), events: make(map[string]*event), open: make(map[uint64]shutDowner)}
	r.queue.init()
	r.failed.r = r
	r.stall.init(r.patienceOver)
	r.alarm.ring = func() { r.queue.post(r.alarm.rang) }
	r.timers = NewTimers(r.epoch, r.elapsed)
	if opts.Debug {
		r.timers.debug = make(map[*DelayedCall][]uintptr)
		r.timers.check = r.mustBeOnLoop
	}
	r.pool = NewThreadPool(PoolOptions{Max: opts.MaxThreads, MaxQueue: opts.MaxThreadQueue, Logger: opts.Logger})
	if opts.Watchdog > 0 {
		r.watch = newWatchdog(r, opts.Watchdog)
	}
	r.resolver = net.DefaultResolver
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.stopSignals = nop
	r.stopDeadline = func() bool { return false }
	r.event(Startup).during = r.started
	r.event(Shutdown).during = r.disconnect
	r.event(Shutdown).done = r.finish
	return r
}

// Run fires the startup event and runs the loop on the calling goroutine. Run
// returns nil after Stop, when the shutdown is complete, and nil after Crash.
//
// Run returns ErrReactorAlreadyRunning if the reactor is running,
// ErrReactorNotRestartable after Stop, and ErrShutdownTimeout if goroutines of
// the reactor were still busy when Options.ShutdownTimeout had passed.
//
// If a callback calls runtime.Goexit, as t.FailNow does, the loop ends:
// connections and listeners are closed, goroutines that wait for the loop get
// ErrReactorEnded, and the deferred functions of Run's caller run.
func (r *Reactor) Run() error {
	if err := r.begin(); err != nil {
		return err
	}
	if !r.loopID.CompareAndSwap(0, goroutineID()) {
		r.state.Store(stateIdle)
		return ErrReactorAlreadyRunning // in Iterate
	}
	defer r.bind()()
	stopWatching := r.startWatchdog()
	returning := false
	defer func() {
		stopWatching()
		if !returning {
			r.state.Store(stateBroken)
			r.breakDown()
		}
		r.loopID.Store(0)
		r.endRun()
	}()
	r.fireEvent(r.event(Startup))
	for !r.finished && !r.crashed() {
		r.iterate(forever)
	}
	err := r.drain()
	r.failed.end()
	returning = true
	return err
}

// RunContext is like Run, but also stops the reactor when ctx is done.
// RunContext returns nil then.
func (r *Reactor) RunContext(ctx context.Context) error {
	asked := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(asked)
		r.CallFromThread(func() { _ = r.Stop() }) // fails if the reactor is stopping already
	})
	err := r.Run()
	if !cancel() {
		<-asked
	}
	return err
}

// Stop requests the shutdown. The shutdown event is fired at the end of the
// iteration, and Run returns when that is over. Any goroutine may call Stop.
// Stop returns ErrReactorNotRunning if the reactor was not started, is
// stopping, or has stopped.
func (r *Reactor) Stop() error {
	if !r.state.CompareAndSwap(stateActive, stateStopping) {
		return ErrReactorNotRunning
	}
	r.queue.post(nop)
	return nil
}

// Crash ends the loop after the present iteration, without the shutdown event.
// Connections stay open, and Run may be called again. After Stop, however,
// Crash closes connections, and Run cannot be called again. Any goroutine may
// call Crash. Crash returns ErrReactorNotRunning if the reactor is not in Run.
func (r *Reactor) Crash() error {
	if !r.state.CompareAndSwap(stateActive, stateCrashed) && !r.state.CompareAndSwap(stateStopping, stateBroken) {
		return ErrReactorNotRunning
	}
	r.running.Store(false)
	r.queue.post(nop)
	return nil
}

// Running reports whether the reactor is running: from the "during startup"
// phase to the "during shutdown" phase. Any goroutine may call Running.
func (r *Reactor) Running() bool { return r.running.Load() }

// OnLoop reports whether the caller is on the goroutine of the loop, or in a
// coroutine that the loop has resumed. Any goroutine may call OnLoop.
//
// On the loop, in a deferred.Inline, and while the loop sleeps, the answer
// takes nanoseconds. Otherwise OnLoop looks at the stack of the caller, which
// takes a microsecond, and in the body of an iter.Pull at the stacks of all
// goroutines, which takes milliseconds.
func (r *Reactor) OnLoop() bool {
	return r.here() || !r.queue.sleeping.Load() && inCoroutineOf(r.loopID.Load(), allTraces) != no
}

// StopSignal returns the signal that stopped the reactor, or nil. Any goroutine
// may call StopSignal.
func (r *Reactor) StopSignal() os.Signal {
	b, _ := r.signal.Load().(signalBox)
	return b.Signal
}

// here reports whether the caller is on the goroutine of the loop, or in the
// body of a deferred.Inline that the loop has resumed. It does not recognise
// other coroutines, as OnLoop does, but takes only nanoseconds.
func (r *Reactor) here() bool {
	owner := r.owner.Load()
	return owner != nil && owner.Here()
}

// bind makes the calling goroutine the loop until release is called.
func (r *Reactor) bind() (release func()) {
	owner := deferred.BindOwner()
	r.owner.Store(owner)
	return func() {
		r.owner.Store(nil)
		owner.Release()
	}
}

func nop() {}

// crashed reports whether Run must return at once.
func (r *Reactor) crashed() bool {
	s := r.state.Load()
	return s == stateCrashed || s == stateBroken
}

func (r *Reactor) begin() error {
	if r.state.CompareAndSwap(stateIdle, stateActive) {
		return nil
	}
	if s := r.state.Load(); s == stateEnded || s == stateStopping && !r.Running() {
		return ErrReactorNotRestartable
	}
	return ErrReactorAlreadyRunning
}

// started begins the "during startup" phase.
func (r *Reactor) started() {
	if r.shutting {
		return // Stop was called before the "before startup" triggers were done
	}
	r.running.Store(true)
	r.pool.Start()
	r.watchSignals()
}

// endRun is the last step of Run.
func (r *Reactor) endRun() {
	r.running.Store(false)
	r.alarm.stop()
	r.stopSignals()
	if r.state.CompareAndSwap(stateCrashed, stateIdle) {
		r.shutting = false
		r.stall.end(false)
		return
	}
	r.cancel(ErrReactorEnded)
	r.stats.Delayed = r.timers.Len()
	r.queue.end(&r.stats)
	r.state.Store(stateEnded)
	r.stall.end(true)
}
