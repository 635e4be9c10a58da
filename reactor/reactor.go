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
	// Logger gets the panics of callbacks and the reactor's own messages; nil means slog's default at the time of the message.
	Logger *slog.Logger

	// MaxThreads is the largest number of functions given to CallInThread that run at the same time; 0 means DefaultMaxThreads.
	MaxThreads int

	// MaxThreadQueue is the largest number of such functions that wait for a thread; 0 means DefaultMaxThreadQueue.
	MaxThreadQueue int

	// NoSignals leaves signals alone. By default SIGINT and SIGTERM stop the reactor while Run runs, and a second one ends the process.
	NoSignals bool

	// ShutdownTimeout bounds each of the two things a shutdown waits for: the Deferreds of the triggers before shutdown, and after the
	// last trigger the functions that still run in threads. 0 means DefaultShutdownTimeout, a negative value no bound.
	ShutdownTimeout time.Duration

	// Watchdog is the time that a callback may hold the loop before that is logged, with the callback's name and the stack of the loop.
	// 0 means no watching. It costs two readings of the clock per callback.
	Watchdog time.Duration

	// Debug makes delayed calls remember where they were scheduled, for the log of a panic in one (R69).
	Debug bool
}

// Defaults of Options.
const (
	DefaultMaxThreads      = 10
	DefaultMaxThreadQueue  = 1 << 16
	DefaultShutdownTimeout = 30 * time.Second
)

// Reactor is an event loop: one goroutine, the one that calls Run, runs every callback. See the package comment for the methods that any
// goroutine may call; all others belong to the loop, and before Run to the goroutine that will call it.
//
// Make one with New. Any number may exist.
type Reactor struct {
	opts   Options
	epoch  time.Time
	queue  queue
	timers *Timers
	alarm  alarm
	events map[string]*event
	pool   *ThreadPool
	watch  *watchdog // nil without Options.Watchdog
	failed failureWatch
	stats  Stats // the loop's own; the queue publishes it

	unpublished int // turns since

	state   atomic.Int32  // a runState
	running atomic.Bool   // what Running reports
	loopID  atomic.Uint64 // the goroutine of Run or Iterate, 0 when there is none
	signal  atomic.Value  // the os.Signal that asked for the stop, in a signalBox
	run     atomic.Pointer[runEnd]

	ctx    context.Context
	cancel context.CancelCauseFunc

	stopSignals  func()      // ends the goroutine that waits for signals
	stopDeadline func() bool // of the Deferreds that hold up the shutdown

	resolver Resolver

	open    map[uint64]shutDowner // connections and ports
	lastKey uint64
	dirty   []*conn // to be flushed at the end of the turn
	flushed []*conn // spare room for dirty
	spare   spareBuffers

	disconnected bool // the "during shutdown" phase has begun
	shutting     bool // the shutdown event was fired
	finished     bool // the shutdown event is over: the loop is to end
	busy         atomic.Int64
}

// runState is where a reactor is in its life.
type runState = int32

const (
	stateIdle     runState = iota // not started, or crashed
	stateActive                   // in Run
	stateStopping                 // in Run, and a stop was asked for
	stateCrashed                  // in Run, which is to return at once
	stateBroken                   // the same, but for good
	stateEnded                    // Run has returned after a stop
)

// runEnd tells those that wait for the loop that a run has ended.
type runEnd struct{ ended chan struct{} }

func newRunEnd() *runEnd { return &runEnd{make(chan struct{})} }

// New returns a reactor that does nothing until Run is called.
func New(opts Options) *Reactor {
	r := &Reactor{opts: opts, epoch: time.Now(), events: make(map[string]*event), open: make(map[uint64]shutDowner)}
	r.queue.init()
	r.failed.r = r
	r.alarm.ring = func() { r.queue.post(r.alarm.rang) }
	r.timers = NewTimers(r.epoch, r.elapsed)
	if opts.Debug {
		r.timers.debug = make(map[*DelayedCall][]uintptr)
	}
	r.pool = NewThreadPool(PoolOptions{Max: opts.MaxThreads, MaxQueue: opts.MaxThreadQueue, Logger: opts.Logger})
	if opts.Watchdog > 0 {
		r.watch = newWatchdog(r, opts.Watchdog)
	}
	r.resolver = net.DefaultResolver
	r.run.Store(newRunEnd())
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.stopSignals = nop
	r.stopDeadline = func() bool { return false }
	r.event(Startup).during = r.started
	r.event(Shutdown).during = r.disconnect
	r.event(Shutdown).done = r.finish
	return r
}

// Default returns the reactor of the process, for ported code that expects a global one. It is made on first use, with the zero Options.
// New code passes a *Reactor. Any goroutine may call it.
func Default() *Reactor { return defaultReactor() }

var defaultReactor = sync.OnceValue(func() *Reactor { return New(Options{}) })

// Run fires the startup event and turns the loop on the calling goroutine, until Stop or Crash; it returns only then (R1). It returns nil
// after a stop and after a crash, ErrReactorAlreadyRunning if the reactor runs (R3), ErrReactorNotRestartable if it was stopped before (R4),
// and ErrShutdownTimeout if it had to leave a goroutine behind.
//
// A callback that calls runtime.Goexit, as t.FailNow does, takes the goroutine away from the loop: connections and listeners are closed,
// whoever waits for the loop gets ErrReactorEnded, and the deferred calls of Run's caller run.
func (r *Reactor) Run() error {
	if err := r.begin(); err != nil {
		return err
	}
	if !r.loopID.CompareAndSwap(0, goroutineID()) {
		r.state.Store(stateIdle)
		return ErrReactorAlreadyRunning // by Iterate
	}
	defer deferred.BindOwner().Release()
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
	r.FireSystemEvent(Startup)
	for !r.finished && !r.crashed() {
		r.turn(forever)
	}
	err := r.drain()
	r.failed.end()
	returning = true
	return err
}

// RunContext is Run that also stops, as Stop does, when ctx is done (R536). It returns nil then.
func (r *Reactor) RunContext(ctx context.Context) error {
	asked := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(asked)
		r.CallFromThread(func() { _ = r.Stop() }) // an error means that it is stopping already
	})
	err := r.Run()
	if !cancel() {
		<-asked
	}
	return err
}

// Stop asks for the shutdown: the shutdown event is fired at the end of the turn, and when that is over Run returns (R6, R7). Any goroutine
// may call it. It returns ErrReactorNotRunning if the reactor was not started, is stopping, or has stopped (R5).
func (r *Reactor) Stop() error {
	if !r.state.CompareAndSwap(stateActive, stateStopping) {
		return ErrReactorNotRunning
	}
	r.queue.post(nop)
	return nil
}

// Crash ends the loop when the present turn is over, without the shutdown event; Run may be called again (R10, R11). Connections
// stay as they are. After a Stop the end is for good (R4), and connections are closed. Any goroutine may call it. It returns
// ErrReactorNotRunning if Run does not run.
func (r *Reactor) Crash() error {
	if !r.state.CompareAndSwap(stateActive, stateCrashed) && !r.state.CompareAndSwap(stateStopping, stateBroken) {
		return ErrReactorNotRunning
	}
	r.running.Store(false)
	r.queue.post(nop)
	return nil
}

// Running reports whether the reactor runs: from the "during startup" phase to the "during shutdown" phase (R2). Any goroutine may call it.
func (r *Reactor) Running() bool { return r.running.Load() }

// OnLoop reports whether the caller is on the goroutine of the loop, or in a coroutine that was resumed there (R16). Any goroutine may call
// it. It reads the goroutine's number from its stack trace, which takes some microseconds: it is for checks before an operation that
// blocks, not for every call.
func (r *Reactor) OnLoop() bool { return onGoroutine(r.loopID.Load()) }

// StopSignal returns the signal that stopped the reactor, nil if none did (R48). Any goroutine may call it.
func (r *Reactor) StopSignal() os.Signal {
	b, _ := r.signal.Load().(signalBox)
	return b.Signal
}

func nop() {}

// crashed reports whether Run is to return at once.
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

// started is the first thing in the "during startup" phase.
func (r *Reactor) started() {
	if r.shutting {
		return // the stop came before the triggers of the startup were done
	}
	r.running.Store(true)
	r.pool.Start()
	r.watchSignals()
}

// endRun is the last thing in Run.
func (r *Reactor) endRun() {
	r.running.Store(false)
	r.alarm.stop()
	r.stopSignals()
	if r.state.CompareAndSwap(stateCrashed, stateIdle) {
		r.shutting = false
		close(r.run.Swap(newRunEnd()).ended)
		return
	}
	r.cancel(ErrReactorEnded)
	r.stats.Delayed = r.timers.Len()
	r.queue.end(&r.stats)
	r.state.Store(stateEnded)
	close(r.run.Load().ended)
}
