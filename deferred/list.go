package deferred

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// ListFlag changes when a List fires, or what it leaves to its members.
type ListFlag uint8

const (
	FireOnOneCallback ListFlag = 1 << iota // fire with the first value
	FireOnOneErrback                       // fail with the first failure
	ConsumeErrors                          // leave members no failure of their own
)

// Outcome is how one member of a list ended: with a value, or with an error if Err is not nil.
type Outcome[T any] struct {
	Index int // of the member in the list
	Value T
	Err   error
}

// FirstError is the failure of a Gather, or of a List with FireOnOneErrback: the first failure of a member (D187, D202).
type FirstError struct {
	Err   error
	Index int // of the member that failed
}

func (e *FirstError) Error() string {
	return fmt.Sprintf("deferred: first error, of member %d: %v", e.Index, e.Err)
}

// Unwrap returns the member's failure.
func (e *FirstError) Unwrap() error { return e.Err }

// Is reports whether target is a FirstError of the same member with the same failure (D203).
func (e *FirstError) Is(target error) bool {
	t, ok := target.(*FirstError)
	return ok && t.Index == e.Index && errors.Is(e.Err, t.Err)
}

// List returns a Deferred that fires when all of ds have, with their outcomes in the order of ds (D181). It sees of each member what the
// callbacks added so far have made of it, and passes that on to those added later (D192). The flags:
//
//   - FireOnOneCallback: it fires with the first value, as the only outcome, and ignores the rest (D185). If there is none, it fires with
//     all the failures (D186). Without members it never fires (D183).
//   - FireOnOneErrback: it fails with a [*FirstError] at the first failure (D187).
//   - ConsumeErrors: a member that fails is left with the zero value, so its failure need not be handled there (D190). Without it, each
//     failure is still its own member's to handle.
//
// Cancelling it cancels every member that has not fired; it then fires by the rules above (D195 to D198). ds is copied.
func List[T any](ds []Deferred[T], flags ...ListFlag) Deferred[[]Outcome[T]] {
	l := newCollector[T, []Outcome[T]](ds, flags)
	l.complete = func(all []Outcome[T]) []Outcome[T] { return all }
	if len(ds) == 0 && !l.has(FireOnOneCallback) {
		l.result.Callback(nil)
	}
	l.watch()
	return l.result
}

// Gather returns a Deferred that fires with the values of ds, in their order, when all have come; it fails with a [*FirstError] at the first
// failure (D204). Of the flags, ConsumeErrors is of use (D205). Cancelling it cancels every member that has not fired (D206).
func Gather[T any](ds []Deferred[T], flags ...ListFlag) Deferred[[]T] {
	l := newCollector[T, []T](ds, append(slices.Clone(flags), FireOnOneErrback))
	l.flags &^= FireOnOneCallback
	l.complete = values[T]
	if len(ds) == 0 {
		l.result.Callback(nil)
	}
	l.watch()
	return l.result
}

func values[T any](all []Outcome[T]) []T {
	vs := make([]T, len(all))
	for i, o := range all {
		vs[i] = o.Value
	}
	return vs
}

// collector collects the outcomes of its members for a result of type R.
type collector[T, R any] struct {
	members  []Deferred[T]
	outcomes []Outcome[T]
	missing  int
	flags    ListFlag
	result   Deferred[R]
	complete func([]Outcome[T]) R
}

func newCollector[T, R any](ds []Deferred[T], flags []ListFlag) *collector[T, R] {
	l := &collector[T, R]{members: slices.Clone(ds), outcomes: make([]Outcome[T], len(ds)), missing: len(ds)}
	for _, f := range flags {
		l.flags |= f
	}
	l.result = New[R]()
	l.result.c.canceller = l
	return l
}

// cancel cancels the members. The list fires when they have, by its own rules.
func (l *collector[T, R]) cancel(*chain) bool {
	cancelAll(l.members)
	return false
}

func (l *collector[T, R]) has(f ListFlag) bool { return l.flags&f != 0 }

// watch adds a link to each member, in order; those that have fired are counted at once (D184).
func (l *collector[T, R]) watch() {
	for i, d := range l.members {
		d.open().add(&listMember[T, R]{l, i})
	}
}

// listMember stands in a member's chain where the list takes note of its outcome.
type listMember[T, R any] struct {
	*collector[T, R]
	index int
}

func (m *listMember[T, R]) run(c *chain) *chain {
	o := Outcome[T]{Index: m.index}
	o.Value, o.Err = input[T](c)
	m.outcomes[m.index] = o
	m.missing--
	return m.fire(c, o, seen[T]{o, m.has(ConsumeErrors)})
}

// fire fires the result if the outcome that has just come in c decides it.
func (l *collector[T, R]) fire(c *chain, o Outcome[T], after link) (resumed *chain) {
	var none R
	switch {
	case l.result.c.called:
		return after.run(c)
	case o.Err == nil && l.has(FireOnOneCallback):
		resumed, _ = settle(c, l.result.c, l.complete([]Outcome[T]{o}), nil, after)
	case o.Err != nil && l.has(FireOnOneErrback):
		resumed, _ = settle(c, l.result.c, none, &FirstError{Err: o.Err, Index: o.Index}, after)
	case l.missing == 0:
		resumed, _ = settle(c, l.result.c, l.complete(l.outcomes), nil, after)
	default:
		return after.run(c)
	}
	return resumed
}

// seen is the link with which a member goes on after the list has seen its outcome.
type seen[T any] struct {
	outcome Outcome[T]
	consume bool
}

func (s seen[T]) run(c *chain) *chain {
	switch {
	case s.outcome.Err == nil:
		c.err = nil
		boxFor[T](c).v = s.outcome.Value
	case s.consume:
		giveUp[T](c)
	default:
		c.err = s.outcome.Err
	}
	return nil
}

// cancelAll cancels each Deferred, also if the canceller of one panics, which is logged (D200).
func cancelAll[T any](ds []Deferred[T]) {
	for _, d := range ds {
		cancelLogged(d)
	}
}

func cancelLogged[T any](d Deferred[T]) {
	defer func() {
		if r := recover(); r != nil {
			NewPanicError(r).Log(slog.Default(), "deferred: panic in a canceller")
		}
	}()
	d.Cancel()
}
