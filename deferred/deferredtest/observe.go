package deferredtest

import "github.com/hawser-go/hawser/deferred"

// Observer holds what a Deferred has fired with, from the moment at which it has. It belongs to the goroutine that owns the Deferred.
type Observer[T any] struct {
	Fired bool  // whether the result has come; until then the rest is zero
	Value T     // the zero value after a failure
	Err   error // nil after a success

	d deferred.Deferred[T]
}

// Observe adds a callback to d that takes the result, as soon as there is one, and keeps it: d is left with the zero value, and a failure counts
// as handled. It is for tests that look at several Deferreds, or at one more than once, while things happen. To observe Deferreds of several
// types alike, see [deferred.Any].
func Observe[T any](d deferred.Deferred[T]) *Observer[T] {
	o := &Observer[T]{d: d}
	d.AddBoth(func(v T, err error) (none T, _ error) {
		o.Fired, o.Value, o.Err = true, v, err
		return none, nil
	})
	return o
}

// Cancel cancels the Deferred.
func (o *Observer[T]) Cancel() { o.d.Cancel() }
