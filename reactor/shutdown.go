package reactor

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// shutDown fires the shutdown event. When the shutdown timeout has passed, the
// event goes on without the Deferreds that have not fired.
func (r *Reactor) shutDown() {
	r.shutting = true
	e := r.event(Shutdown)
	r.fireEvent(e)
	if !e.firing {
		return
	}
	r.stopDeadline = r.deadline(func() {
		if e.firing && e.now == Before {
			r.logger().Error("reactor: shutdown timeout; continuing without the Deferreds of \"before shutdown\" triggers", "waiting", e.pending)
			e.pending = 0
			r.advance(e)
		}
	})
}

// disconnect begins the "during shutdown" phase. disconnect closes all
// connections and listeners, in the order in which they were opened.
func (r *Reactor) disconnect() {
	r.running.Store(false)
	r.cancel(ErrReactorEnded)
	r.disconnected = true
	for _, key := range slices.Sorted(maps.Keys(r.open)) {
		if s, still := r.open[key]; still {
			s.shutDown()
		}
	}
}

// finish is called when the shutdown event is over.
func (r *Reactor) finish() {
	r.finished = true
	r.stopDeadline()
	if r.loopID.Load() == 0 {
		_ = r.pool.Stop() // the event was fired without Run, so nothing runs in the pool
	}
}

// drain runs the loop until the functions in threads and the reactor's other
// goroutines have ended. drain returns ErrShutdownTimeout if that takes longer
// than the shutdown timeout.
func (r *Reactor) drain() (err error) {
	switch r.state.Load() {
	case stateCrashed:
		r.pool.suspend()
		return nil
	case stateBroken:
		r.breakDown()
		return nil
	}
	r.stopSignals()
	r.spawn(func() { _ = r.pool.Stop() }) // ends with the last function in a thread
	stop := r.deadline(func() { err = ErrShutdownTimeout })
	defer stop()
	waits := func() bool { return err == nil && r.busy.Load() > 0 && !r.crashed() }
	for more := true; more; more = waits() {
		for waits() {
			r.iterate(forever)
		}
		r.iterate(0) // runs the last posts
	}
	return err
}

// breakDown ends a reactor whose loop no longer runs. breakDown closes
// everything and waits for nothing.
func (r *Reactor) breakDown() {
	r.disconnect()
	r.pool.abandon()
}

// deadline runs f on the loop when the shutdown timeout has passed.
func (r *Reactor) deadline(f func()) (stop func() bool) {
	limit := r.opts.ShutdownTimeout
	if limit == 0 {
		limit = DefaultShutdownTimeout
	}
	if limit < 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(limit, func() { r.CallFromThread(f) }).Stop
}

// Hold keeps Run from returning until release is called, as
// sync.WaitGroup.Add(1) keeps Wait from returning until Done. Use Hold for your
// own goroutines that post to the loop: at the end of the shutdown, after the
// connections were closed and the triggers have run, the loop still runs their
// posts. Options.ShutdownTimeout limits the wait.
//
// Any goroutine may call Hold and release. Only the first call of release
// counts.
func (r *Reactor) Hold() (release func()) {
	r.busy.Add(1)
	return sync.OnceFunc(func() {
		r.busy.Add(-1)
		r.queue.post(nop) // wakes drain
	})
}

// spawn starts a goroutine of the reactor. Run waits for it at the end, so f
// must return after the shutdown.
func (r *Reactor) spawn(f func()) {
	release := r.Hold()
	go func() { // ends with f
		defer release()
		f()
	}()
}
