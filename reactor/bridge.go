package reactor

import (
	"context"
	"errors"

	"github.com/hawser-go/hawser/deferred"
)

// CallFromThread runs f on the loop, in the order of the calls, and wakes the loop for it (R73 to R75). It never blocks. Any goroutine may
// call it, the loop's too, and before Run: f runs after startup then (R79). It reports false, and f will not run, once the loop has
// ended for good (R80). A panic in f is logged (R77).
//
// The queue has no bound; Stats tells its length. Whoever posts without end must wait for the loop now and then, as the connections do.
func (r *Reactor) CallFromThread(f func()) bool {
	if f == nil {
		panic("reactor: CallFromThread with a nil function")
	}
	return r.queue.post(f)
}

// DeferToThread runs f in a thread and returns a Deferred that fires on the loop with its result (R102, R103). Cancelling does not stop f, but
// its result is dropped (R105). A panic in f is a *PanicError, a runtime.Goexit is ErrGoexit; ErrThreadPoolStopped and ErrThreadPoolFull tell that
// f does not run (R106). It must be called on the loop, or before Run.
func DeferToThread[T any](r *Reactor, f func() (T, error)) deferred.Deferred[T] {
	return DeferToThreadPool(r, r.pool, f)
}

// DeferToThreadPool is DeferToThread with another pool (R104).
func DeferToThreadPool[T any](r *Reactor, pool *ThreadPool, f func() (T, error)) deferred.Deferred[T] {
	d := deferred.New[T]()
	err := CallInThreadWithCallback(pool, f, func(v T, err error) {
		r.CallFromThread(func() { fire(d, v, err) })
	})
	if err != nil {
		d.Errback(err)
	}
	return d
}

// CallInThreadWithCallback runs f in the pool and then done, on the same goroutine, with its result (R97). A panic in f is a *PanicError,
// a runtime.Goexit is ErrGoexit; a panic in done is logged. The errors are those of ThreadPool.CallInThread.
func CallInThreadWithCallback[T any](pool *ThreadPool, f func() (T, error), done func(T, error)) error {
	return pool.CallInThread(func() {
		var v T
		err := ErrGoexit
		defer func() { done(v, err) }()
		v, err = protect(f)
	})
}

// CallMultipleInThread runs functions one after another in one thread of the reactor's pool. An error or a panic ends the list and is logged
// (R107). Any goroutine may call it.
func (r *Reactor) CallMultipleInThread(fs ...func() error) error {
	return r.pool.CallInThread(func() {
		for _, f := range fs {
			if err := f(); err != nil {
				r.logger().Error("reactor: error in a function given to CallMultipleInThread", "err", err)
				return
			}
		}
	})
}

// BlockingCallFromThread runs f on the loop, waits until the Deferred that it returns has fired, and returns the result (R108, R109). Any
// goroutine may call it but the loop's, which gets ErrOnLoop (R110). If the loop ends first it returns ErrReactorEnded (R111).
//
// Await is the same with a context.
func BlockingCallFromThread[T any](r *Reactor, f func() deferred.Deferred[T]) (T, error) {
	return Await(context.Background(), r, f)
}

// Await runs f on the loop and waits until the Deferred that it returns has fired, or ctx is done. In the second case it returns the cause at
// once, and the Deferred is cancelled. On the loop it returns ErrOnLoop; if the loop ends first, ErrReactorEnded. A panic in f is a
// *PanicError. Any goroutine may call it.
func Await[T any](ctx context.Context, r *Reactor, f func() deferred.Deferred[T]) (v T, err error) {
	if r.OnLoop() {
		return v, ErrOnLoop
	}
	run := r.run.Load()
	w := &waiter[T]{done: make(chan struct{})}
	if !r.CallFromThread(func() { w.start(ctx, f) }) {
		return v, ErrReactorEnded
	}
	select {
	case <-w.done:
		return w.v, w.err
	case <-ctx.Done():
		r.CallFromThread(w.cancel)
		return v, context.Cause(ctx)
	case <-run.ended:
	}
	select {
	case <-w.done: // in the last moment
		return w.v, w.err
	default:
		return v, ErrReactorEnded
	}
}

// waiter carries one result from the loop to a goroutine.
type waiter[T any] struct {
	d    deferred.Deferred[T] // the loop's
	done chan struct{}        // closed when v and err are there
	v    T
	err  error
}

// start and cancel run on the loop.
func (w *waiter[T]) start(ctx context.Context, f func() deferred.Deferred[T]) {
	if ctx.Err() != nil {
		return
	}
	w.d = calling(f)
	w.d.AddBoth(func(v T, err error) (none T, _ error) {
		w.v, w.err = v, err
		close(w.done)
		return none, nil
	})
}

func (w *waiter[T]) cancel() {
	if w.d != (deferred.Deferred[T]{}) {
		w.d.Cancel()
	}
}

// DeferToReactor runs f on the loop of another reactor and returns a Deferred that fires on the loop of r with the result: the way to
// hand a Deferred from one reactor to another. Each Deferred stays with its own loop; only the result crosses. Cancelling cancels the
// other one. If the other reactor stops first it fails with ErrReactorEnded. It must be called on the loop of r, or before its Run.
func DeferToReactor[T any](r, other *Reactor, f func() deferred.Deferred[T]) deferred.Deferred[T] {
	var theirs deferred.Deferred[T] // the other loop's
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

// Context returns a context for goroutines that work for the reactor: it is done, with ErrReactorEnded as its cause, from the "during
// shutdown" phase on. Any goroutine may call it.
func (r *Reactor) Context() context.Context { return r.ctx }

// fire gives d the result.
func fire[T any](d deferred.Deferred[T], v T, err error) {
	if err != nil {
		d.Errback(err)
		return
	}
	d.Callback(v)
}

// fireOnce gives d the result if it has none.
func fireOnce[T any](d deferred.Deferred[T], v T, err error) {
	if !d.Called() {
		fire(d, v, err)
	}
}

// isCancelled reports whether a failure is that of a cancelled Deferred.
func isCancelled(err error) bool { return errors.Is(err, deferred.ErrCancelled) }

// protect runs f and makes an error of a panic.
func protect[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = deferred.NewPanicError(p)
		}
	}()
	return f()
}

// calling returns the Deferred that f returns; for a panic, and for one that cannot be used, it is a failed one.
func calling[T any](f func() deferred.Deferred[T]) deferred.Deferred[T] {
	d := deferred.MaybeDeferred(f)
	if d == (deferred.Deferred[T]{}) {
		return deferred.Fail[T](deferred.ErrZero)
	}
	return d
}
