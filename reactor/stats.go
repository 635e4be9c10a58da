package reactor

import "time"

// Stats are the statistics of a loop, counted from New on. In JSON, durations
// are nanoseconds. To publish them:
//
//	expvar.Publish("reactor", expvar.Func(func() any { return r.Stats() }))
type Stats struct {
	Iterations uint64 // iterations of the loop
	Calls      uint64 // posted functions that have run; connections post their events, too
	Timers     uint64 // delayed calls that have run

	Queued  int // posted functions that wait for the next iteration
	Delayed int // pending delayed calls

	Lateness    time.Duration // from the due time of the last delayed call to the iteration that ran it
	MaxLateness time.Duration // the maximum of Lateness

	LongestCall     time.Duration // the longest time of one callback; measured only with Options.Watchdog
	LongestCallName string        // the function of that callback

	ThreadsBusy   int // functions that run in threads
	ThreadsQueued int // functions that wait for a thread
}

// Stats returns the statistics. While the loop is busy, those of the loop may
// be some iterations old; Queued and those of the threads are up to date. Any
// goroutine may call Stats.
func (r *Reactor) Stats() Stats {
	s, queued := r.queue.statistics(&r.stats)
	s.Queued = queued
	threads := r.pool.Stats()
	s.ThreadsBusy, s.ThreadsQueued = threads.Busy, threads.Queued
	return s
}

// statistics returns the loop's statistics. The loop changes live. Other
// goroutines read live only while the loop sleeps: clearing sleeping keeps the
// loop asleep until something is sent to wake.
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
