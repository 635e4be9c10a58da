package deferred

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
)

// UnhandledError reports a Deferred that was garbage collected while its result
// was a failure that no errback had handled.
type UnhandledError struct {
	Err     error  // the failure
	Created string // the stack on which the Deferred was made, in debug mode
	Fired   string // the stack on which it was fired, in debug mode
}

func (e *UnhandledError) Error() string { return fmt.Sprintf("deferred: unhandled error: %v", e.Err) }

// Unwrap returns the failure.
func (e *UnhandledError) Unwrap() error { return e.Err }

// OnUnhandled makes f the receiver of the reports of unhandled failures in this
// process. Without a receiver they go to slog's default logger at the error
// level. f is called on a goroutine of the runtime and must not block. A
// Deferred is reported once, by the garbage collection that finds it
// unreachable; a running reactor brings such a collection about, see
// [Failures]. Calling restore makes the earlier receiver the receiver again.
// OnUnhandled may be called from any goroutine.
func OnUnhandled(f func(*UnhandledError)) (restore func()) {
	old := onUnhandled.Swap(&f)
	return func() { onUnhandled.Store(old) }
}

var onUnhandled atomic.Pointer[func(*UnhandledError)]

// Failures returns how many Deferreds rest on a failure at present, because
// nothing has handled it yet, and how often that has begun in this process. A
// reactor that goes to sleep while there are some calls [Collect] a second
// later. Any goroutine may call Failures; it costs two atomic loads.
func Failures() (resting int, ever uint64) {
	return int(failures.resting.Load()), failures.ever.Load()
}

var failures struct {
	resting atomic.Int64
	ever    atomic.Uint64
}

// Collect runs a garbage collection, and returns when its findings are known:
// unhandled failures are reported, and abandoned coroutines are ready for
// [EndAbandoned]. It returns false if a receiver of reports, or another cleanup
// function of the program, blocks. Any goroutine may call Collect, but on the
// loop of a reactor everything waits meanwhile.
func Collect() (complete bool) {
	var due uint64
	for round := range maxCollections { // a further collection flushes the queues of the one before
		runtime.GC()
		for range 100 {
			queued, executed := cleanups()
			if round == 0 {
				due = queued
			}
			if queued == executed || round >= enoughCollections && executed >= due {
				return true
			}
			runtime.Gosched()
		}
	}
	return false
}

const (
	// maxCollections bounds the wait of Collect. It is no time limit, because
	// the time of a testing/synctest bubble stands still meanwhile.
	maxCollections = 100

	// enoughCollections is the number of collections after which Collect does
	// not wait for cleanup functions that were queued since it was called. A
	// busy program may queue some all the time.
	enoughCollections = 10
)

// cleanups returns how many cleanup functions the runtime has queued and
// executed. The runtime reads the second number first, and neither decreases.
// So if the two are equal, no cleanup function was queued or running when it
// began.
func cleanups() (queued, executed uint64) {
	counts := []metrics.Sample{
		{Name: "/gc/cleanups/queued:cleanups"},
		{Name: "/gc/cleanups/executed:cleanups"},
	}
	metrics.Read(counts)
	return counts[0].Value.Uint64(), counts[1].Value.Uint64()
}

// record is the part of a chain that outlives the chain: the data of a report.
// It must not reach the chain.
type record struct {
	created, fired stack
	owner          *Owner // in debug mode: the owner that the chain is bound to
	cleanup        runtime.Cleanup
	attached       bool
	err            error       // the failure that the chain rests on
	armed          atomic.Bool // err is to be reported; orders the owner's writes before the reads of report
}

func (c *chain) recordCreation() {
	if c.record == nil {
		c.record = new(record)
	}
	c.record.created = callers()
	c.record.owner = currentOwner()
}

// noteFiring may be called without a record.
func (r *record) noteFiring() {
	if r != nil {
		r.fired = callers()
	}
}

// rest is called when there is nothing left to run. If the result is a failure,
// it is reported should the chain be collected in this state. If it is none, a
// report is no longer due.
func (c *chain) rest() {
	switch {
	case c.err != nil:
		c.arm()
	case c.record != nil && c.record.attached:
		c.record.disarm()
	}
	runtime.KeepAlive(c) // no report while the record changes
}

func (c *chain) arm() {
	if c.record == nil {
		c.record = new(record)
	}
	r := c.record
	r.err = c.err
	r.armed.Store(true)
	if !r.attached {
		r.attached = true
		r.cleanup = runtime.AddCleanup(c, (*record).report, r)
		failures.resting.Add(1)
		failures.ever.Add(1)
	}
}

func (r *record) disarm() {
	r.armed.Store(false)
	r.cleanup.Stop()
	r.attached = false
	r.err = nil
	failures.resting.Add(-1)
}

// report runs on a goroutine of the runtime when the chain is gone.
func (r *record) report() {
	if !r.armed.Load() {
		return
	}
	failures.resting.Add(-1)
	e := &UnhandledError{Err: r.err, Created: r.created.String(), Fired: r.fired.String()}
	if f := onUnhandled.Load(); f != nil {
		(*f)(e)
		return
	}
	logUnhandled(e)
}

// logUnhandled logs the report, with the stacks only if they were recorded.
func logUnhandled(e *UnhandledError) {
	var stacks []any
	if e.Created != "" {
		stacks = []any{"created", e.Created, "fired", e.Fired}
	}
	logFailure("unhandled ", e.Err, stacks...)
}
