package reactor

import (
	"sync/atomic"
	"time"
)

// watchdog finds callbacks that hold the loop for longer than a limit, the commonest mistake in programs of this kind. The loop notes when
// a callback began; a goroutine looks now and then, and logs the loop's stack while the callback is at it. One that was over before
// the goroutine looked is logged by the loop, without a stack.
type watchdog struct {
	r     *Reactor
	limit time.Duration
	began atomic.Int64 // on the reactor's clock, plus 1; 0 between callbacks
	told  atomic.Int64 // began of the callback that was logged last
	call  atomic.Pointer[func()]
}

func newWatchdog(r *Reactor, limit time.Duration) *watchdog { return &watchdog{r: r, limit: limit} }

// run runs f and takes its time.
func (w *watchdog) run(f func()) {
	began := w.r.elapsed()
	w.call.Store(&f)
	w.began.Store(int64(began) + 1)
	defer func() { // also for a panic
		w.began.Store(0)
		took := w.r.elapsed() - began
		w.r.stats.callRan(took, f)
		if took >= w.limit && w.told.Load() != int64(began)+1 {
			w.r.logger().Warn("reactor: a callback held the loop", "function", funcName(f), "took", took)
		}
	}()
	f()
}

// startWatchdog starts the watching goroutine, if it is wanted; stop ends it.
func (r *Reactor) startWatchdog() (stop func()) {
	if r.watch == nil {
		return nop
	}
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends with Run, which waits for it
		defer close(stopped)
		r.watch.patrol(stopping)
	}()
	return func() {
		close(stopping)
		<-stopped
	}
}

func (w *watchdog) patrol(stop <-chan struct{}) {
	ticks := time.NewTicker(max(w.limit/4, time.Millisecond))
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			w.look()
		case <-stop:
			return
		}
	}
}

// look logs the callback that runs now if it has run for too long.
func (w *watchdog) look() {
	began := w.began.Load()
	if began == 0 || began == w.told.Load() {
		return
	}
	call := w.call.Load()
	held := w.r.elapsed() - time.Duration(began-1)
	if held < w.limit || w.began.Load() != began {
		return
	}
	w.told.Store(began)
	w.r.logger().Warn("reactor: a callback holds the loop", "function", funcName(*call), "for", held,
		"stack", string(stackOf(w.r.loopID.Load())))
}
