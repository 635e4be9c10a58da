package reactor

import (
	"fmt"

	"github.com/hawser-go/hawser/deferred"
)

// Phase is a part of a system event. The phases run in order: all triggers of
// one, then those of the next.
type Phase uint8

// The phases of a system event.
const (
	Before Phase = iota // triggers may return Deferreds, which delay the next phase
	During
	After
)

// The system events that a Reactor fires itself. FireSystemEvent fires events
// of any other name.
const (
	Startup  = "startup"  // Run begins
	Shutdown = "shutdown" // Run is about to return
)

// Trigger is a function registered for a system event. AddSystemEventTrigger
// returns a Trigger, for RemoveSystemEventTrigger.
type Trigger struct {
	event *event
	phase Phase
	state triggerState
	f     func() deferred.Deferred[struct{}]
}

type triggerState uint8

const (
	_ triggerState = iota // never registered
	triggerWaits
	triggerRan
	triggerRemoved
)

// AddSystemEventTrigger registers f for one firing of a system event. The
// triggers of a phase run in the order of registration. If the event is in
// progress, a trigger for the present phase or a later one takes part; a
// trigger for an earlier phase waits for the next firing. A panic in f is
// logged, and the other triggers run. Call AddSystemEventTrigger on the loop,
// or before Run.
//
// Running returns false in "before startup" triggers, true from "during
// startup" to "before shutdown", and false after that.
//
// AddSystemEventTrigger panics if f is nil or there is no such phase.
func (r *Reactor) AddSystemEventTrigger(phase Phase, event string, f func()) *Trigger {
	r.mustBeOnLoop("AddSystemEventTrigger")
	if f == nil {
		panic(nilFunction("AddSystemEventTrigger"))
	}
	return r.addTrigger(phase, event, func() (none deferred.Deferred[struct{}]) {
		f()
		return none
	})
}

// AddSystemEventTriggerDeferred is like AddSystemEventTrigger, but f returns a
// Deferred. The "during" phase begins when the Deferreds of all "before"
// triggers have fired, with a value or a failure. If f returns the zero
// Deferred, nothing waits. In the other phases the Deferred is ignored.
func (r *Reactor) AddSystemEventTriggerDeferred(phase Phase, event string, f func() deferred.Deferred[struct{}]) *Trigger {
	r.mustBeOnLoop("AddSystemEventTriggerDeferred")
	if f == nil {
		panic(nilFunction("AddSystemEventTriggerDeferred"))
	}
	return r.addTrigger(phase, event, f)
}

func (r *Reactor) addTrigger(phase Phase, event string, f func() deferred.Deferred[struct{}]) *Trigger {
	if phase > After {
		panic(fmt.Sprintf("reactor: no phase %d; use Before, During or After", phase))
	}
	e := r.event(event)
	t := &Trigger{event: e, phase: phase, state: triggerWaits, f: f}
	e.triggers[phase] = append(e.triggers[phase], t)
	return t
}

// RemoveSystemEventTrigger prevents t from running. RemoveSystemEventTrigger
// returns ErrTriggerGone if t has run or was removed before. If t is a "before"
// trigger that has run, and its event is still in that phase,
// RemoveSystemEventTrigger only logs a warning. Call RemoveSystemEventTrigger
// on the loop, or before Run.
func (r *Reactor) RemoveSystemEventTrigger(t *Trigger) error {
	r.mustBeOnLoop("RemoveSystemEventTrigger")
	switch {
	case t == nil:
		return ErrTriggerGone
	case t.state == triggerWaits:
		t.state = triggerRemoved
		t.f = nil
		return nil
	case t.state == triggerRan && t.phase == Before && t.event.firing && t.event.now == Before:
		r.logger().Warn("reactor: a \"before\" trigger was removed after it had run")
		return nil
	}
	return ErrTriggerGone
}

// CallWhenRunning runs f on the loop once the reactor is running. If the
// reactor is running already, CallWhenRunning calls f and returns nil.
// Otherwise f runs after startup, in the order of the calls, and
// CallWhenRunning returns the trigger. Call CallWhenRunning on the loop, or
// before Run.
func (r *Reactor) CallWhenRunning(f func()) *Trigger {
	r.mustBeOnLoop("CallWhenRunning")
	if r.Running() {
		f()
		return nil
	}
	return r.AddSystemEventTrigger(After, Startup, f)
}

// event is a system event of one name.
type event struct {
	triggers [3][]*Trigger // by phase
	firing   bool
	now      Phase  // while firing
	inPhase  bool   // runPhase is active
	pending  int    // Deferreds that the "during" phase waits for
	round    int    // number of "before" phases; Deferreds of earlier rounds are ignored
	during   func() // the reactor's own first step of the "during" phase; may be nil
	done     func() // the reactor's own last step; may be nil
}

func (r *Reactor) event(name string) *event {
	e := r.events[name]
	if e == nil {
		e = new(event)
		r.events[name] = e
	}
	return e
}

// fireEvent begins an event, unless the event is in progress.
func (r *Reactor) fireEvent(e *event) {
	if e.firing {
		return
	}
	e.firing, e.now = true, Before
	r.advance(e)
}

// advance runs phases, from the present one on, until a Deferred must be waited
// for or the event is over.
func (r *Reactor) advance(e *event) {
	if e.now == Before {
		r.runPhase(e)
		if e.pending > 0 {
			return
		}
		e.now = During
		e.round++
		if e.during != nil {
			e.during()
		}
	}
	r.runPhase(e)
	e.now = After
	r.runPhase(e)
	e.firing = false
	if e.done != nil {
		e.done()
	}
}

// runPhase runs the triggers of the present phase, including triggers that are
// added meanwhile.
func (r *Reactor) runPhase(e *event) {
	e.inPhase = true
	defer func() { e.inPhase = false }()
	for phase := e.now; len(e.triggers[phase]) > 0; {
		t := e.triggers[phase][0]
		e.triggers[phase] = e.triggers[phase][1:]
		if t.state != triggerWaits {
			continue
		}
		t.state = triggerRan
		f := t.f
		t.f = nil
		r.guard("a trigger of a system event", func() { r.await(e, f()) })
	}
}

// await makes the event wait for the Deferred of a "before" trigger. The result
// stays in d, so that a failure without an errback is reported as unhandled.
func (r *Reactor) await(e *event, d deferred.Deferred[struct{}]) {
	if e.now != Before || d == (deferred.Deferred[struct{}]{}) {
		return
	}
	round := e.round
	e.pending++
	d.AddBoth(func(v struct{}, err error) (struct{}, error) {
		if e.round != round {
			return v, err // the shutdown timeout has passed
		}
		e.pending--
		if e.pending == 0 && !e.inPhase {
			r.advance(e)
		}
		return v, err
	})
}
