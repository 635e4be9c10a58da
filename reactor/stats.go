package reactor

import "time"

// Stats are the figures of a loop. They count from New on; durations are nanoseconds in JSON. To publish them:
//
//	expvar.Publish("reactor", expvar.Func(func() any { return r.Stats() }))
type Stats struct {
	Turns  uint64 // passes of the loop
	Calls  uint64 // functions run that came through CallFromThread, connections' events included
	Timers uint64 // delayed calls run

	Queued  int // posted functions that wait for the next turn
	Delayed int // delayed calls to come

	Lateness    time.Duration // of the delayed call that ran last: how long after its due time the turn began that ran it
	MaxLateness time.Duration // the largest one

	LongestCall     time.Duration // the longest time that one callback held the loop; measured with Options.Watchdog only
	LongestCallName string        // its function

	ThreadsBusy   int // functions that run in threads
	ThreadsQueued int // functions that wait for a thread
}

// Stats returns the figures. While the loop is busy they may be some turns old; the lengths of the queue and those of the threads
// are of this moment. Any goroutine may call it.
func (r *Reactor) Stats() Stats {
	s, queued := r.queue.statistics(&r.stats)
	s.Queued = queued
	threads := r.pool.Stats()
	s.ThreadsBusy, s.ThreadsQueued = threads.Busy, threads.Queued
	return s
}

// statistics returns the figures of the loop. live are those that the loop counts in, which may be read while it sleeps: whoever clears
// sleeping has the loop to itself until it wakes it.
func (q *queue) statistics(live *Stats) (s Stats, queued int) {
	if q.sleeping.Load() && q.sleeping.CompareAndSwap(true, false) {
		s = *live
		q.wake <- nop
		return s, 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats, q.n
}

func (q *queue) publish(s *Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats = *s
}

func (s *Stats) timerRan(late time.Duration) {
	s.Timers++
	s.Lateness = late
	s.MaxLateness = max(s.MaxLateness, late)
}

func (s *Stats) callRan(took time.Duration, f func()) {
	if took > s.LongestCall {
		s.LongestCall, s.LongestCallName = took, funcName(f)
	}
}
