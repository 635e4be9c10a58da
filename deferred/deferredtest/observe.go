package deferredtest

import "github.com/hawser-go/hawser/deferred"

// Observer holds the result of a Deferred as soon as there is one. An Observer
// belongs to the goroutine that owns the Deferred.
type Observer[T any] struct {
	Fired bool  // there is a result; until then the other fields are zero
	Value T     // the zero value after a failure
	Err   error // nil after a success

	d deferred.Deferred[T]
}

// Observe adds a callback to d that moves the result to the Observer. d is left
// with the zero value, and a failure counts as handled. Observe is for tests
// that look at several Deferreds, or look at one several times. To keep
// Observers of several types in one slice, see [deferred.Any].
//
// Observe must be called on the goroutine that owns d.
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
