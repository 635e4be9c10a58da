package reactor

import "fmt"

// OffLoopError is the panic value, with Options.Debug, of a method that belongs
// to the loop and was called on another goroutine while the loop ran.
type OffLoopError struct {
	Op string // the method
}

func (e *OffLoopError) Error() string {
	return fmt.Sprintf("reactor: %s called off the loop; post a function to the loop with CallFromThread", e.Op)
}

// mustBeOnLoop panics with an *OffLoopError if the loop runs and the caller is
// not on its goroutine. Without Options.Debug it does nothing.
func (r *Reactor) mustBeOnLoop(op string) {
	if r.opts.Debug {
		r.checkGoroutine(op)
	}
}

// checkGoroutine looks at the traces of all goroutines only at the first call
// of a coroutine in an iteration.
func (r *Reactor) checkGoroutine(op string) {
	id := r.loopID.Load()
	if id == 0 {
		return
	}
	if r.queue.sleeping.Load() {
		panic(&OffLoopError{Op: op})
	}
	if r.here() {
		return
	}
	own := goroutineID()
	if own == r.checked.Load() {
		return
	}
	if inCoroutineOf(id, allTraces) == no {
		panic(&OffLoopError{Op: op})
	}
	r.checked.Store(own)
}
