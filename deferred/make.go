package deferred

import "log/slog"

// Succeed returns a Deferred that has already fired with v (D165).
func Succeed[T any](v T) Deferred[T] {
	d := New[T]()
	d.Callback(v)
	return d
}

// Fail returns a Deferred that has already failed with err, which must not be nil (D166).
func Fail[T any](err error) Deferred[T] {
	d := New[T]()
	d.Errback(err)
	return d
}

// Maybe calls f now and returns a Deferred with its result; a panic in f becomes a failure. For a T of any, f may return a Deferred, of
// which the result is waited for (D168 to D172).
func Maybe[T any](f func() (T, error)) Deferred[T] {
	return Then(Succeed(struct{}{}), func(struct{}) (T, error) { return f() })
}

// MaybeDeferred calls f now and returns its Deferred as it is, fired or not; a panic in f becomes a failed Deferred (D170, D172), and so does a
// spent view, which nobody could add to: its failure is a [*ViewError]. The zero Deferred stays what it is.
func MaybeDeferred[T any](f func() Deferred[T]) (d Deferred[T]) {
	defer func() {
		if r := recover(); r != nil {
			d = Fail[T](NewPanicError(r))
		}
	}()
	if d = f(); d.c != nil && d.c.tail != any((*T)(nil)) {
		return Fail[T](d.spent("returning it"))
	}
	return d
}

// ErrbackRecovered fires the Deferred with a failure made of r, what recover has returned in the calling deferred function (D11):
//
//	defer func() {
//		if r := recover(); r != nil {
//			d.ErrbackRecovered(r)
//		}
//	}()
func (d Deferred[T]) ErrbackRecovered(r any) {
	if r == nil {
		panic("deferred: ErrbackRecovered without a panic; call it if recover returned something")
	}
	d.Errback(NewPanicError(r))
}

// LogError is an errback that logs the failure to slog's default logger and lets it pass (D133).
func LogError[T any](err error) (none T, _ error) {
	slog.Error("Error in Deferred", "err", err)
	return none, err
}
