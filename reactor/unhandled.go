package reactor

import (
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// failureWatch makes the unhandled failures of Deferreds known in a program
// that does little. They are found by the garbage collector, which such a
// program rarely needs. When the loop goes to sleep while some Deferred rests
// on a failure, a collection follows a second later, and others after longer
// pauses if that failure is still there. Without such a Deferred it costs two
// atomic loads.
//
// It belongs to the loop.
type failureWatch struct {
	r       *Reactor
	ever    uint64        // failures that were there at the last look
	pause   time.Duration // until the next collection
	timer   *time.Timer   // nil if there is none
	running chan struct{} // closed when the timer's function has returned
}

const (
	firstReport = time.Second // pause before the first collection after a failure
	wakeReport  = 16 * time.Second
	maxReport   = time.Minute
)

// look is called when the loop is about to sleep.
func (w *failureWatch) look() {
	resting, ever := deferred.Failures()
	if resting == 0 || w.waiting() {
		return
	}
	if ever != w.ever {
		w.ever, w.pause = ever, firstReport
	}
	// The loop of an idle program is woken for the next look, but only a few
	// times: while nothing happens, nothing becomes unreachable.
	again := w.pause <= wakeReport
	w.running = make(chan struct{})
	w.timer = time.AfterFunc(w.pause, func() {
		defer close(w.running)
		deferred.Collect()
		if again {
			w.r.queue.post(nop)
		}
	})
	w.pause = min(2*w.pause, maxReport)
}

// waiting reports whether a collection is to come or in progress.
func (w *failureWatch) waiting() bool {
	if w.timer == nil {
		return false
	}
	select {
	case <-w.running:
		return false
	default:
		return true
	}
}

// end reports what there is, after the last callback of the loop.
func (w *failureWatch) end() {
	if w.timer != nil && !w.timer.Stop() {
		<-w.running
	}
	if resting, _ := deferred.Failures(); resting > 0 {
		deferred.Collect()
	}
}
