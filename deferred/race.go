package deferred

import (
	"errors"
	"fmt"
	"slices"
)

// GroupError is the failure of a Race that nobody won: the failures of all members, in the order of the members (D209). errors.Is and
// errors.As look into each (D316).
type GroupError struct{ Errs []error }

func (e *GroupError) Error() string {
	if len(e.Errs) == 0 {
		return "deferred: a race without members"
	}
	return fmt.Sprintf("deferred: all %d failed: %v", len(e.Errs), errors.Join(e.Errs...))
}

// Unwrap returns the failures.
func (e *GroupError) Unwrap() []error { return e.Errs }

// Race returns a Deferred that fires with the first value that one of ds has, after cancelling all others (D207, D208). If all fail it fails
// with a [*GroupError]; without members it does so at once (D214). The members' results and failures are consumed (D210, D213).
//
// Cancelling it cancels every member: the result is then a GroupError, unless a canceller produced a value, which wins (D212). ds is
// copied.
func Race[T any](ds []Deferred[T]) Deferred[Outcome[T]] {
	r := &race[T]{members: slices.Clone(ds), errs: make([]error, len(ds)), missing: len(ds)}
	r.result = New(func(Deferred[Outcome[T]]) { cancelAll(r.members) })
	if len(ds) == 0 {
		r.result.Errback(&GroupError{})
	}
	for i, d := range r.members {
		d.open().add(&racer[T]{r, i})
	}
	return r.result
}

type race[T any] struct {
	members []Deferred[T]
	errs    []error
	missing int
	won     bool
	result  Deferred[Outcome[T]]
}

// racer stands in a member's chain where it reaches the finish.
type racer[T any] struct {
	*race[T]
	index int
}

func (r *racer[T]) run(c *chain) (resumed *chain) {
	v, err := input[T](c)
	r.missing--
	r.errs[r.index] = err
	switch {
	case r.won:
		giveUp[T](c)
	case err == nil:
		r.won = true
		r.cancelOthers()
		resumed, _ = settle(c, r.result.c, Outcome[T]{Index: r.index, Value: v}, nil, givesUp[T]{})
	case r.missing == 0:
		resumed, _ = settle(c, r.result.c, Outcome[T]{}, &GroupError{r.errs}, givesUp[T]{})
	default:
		giveUp[T](c)
	}
	return resumed
}

func (r *racer[T]) cancelOthers() {
	for i, d := range r.members {
		if i != r.index {
			cancelLogged(d)
		}
	}
}
