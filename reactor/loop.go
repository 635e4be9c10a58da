package reactor

import "time"

const forever time.Duration = 1<<63 - 1

// Iterate runs one iteration of the loop on the calling goroutine: wait up to
// limit for something to do, run the posted functions and the due delayed
// calls, and return. Use Iterate in programs that have a loop of their own.
//
// Iterate returns ErrReactorAlreadyRunning during Run and during another
// Iterate.
func (r *Reactor) Iterate(limit time.Duration) error {
	if !r.loopID.CompareAndSwap(0, goroutineID()) {
		return ErrReactorAlreadyRunning
	}
	defer r.loopID.Store(0)
	defer r.bind()()
	r.iterate(limit)
	return nil
}

// iterate runs the functions that were posted before, and then the calls that
// are due at one reading of the clock. What these add waits for the next
// iteration, so that neither kind can starve the other.
func (r *Reactor) iterate(limit time.Duration) {
	r.stall.step()
	if r.opts.Debug {
		r.checked.Store(0)
	}
	r.stats.Iterations++
	r.stats.Delayed = r.timers.live
	f := r.wait(limit)
	if f != nil {
		r.stats.Calls++
		r.runOne(f)
	} else {
		r.runQueue()
	}
	if r.timers.live > 0 && !(f != nil && r.noneDue()) {
		r.runTimers()
	}
	r.flush()
	if r.state.Load() == stateStopping && !r.shutting {
		r.shutDown()
	}
}

// noneDue reports, in an iteration that began with the loop asleep, that no
// delayed call can be due, because the alarm has not rung. This saves a reading
// of the clock.
func (r *Reactor) noneDue() bool {
	when, ok := r.timers.next()
	return ok && r.alarm.rings(when)
}

// wait waits until there is something to do. wait returns the function that
// woke the loop, or nil.
func (r *Reactor) wait(limit time.Duration) func() {
	if !r.mayWait(limit) {
		return nil
	}
	if r.unpublished++; r.unpublished > publishAfter {
		r.unpublished = 0
		r.queue.publish(&r.stats)
	}
	r.failed.look()
	return r.queue.sleep()
}

// publishAfter is the number of iterations after which a loop that never has a
// queue publishes its statistics.
const publishAfter = 64

// runQueue runs the functions in the queue.
func (r *Reactor) runQueue() {
	batch, n := r.queue.take(&r.stats)
	r.stats.Calls += uint64(n)
	for batch != nil {
		r.runBatch(batch.funcs[:batch.n])
		batch = r.queue.recycle(batch)
		r.stall.step()
	}
}

// mayWait reports whether the iteration may wait for a post. mayWait sets the
// alarm, which posts, for the next delayed call or the limit.
func (r *Reactor) mayWait(limit time.Duration) bool {
	if limit <= 0 || len(r.dirty) > 0 { // written before the first iteration
		return false
	}
	when, ok := r.timers.next()
	if limit == forever && (!ok || r.alarm.rings(when)) {
		return true
	}
	now := int64(r.elapsed())
	if end := addTime(now, limit); !ok || when > end {
		when = end
	}
	if when <= now {
		return false
	}
	r.alarm.set(when, now)
	return true
}

// runBatch runs posted functions in order. A panic in one is logged, and the
// others run.
func (r *Reactor) runBatch(batch []func()) {
	for done := 0; done < len(batch); {
		done += r.runSome(batch[done:])
	}
}

// runOne runs the function that woke the loop.
func (r *Reactor) runOne(f func()) {
	defer r.recoverPosted()
	r.invoke(f)
}

// runSome runs functions up to the first panic and returns how many it ran. One
// deferred recover for all functions is cheaper.
func (r *Reactor) runSome(batch []func()) (done int) {
	defer r.recoverPosted()
	for _, f := range batch {
		done++
		r.invoke(f)
	}
	return done
}

// recoverPosted is deferred around posted functions.
func (r *Reactor) recoverPosted() {
	if v := recover(); v != nil {
		_ = r.panicked("a function given to CallFromThread", v)
	}
}

// runTimers runs the calls that are due.
func (r *Reactor) runTimers() {
	now := int64(r.elapsed())
	r.timers.hold()
	for more := true; more; {
		more = r.runDue(now)
	}
	r.timers.release()
}

// runDue runs due calls up to the first panic. runDue reports whether there may
// be more.
func (r *Reactor) runDue(now int64) (more bool) {
	var c *DelayedCall
	defer func() {
		if v := recover(); v != nil {
			r.delayedPanicked(c, v)
			more = true
		}
	}()
	for {
		var f func()
		c, f = r.timers.pop(now)
		if c == nil {
			return false
		}
		r.stats.timerRan(time.Duration(now - c.when()))
		r.invoke(f)
		delete(r.timers.debug, c)
	}
}

// invoke runs one callback, watched by the watchdog if there is one.
func (r *Reactor) invoke(f func()) {
	if r.watch == nil {
		f()
		return
	}
	r.watch.run(f)
}

// alarm posts a function when the next delayed call is due. set changes the
// time only if the alarm would ring too late: to wake up in vain now and then
// is cheaper than to reset the timer in every iteration.
type alarm struct {
	ring  func() // posts rang
	timer *time.Timer
	armed bool
	due   int64 // while armed
}

// rings reports whether the alarm will ring at when or before.
func (a *alarm) rings(when int64) bool { return a.armed && a.due <= when }

// set makes the alarm ring at due or before.
func (a *alarm) set(due, now int64) {
	if a.rings(due) {
		return
	}
	a.armed, a.due = true, due
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Duration(due-now), a.ring)
		return
	}
	a.timer.Reset(time.Duration(due - now))
}

// rang runs on the loop.
func (a *alarm) rang() { a.armed = false }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.armed = false
}
