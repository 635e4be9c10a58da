package reactor

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/hawser-go/hawser/deferred"
)

// CallFromThread posts f, and wakes the loop if the loop sleeps. f runs on the
// loop, after the functions posted before. CallFromThread never blocks. Any
// goroutine may call CallFromThread, also the loop's, and before Run; f runs
// after startup then.
//
// CallFromThread returns false, and f will not run, once the loop has ended for
// good. CallFromThread panics if f is nil. A panic in f is logged.
//
// The queue has no bound. Stats has the length. A goroutine that posts without
// end must wait for the loop now and then.
func (r *Reactor) CallFromThread(f func()) bool {
	if f == nil {
		panic(nilFunction("CallFromThread"))
	}
	return r.queue.post(f)
}

// DeferToThread runs f in a thread and returns a Deferred that fires on the
// loop with the result of f. Call DeferToThread on the loop, or before Run.
//
// Cancelling the Deferred does not stop f, but drops its result. The Deferred
// fails with a *deferred.PanicError if f panics, with ErrGoexit if f calls
// runtime.Goexit, and with ErrThreadPoolStopped or ErrThreadPoolFull if f does
// not run.
func DeferToThread[T any](r *Reactor, f func() (T, error)) deferred.Deferred[T] {
	r.mustBeOnLoop("DeferToThread")
	return deferToPool(r, r.pool, f)
}

// DeferToThreadPool is like DeferToThread, but runs f in another pool.
func DeferToThreadPool[T any](r *Reactor, pool *ThreadPool, f func() (T, error)) deferred.Deferred[T] {
	r.mustBeOnLoop("DeferToThreadPool")
	return deferToPool(r, pool, f)
}

func deferToPool[T any](r *Reactor, pool *ThreadPool, f func() (T, error)) deferred.Deferred[T] {
	d := deferred.New[T]()
	err := CallInThreadWithCallback(pool, f, func(v T, err error) {
		r.CallFromThread(func() { fire(d, v, err) })
	})
	if err != nil {
		d.Errback(err)
	}
	return d
}

// CallInThreadWithCallback runs f in the pool, and then done with the result of
// f on the same goroutine. Any goroutine may call CallInThreadWithCallback.
//
// The error that done gets is a *deferred.PanicError if f panics, and ErrGoexit
// if f calls runtime.Goexit. A panic in done is logged. The errors that are
// returned are those of ThreadPool.CallInThread: neither f nor done runs then.
func CallInThreadWithCallback[T any](pool *ThreadPool, f func() (T, error), done func(T, error)) error {
	return pool.CallInThread(func() {
		var v T
		err := ErrGoexit
		defer func() { done(v, err) }()
		v, err = protect(f)
	})
}

// Await runs f on the loop, blocks until the Deferred that f returns has fired,
// and returns the result. Any goroutine may call Await, except the loop.
//
// Await returns the cause of ctx at once when ctx is done. The Deferred is
// cancelled then, or f does not run. Await returns ErrReactorEnded if the loop
// ends first, and a *deferred.PanicError if f panics.
//
// On the loop, or in a coroutine that the loop has resumed, Await would wait
// forever. There it returns ErrOnLoop without running f: at once on the loop
// and in a deferred.Inline, after 10 to 20 ms in the body of an iter.Pull. The
// loop must stay that long in one callback before blocked goroutines look for
// it.
func Await[T any](ctx context.Context, r *Reactor, f func() deferred.Deferred[T]) (v T, err error) {
	switch {
	case r.here() || ctx.Err() != nil && r.OnLoop():
		return v, ErrOnLoop
	case ctx.Err() != nil:
		return v, context.Cause(ctx)
	}
	b := r.block()
	w := waiterFor[T](r)
	w.f = f
	if !r.queue.post(w.start) {
		return v, ErrReactorEnded
	}
	if err := b.wait(ctx, w.done); err != nil {
		if w.begun.Swap(true) {
			r.queue.post(w.cancel)
		}
		return v, err
	}
	v, err = w.v, w.err
	w.recycle(r)
	return v, err
}

// waiter carries one result from the loop to a goroutine. Waiters are reused,
// so that Await usually allocates nothing.
type waiter[T any] struct {
	f     func() deferred.Deferred[T]
	begun atomic.Bool          // f has run, or must not run any more
	d     deferred.Deferred[T] // used on the loop only
	done  chan struct{}        // gets a value after v and err were set
	v     T
	err   error

	start func()                          // begin
	fired func(v T, err error) (T, error) // finish
}

// waiterFor returns a waiter of r, which may have been used before.
func waiterFor[T any](r *Reactor) *waiter[T] {
	w, ok := r.waiters.Get().(*waiter[T])
	if !ok {
		w = &waiter[T]{done: make(chan struct{}, 1)}
		w.start, w.fired = w.begin, w.finish
	}
	return w
}

// recycle keeps w for reuse. Nothing else may refer to w.
func (w *waiter[T]) recycle(r *Reactor) {
	var none T
	w.v, w.err = none, nil
	w.begun.Store(false)
	r.waiters.Put(w)
}

// begin calls f, unless the goroutine has given up. begin runs on the loop.
func (w *waiter[T]) begin() {
	if w.begun.Swap(true) {
		return
	}
	f := w.f
	w.f = nil
	w.d = calling(f)
	w.d.AddBoth(w.fired)
}

// finish takes the result of the Deferred.
func (w *waiter[T]) finish(v T, err error) (none T, _ error) {
	w.v, w.err = v, err
	w.d = deferred.Deferred[T]{}
	w.done <- struct{}{}
	return none, nil
}

// cancel cancels the Deferred, if that has not fired. cancel runs on the loop,
// after begin.
func (w *waiter[T]) cancel() {
	if w.d != (deferred.Deferred[T]{}) {
		w.d.Cancel()
	}
}

// DeferToReactor runs f on the loop of other, and returns a Deferred that fires
// on the loop of r with the result. Each Deferred stays on its own loop; only
// the result crosses. Call DeferToReactor on the loop of r, or before the Run
// of r.
//
// Cancelling the returned Deferred cancels the one that f returned. The
// returned Deferred fails with ErrReactorEnded if other stops first.
func DeferToReactor[T any](r, other *Reactor, f func() deferred.Deferred[T]) deferred.Deferred[T] {
	r.mustBeOnLoop("DeferToReactor")
	var theirs deferred.Deferred[T] // used on the other loop only
	d := deferred.New(func(deferred.Deferred[T]) {
		other.CallFromThread(func() {
			if theirs != (deferred.Deferred[T]{}) {
				theirs.Cancel()
			}
		})
	})
	answer := func(v T, err error) { r.CallFromThread(func() { fireOnce(d, v, err) }) }
	abandoned := context.AfterFunc(other.Context(), func() {
		var none T
		answer(none, ErrReactorEnded)
	})
	other.CallFromThread(func() {
		theirs = calling(f)
		theirs.AddBoth(func(v T, err error) (none T, _ error) {
			abandoned()
			answer(v, err)
			return none, nil
		})
	})
	return d
}

// Context returns a context for goroutines that work for the reactor. From the
// "during shutdown" phase on it is done, with the cause ErrReactorEnded. Any
// goroutine may call Context.
func (r *Reactor) Context() context.Context { return r.ctx }

// fire gives d the result.
func fire[T any](d deferred.Deferred[T], v T, err error) {
	if err != nil {
		d.Errback(err)
		return
	}
	d.Callback(v)
}

// fireOnce gives d the result if d has none.
func fireOnce[T any](d deferred.Deferred[T], v T, err error) {
	if !d.Called() {
		fire(d, v, err)
	}
}

// isCancelled reports whether err is the failure of a cancelled Deferred.
func isCancelled(err error) bool { return errors.Is(err, deferred.ErrCancelled) }

// protect runs f. protect returns a panic of f as an error.
func protect[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = deferred.NewPanicError(p)
		}
	}()
	return f()
}

// calling returns the Deferred that f returns, or a failed one if f panics or
// returns the zero Deferred or a stale view.
func calling[T any](f func() deferred.Deferred[T]) deferred.Deferred[T] {
	d := deferred.MaybeDeferred(f)
	if d == (deferred.Deferred[T]{}) {
		return deferred.Fail[T](deferred.ErrZero)
	}
	return d
}
