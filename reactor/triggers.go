package reactor

import (
	"fmt"

	"github.com/hawser-go/hawser/deferred"
)

// Phase is a part of a system event. The phases run in order: all triggers of one, then those of the next (R18).
type Phase uint8

// The phases of a system event.
const (
	Before Phase = iota // may answer with Deferreds, which are waited for
	During
	After
)

// The system events that a Reactor fires itself. Any other name may be used with FireSystemEvent.
const (
	Startup  = "startup"  // Run begins
	Shutdown = "shutdown" // Run is about to return
)

// Trigger is a function registered for a system event. AddSystemEventTrigger returns it, for removing it again.
type Trigger struct {
	event *event
	phase Phase
	state triggerState
	f     func() deferred.Deferred[struct{}]
}

type triggerState uint8

const (
	_ triggerState = iota // of a Trigger that was never registered
	triggerWaits
	triggerRan
	triggerRemoved
)

// AddSystemEventTrigger registers f for one firing of a system event (R26). Triggers of a phase run in the order of registration. A
// trigger added to the phase that is being run, or to a later one, takes part in this firing; one for an earlier phase waits for the
// next (R30). A panic in it is logged and the others run (R24). It panics if there is no such phase or f is nil (R19, R20).
//
// The running flag is false in "before startup", true from "during startup" to "before shutdown", and false after that (R34, R36).
func (r *Reactor) AddSystemEventTrigger(phase Phase, event string, f func()) *Trigger {
	if f == nil {
		panic("reactor: nil trigger")
	}
	return r.AddSystemEventTriggerDeferred(phase, event, func() (none deferred.Deferred[struct{}]) {
		f()
		return none
	})
}

// AddSystemEventTriggerDeferred is AddSystemEventTrigger for a function that may answer with a Deferred: the "during" phase begins when
// those of all "before" triggers have fired, with whatever result (R21). The zero Deferred means that there is nothing to wait for. In the
// other phases the answer is ignored (R25).
func (r *Reactor) AddSystemEventTriggerDeferred(phase Phase, event string, f func() deferred.Deferred[struct{}]) *Trigger {
	if f == nil {
		panic("reactor: nil trigger")
	}
	if phase > After {
		panic(fmt.Sprintf("reactor: no phase %d; there are Before, During and After", phase))
	}
	e := r.event(event)
	t := &Trigger{event: e, phase: phase, state: triggerWaits, f: f}
	e.triggers[phase] = append(e.triggers[phase], t)
	return t
}

// RemoveSystemEventTrigger prevents the trigger from running (R27). It returns ErrTriggerGone if it has run or was removed before (R28);
// for a "before" trigger that has run while the event is still in that phase it only logs a warning (R29).
func (r *Reactor) RemoveSystemEventTrigger(t *Trigger) error {
	switch {
	case t == nil:
		return ErrTriggerGone
	case t.state == triggerWaits:
		t.state = triggerRemoved
		t.f = nil
		return nil
	case t.state == triggerRan && t.phase == Before && t.event.firing && t.event.now == Before:
		r.logger().Warn("reactor: a trigger was removed after it had run")
		return nil
	}
	return ErrTriggerGone
}

// FireSystemEvent runs the triggers of an event. It returns before the event is over if a "before" trigger answered with a Deferred that has
// not fired. While an event is in progress, firing it again does nothing.
func (r *Reactor) FireSystemEvent(name string) {
	e := r.event(name)
	if e.firing {
		return
	}
	e.firing, e.now = true, Before
	r.advance(e)
}

// CallWhenRunning runs f on the loop once the reactor runs: in the call itself if it does already, else after startup, in the order of the
// calls (R40, R41). It returns the trigger in the second case, nil in the first (R43).
func (r *Reactor) CallWhenRunning(f func()) *Trigger {
	if r.Running() {
		f()
		return nil
	}
	return r.AddSystemEventTrigger(After, Startup, f)
}

// event is a system event by name.
type event struct {
	triggers [3][]*Trigger // by phase
	firing   bool
	now      Phase  // while firing
	inPhase  bool   // triggers are being run
	pending  int    // Deferreds that are waited for
	round    int    // counts the "before" phases, to know old Deferreds
	during   func() // runs first in the "during" phase, for the reactor itself; may be nil
	done     func() // runs when the event is over; may be nil
}

func (r *Reactor) event(name string) *event {
	e := r.events[name]
	if e == nil {
		e = new(event)
		r.events[name] = e
	}
	return e
}

// advance runs the triggers that can run, from the phase the event is in.
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

// runPhase runs the triggers of the present phase, also those that are added meanwhile.
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

// await makes the event wait for the answer of a "before" trigger. The result stays in d: a failure that nobody handles is reported (R23).
func (r *Reactor) await(e *event, d deferred.Deferred[struct{}]) {
	if e.now != Before || d == (deferred.Deferred[struct{}]{}) {
		return
	}
	round := e.round
	e.pending++
	d.AddBoth(func(v struct{}, err error) (struct{}, error) {
		if e.round != round {
			return v, err // no longer waited for
		}
		e.pending--
		if e.pending == 0 && !e.inPhase {
			r.advance(e)
		}
		return v, err
	})
}
