package reactor

import (
	"fmt"
	"sync/atomic"
	"time"
)

// watchdog finds callbacks that take longer than a limit. The loop notes when a
// callback begins. A goroutine looks now and then, and logs the loop's stack if
// the callback is still running. The loop itself logs a callback that ended
// before the goroutine looked, without a stack.
type watchdog struct {
	r      *Reactor
	limit  time.Duration
	began  atomic.Int64 // on the reactor's clock, plus 1; 0 between callbacks
	logged atomic.Int64 // began of the callback that was logged last
	call   atomic.Pointer[func()]
}

func newWatchdog(r *Reactor, limit time.Duration) *watchdog { return &watchdog{r: r, limit: limit} }

// run runs f and measures the time it takes.
func (w *watchdog) run(f func()) {
	began := w.r.elapsed()
	w.call.Store(&f)
	w.began.Store(int64(began) + 1)
	defer func() { // also after a panic
		w.began.Store(0)
		took := w.r.elapsed() - began
		w.r.stats.callRan(took, f)
		if took >= w.limit && w.logged.Load() != int64(began)+1 {
			w.r.logger().Warn("reactor: a callback has blocked the loop", "function", funcName(f), "took", took)
		}
	}()
	f()
}

// startWatchdog starts the goroutine of the watchdog, if there is one. stop
// ends the goroutine.
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

// look logs the present callback, once, if it has run for the limit or longer.
func (w *watchdog) look() {
	began := w.began.Load()
	if began == 0 || began == w.logged.Load() {
		return
	}
	call := w.call.Load()
	runs := w.r.elapsed() - time.Duration(began-1)
	if runs < w.limit || w.began.Load() != began {
		return
	}
	w.logged.Store(began)
	// The stack is part of the message, because slog's default handler prints a
	// message as it is, but an attribute of several lines quoted on one line.
	w.r.logger().Warn(fmt.Sprintf("reactor: a callback blocks the loop\n%s", stackOf(w.r.loopID.Load())),
		"function", funcName(*call), "for", runs)
}
