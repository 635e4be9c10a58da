package deferred

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
)

// UnhandledError is the report of a Deferred that was collected while its result was a failure that no errback had handled.
type UnhandledError struct {
	Err     error  // the failure
	Created string // where the Deferred was made, in debug mode
	Fired   string // where it was fired, in debug mode
}

func (e *UnhandledError) Error() string { return fmt.Sprintf("deferred: unhandled error: %v", e.Err) }

// Unwrap returns the failure.
func (e *UnhandledError) Unwrap() error { return e.Err }

// OnUnhandled makes f the receiver of the reports of unhandled failures in this process and returns what undoes it. Without a receiver
// they go to slog's default logger at the error level. f is called on a goroutine of the runtime and must not block; it cannot
// reach the Deferred, which is gone. A Deferred is reported once, some time after it became unreachable. OnUnhandled may be called
// from any goroutine.
func OnUnhandled(f func(*UnhandledError)) (restore func()) {
	old := onUnhandled.Swap(&f)
	return func() { onUnhandled.Store(old) }
}

var onUnhandled atomic.Pointer[func(*UnhandledError)]

// record is what outlives a chain: what a report needs. It must not reach the chain.
type record struct {
	created, fired stack
	owner          *owner // in debug mode: the goroutine that the chain is bound to
	cleanup        runtime.Cleanup
	attached       bool
	err            error       // the failure the chain rests on
	armed          atomic.Bool // err is to be reported; also orders the owner's writes before the cleanup's reads
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

// rest is called when there is nothing left to run. If the result is a failure, it is reported should the chain be collected in this
// state; if not, a report is no longer due.
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
	}
}

func (r *record) disarm() {
	r.armed.Store(false)
	r.cleanup.Stop()
	r.attached = false
	r.err = nil
}

// report runs on a goroutine of the runtime when the chain is gone.
func (r *record) report() {
	if !r.armed.Load() {
		return
	}
	e := &UnhandledError{Err: r.err, Created: r.created.String(), Fired: r.fired.String()}
	if f := onUnhandled.Load(); f != nil {
		(*f)(e)
		return
	}
	slog.Error("Unhandled error in Deferred", "err", e.Err, "created", e.Created, "fired", e.Fired)
}
