package reactor

import "time"

const forever time.Duration = 1<<63 - 1

// Iterate performs one turn on the calling goroutine: it waits up to limit for something to do, runs the functions that were posted and the
// calls that are due, and returns (R12). It is for programs that own their loop; it returns ErrReactorAlreadyRunning inside Run or itself.
func (r *Reactor) Iterate(limit time.Duration) error {
	if !r.loopID.CompareAndSwap(0, goroutineID()) {
		return ErrReactorAlreadyRunning
	}
	defer r.loopID.Store(0)
	r.turn(limit)
	return nil
}

// turn is one pass of the loop: what was posted up to now, then the calls due at one reading of the clock. What those add waits for the
// next turn, so nothing can starve the rest (R52, R53, R76).
func (r *Reactor) turn(limit time.Duration) {
	r.stats.Turns++
	r.stats.Delayed = r.timers.live
	f := r.wait(limit)
	if f != nil {
		r.stats.Calls++
		r.runOne(f)
	} else {
		r.runQueue()
	}
	if r.timers.live > 0 && !(f != nil && r.asleepUntilNow()) {
		r.runTimers()
	}
	r.flush()
	if r.state.Load() == stateStopping && !r.shutting {
		r.shutDown()
	}
}

// asleepUntilNow reports, in a turn that began with the loop asleep, that no delayed call can have become due, because the alarm for it has not
// rung. That spares such turns a reading of the clock.
func (r *Reactor) asleepUntilNow() bool {
	when, ok := r.timers.next()
	return ok && r.alarm.rings(when)
}

// wait waits until there is something to do. If that is a function that was handed over, it returns it.
func (r *Reactor) wait(limit time.Duration) func() {
	if !r.mayWait(limit) {
		return nil
	}
	if r.unpublished++; r.unpublished > publishAfter {
		r.unpublished = 0
		r.queue.publish(&r.stats)
	}
	return r.queue.sleep()
}

// publishAfter is the number of turns after which a loop that never has a queue publishes its statistics.
const publishAfter = 64

// runQueue runs what is in the queue.
func (r *Reactor) runQueue() {
	batch, n := r.queue.take(&r.stats)
	r.stats.Calls += uint64(n)
	for batch != nil {
		r.runBatch(batch.funcs[:batch.n])
		batch = r.queue.recycle(batch)
	}
}

// mayWait reports whether the turn may wait for a post. It sets the alarm, whose ringing is a post, for the next delayed call or the limit.
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

// runBatch runs posted functions in order. A panic in one is logged and the others run (R77).
func (r *Reactor) runBatch(batch []func()) {
	for done := 0; done < len(batch); {
		done += r.runSome(batch[done:])
	}
}

// runOne is runBatch for the function that woke the loop.
func (r *Reactor) runOne(f func()) {
	defer r.recoverPosted()
	r.invoke(f)
}

// runSome runs functions up to the first panic and returns how many it ran. One deferred call for all keeps the single one cheap.
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

// runDue runs due calls up to the first panic; more is true if it may have left some.
func (r *Reactor) runDue(now int64) (more bool) {
	var c *DelayedCall
	defer func() {
		if v := recover(); v != nil {
			_ = r.panicked(r.timers.describe(c), v)
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

// invoke runs one callback, under the eyes of the watchdog if there is one.
func (r *Reactor) invoke(f func()) {
	if r.watch == nil {
		f()
		return
	}
	r.watch.run(f)
}

// alarm posts a function when the next delayed call is due. It is set again only if it would ring too late: the loop rather wakes up in vain
// now and then than touching the runtime's timer in every turn.
type alarm struct {
	ring  func() // posts rang
	timer *time.Timer
	armed bool
	due   int64 // while armed
}

// rings reports whether the alarm will ring at when at the latest.
func (a *alarm) rings(when int64) bool { return a.armed && a.due <= when }

// set makes the alarm ring at due at the latest.
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
