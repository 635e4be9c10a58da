package reactor

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// shutDown fires the shutdown event. Deferreds of its triggers that do not fire in time are no longer waited for.
func (r *Reactor) shutDown() {
	r.shutting = true
	e := r.event(Shutdown)
	r.FireSystemEvent(Shutdown)
	if !e.firing {
		return
	}
	r.stopDeadline = r.deadline(func() {
		if e.firing && e.now == Before {
			r.logger().Error("reactor: the shutdown timeout has passed, going on without the Deferreds of its triggers", "waiting", e.pending)
			e.pending = 0
			r.advance(e)
		}
	})
}

// disconnect is the first thing in the "during shutdown" phase (R35).
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

// finish is told that the shutdown event is over.
func (r *Reactor) finish() {
	r.finished = true
	r.stopDeadline()
	if r.loopID.Load() == 0 {
		_ = r.pool.Stop() // the event was fired without Run: there is nothing to wait for (R86)
	}
}

// drain keeps the loop turning until the functions in threads and the reactor's other goroutines are done (R84, R95). It returns
// ErrShutdownTimeout if they are not in time.
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
			r.turn(forever)
		}
		r.turn(0) // what the last ones have posted
	}
	return err
}

// breakDown is what is left of a shutdown when the loop does not turn any more: it closes everything and waits for nothing.
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

// Hold makes Run wait at its end, when the connections are closed and the triggers have run, until release is called, or the shutdown timeout
// has passed: for goroutines that work for the loop and are not the reactor's own. What they post is run meanwhile. Hold and release may be called
// on any goroutine; further calls of release do nothing.
func (r *Reactor) Hold() (release func()) {
	r.busy.Add(1)
	return sync.OnceFunc(func() {
		r.busy.Add(-1)
		r.queue.post(nop) // drain looks again
	})
}

// spawn starts a goroutine of the reactor. Run waits for it at the end; f must know what ends it.
func (r *Reactor) spawn(f func()) {
	release := r.Hold()
	go func() {
		defer release()
		f()
	}()
}
