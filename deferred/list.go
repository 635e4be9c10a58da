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
	ConsumeErrors                          // handle the failures of the members
)

// Outcome is how one member of a list ended: with a value, or with an error if
// Err is not nil.
type Outcome[T any] struct {
	Index int // of the member in the list
	Value T
	Err   error
}

// FirstError is the failure of a Gather, or of a List with FireOnOneErrback:
// the first failure of a member.
type FirstError struct {
	Err   error
	Index int // of the member that failed
}

func (e *FirstError) Error() string {
	return fmt.Sprintf("deferred: first error, of member %d: %v", e.Index, e.Err)
}

// Unwrap returns the member's failure.
func (e *FirstError) Unwrap() error { return e.Err }

// Is reports whether target is a FirstError of the same member with the same
// failure.
func (e *FirstError) Is(target error) bool {
	t, ok := target.(*FirstError)
	return ok && t.Index == e.Index && errors.Is(e.Err, t.Err)
}

// List returns a Deferred that fires when all of ds have fired, with their
// outcomes in the order of ds. Callbacks added to a member before run before
// the list looks at its result; callbacks added later receive the result that
// the list has seen. The flags change this:
//
//   - FireOnOneCallback: the list fires with the first value, as the only
//     outcome, and ignores the rest. If every member fails, it fires with all
//     the failures. Without members it never fires.
//   - FireOnOneErrback: the list fails with a [*FirstError] at the first
//     failure.
//   - ConsumeErrors: a member that fails is left with the zero value, so its
//     failure counts as handled. Without this flag, the failure of a member
//     still has to be handled there.
//
// Cancelling the list cancels every member that has not fired. The list then
// fires by the rules above. ds is copied. List panics with ErrZero or a
// [*ViewError] if a member is unusable, and no member is changed then.
func List[T any](ds []Deferred[T], flags ...ListFlag) Deferred[[]Outcome[T]] {
	l := newCollector[T, []Outcome[T]](ds, flags)
	l.complete = func(all []Outcome[T]) []Outcome[T] { return all }
	if len(ds) == 0 && !l.has(FireOnOneCallback) {
		l.result.Callback(nil)
	}
	l.watch()
	return l.result
}

// Gather returns a Deferred that fires with the values of ds, in their order,
// when all have one. It fails with a [*FirstError] at the first failure. The
// flag ConsumeErrors works as for [List]; the other flags have no effect.
// Cancelling and unusable members are treated as by List.
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

// members returns a copy of ds. It panics if a link cannot be added to each of
// them.
func members[T any](ds []Deferred[T]) []Deferred[T] {
	for _, d := range ds {
		d.open().check("adding to")
	}
	return slices.Clone(ds)
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
	l := &collector[T, R]{members: members(ds), outcomes: make([]Outcome[T], len(ds)), missing: len(ds)}
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

// watch adds a link to each member, in order. Members that have fired are
// counted at once.
func (l *collector[T, R]) watch() {
	for i, d := range l.members {
		d.c.add(&listMember[T, R]{l, i})
	}
}

// listMember stands in a member's chain where the list looks at its outcome.
type listMember[T, R any] struct {
	*collector[T, R]
	index int
}

func (m *listMember[T, R]) run(c *chain) *chain {
	o := Outcome[T]{Index: m.index}
	o.Value, o.Err = input[T](c)
	m.outcomes[m.index] = o
	m.missing--
	after := restores[T]{o.Value, o.Err}
	if o.Err != nil && m.has(ConsumeErrors) {
		after.err = nil
	}
	return m.fire(c, o, after)
}

// fire fires the result if o, the outcome of c, decides it.
func (l *collector[T, R]) fire(c *chain, o Outcome[T], after link) (resumed *chain) {
	var none R
	switch {
	case l.result.c.called:
		return after.run(c)
	case o.Err == nil && l.has(FireOnOneCallback):
		resumed, _ = fireOther(c, l.result.c, l.complete([]Outcome[T]{o}), nil, after)
	case o.Err != nil && l.has(FireOnOneErrback):
		resumed, _ = fireOther(c, l.result.c, none, &FirstError{Err: o.Err, Index: o.Index}, after)
	case l.missing == 0:
		resumed, _ = fireOther(c, l.result.c, l.complete(l.outcomes), nil, after)
	default:
		return after.run(c)
	}
	return resumed
}

// cancelAll cancels each Deferred, also if the canceller of one panics.
func cancelAll[T any](ds []Deferred[T]) {
	for _, d := range ds {
		cancelLogged(d)
	}
}

// cancelLogged cancels d. A panic in the canceller is logged.
func cancelLogged[T any](d Deferred[T]) {
	defer func() {
		if r := recover(); r != nil {
			NewPanicError(r).Log(slog.Default(), "deferred: panic in a canceller")
		}
	}()
	d.Cancel()
}
