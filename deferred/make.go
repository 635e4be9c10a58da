package deferred

import (
	"errors"
	"log/slog"
)

// Succeed returns a Deferred that has already fired with v.
func Succeed[T any](v T) Deferred[T] {
	d := New[T]()
	d.Callback(v)
	return d
}

// Fail returns a Deferred that has already failed with err. It panics if err is
// nil.
func Fail[T any](err error) Deferred[T] {
	d := New[T]()
	d.Errback(err)
	return d
}

// Maybe calls f and returns a Deferred that has fired with f's result. A panic
// in f becomes the failure. If T is any and f returns a Deferred, its result is
// waited for.
func Maybe[T any](f func() (T, error)) Deferred[T] {
	mustNotBeNil(f == nil)
	d := New[T]()
	v, err := caught(f)
	d.c.markFired()
	put(d.c, v, err)
	d.c.run()
	return d
}

// caught calls f and turns a panic into an error.
func caught[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = NewPanicError(r)
		}
	}()
	return f()
}

// MaybeDeferred calls f and returns the Deferred that f returns, fired or not.
// A panic in f becomes a failed Deferred. So does a stale view, because nobody
// could add to it; its failure is a [*ViewError]. If f returns the zero
// Deferred, so does MaybeDeferred.
func MaybeDeferred[T any](f func() Deferred[T]) Deferred[T] {
	mustNotBeNil(f == nil)
	d, err := caught(func() (Deferred[T], error) { return f(), nil })
	switch {
	case err != nil:
		return Fail[T](err)
	case d.isStale():
		return Fail[T](d.stale("returning it"))
	}
	return d
}

var errNoPanic = errors.New("deferred: ErrbackRecovered without a panic; call it only if recover returned a value")

// ErrbackRecovered fires the Deferred with a failure made from r, the value
// that recover returned in the calling deferred function. It panics if r is
// nil.
//
//	defer func() {
//		if r := recover(); r != nil {
//			d.ErrbackRecovered(r)
//		}
//	}()
func (d Deferred[T]) ErrbackRecovered(r any) {
	if r == nil {
		panic(errNoPanic)
	}
	d.Errback(NewPanicError(r))
}

// LogError is an errback that logs the failure to slog's default logger and
// passes it on. To handle the failure as well, use OnError with [LogErr].
func LogError[T any](err error) (none T, _ error) {
	LogErr(err)
	return none, err
}

// LogErr logs an error to slog's default logger, a panic with its stack. Passed
// to [Deferred.OnError], it logs the failure and handles it, as log.err does in
// Twisted.
func LogErr(err error) { logFailure("", err) }

// logFailure logs err, a panic with its stack. kind is "" or ends with a space.
func logFailure(kind string, err error, attrs ...any) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		p.Log(slog.Default(), "deferred: "+kind+"panic in a callback", attrs...)
		return
	}
	slog.Error("deferred: "+kind+"error in a Deferred", append([]any{"err", err}, attrs...)...)
}
