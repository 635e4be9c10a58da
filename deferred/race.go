package deferred

import (
	"errors"
	"fmt"
)

// GroupError is the failure of a Race that nobody won: the failures of all
// members, in the order of the members. errors.Is and errors.As look into each.
type GroupError struct{ Errs []error }

func (e *GroupError) Error() string {
	if len(e.Errs) == 0 {
		return "deferred: a race without members"
	}
	return fmt.Sprintf("deferred: all %d failed: %v", len(e.Errs), errors.Join(e.Errs...))
}

// Unwrap returns the failures.
func (e *GroupError) Unwrap() []error { return e.Errs }

// Race returns a Deferred that fires with the first value of a member of ds,
// after cancelling the other members. If all members fail, it fails with a
// [*GroupError]; without members it does so at once. The results and failures
// of the members are taken, and count as handled.
//
// Cancelling the race cancels every member. The result is then a GroupError,
// unless a canceller produces a value, which wins. ds is copied. Race panics
// with ErrZero or a [*ViewError] if a member is unusable, and no member is
// changed then.
func Race[T any](ds []Deferred[T]) Deferred[Outcome[T]] {
	r := &race[T]{members: members(ds), errs: make([]error, len(ds)), missing: len(ds)}
	r.result = New(func(Deferred[Outcome[T]]) { cancelAll(r.members) })
	if len(ds) == 0 {
		r.result.Errback(&GroupError{})
	}
	for i, d := range r.members {
		d.c.add(&racer[T]{r, i})
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

// racer stands in a member's chain where its result takes part in the race.
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
		resumed, _ = fireOther(c, r.result.c, Outcome[T]{Index: r.index, Value: v}, nil, givesUp[T]{})
	case r.missing == 0:
		resumed, _ = fireOther(c, r.result.c, Outcome[T]{}, &GroupError{r.errs}, givesUp[T]{})
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
