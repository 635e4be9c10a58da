package deferred

import (
	"context"
	"errors"
)

var (
	// ErrLoopEnded is returned by Wait if the loop does not take functions any
	// more.
	ErrLoopEnded = errors.New("deferred: the loop that owns the Deferred has ended; wait before it ends")

	// ErrBlocksOwner is returned by Wait, and by a Future's Wait without a
	// result, on a goroutine that owns Deferreds. That goroutine would wait for
	// itself.
	ErrBlocksOwner = errors.New("deferred: Wait on a goroutine that owns Deferreds; use Await in a coroutine, or a callback")
)

var errNilLoop = errors.New("deferred: nil loop; pass the reactor that owns the Deferred")

func mustHaveLoop(l Loop) {
	if l == nil {
		panic(errNilLoop)
	}
}

// Future holds the result of a Deferred for other goroutines. Its methods may
// be called from any goroutine.
type Future[T any] struct {
	done chan struct{}
	v    T
	err  error
	loop Loop
	d    Deferred[T]
}

// AsFuture moves the result of d to a Future. d is left with the zero value,
// and its failure counts as handled. Cancelling the Future cancels d on loop.
// AsFuture must be called on the goroutine that owns d. It panics if loop is
// nil or if d is a stale view.
func AsFuture[T any](d Deferred[T], loop Loop) *Future[T] {
	mustHaveLoop(loop)
	f := &Future[T]{done: make(chan struct{}), loop: loop, d: d}
	d.AddBoth(func(v T, err error) (none T, _ error) {
		f.v, f.err = v, err
		close(f.done)
		return none, nil
	})
	return f
}

// Done returns a channel that is closed when the Future has a result.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Cancel cancels the Deferred on the next iteration of the loop. The outcome of
// the cancellation becomes the Future's result.
func (f *Future[T]) Cancel() { f.loop.CallFromThread(f.d.Cancel) }

// Wait blocks until the Future has a result, and returns the result. If ctx is
// done first, Wait returns the cause of ctx and cancels the Deferred. Without a
// result, on a goroutine that owns Deferreds, Wait returns ErrBlocksOwner; see
// [BindOwner]. If the loop ends before the Deferred fires, Wait blocks until
// ctx is done.
func (f *Future[T]) Wait(ctx context.Context) (v T, err error) {
	select {
	case <-f.done:
		return f.v, f.err
	default:
	}
	if currentOwner() != nil {
		return v, ErrBlocksOwner
	}
	return f.wait(ctx)
}

func (f *Future[T]) wait(ctx context.Context) (v T, err error) {
	select {
	case <-f.done:
		return f.v, f.err
	case <-ctx.Done():
		f.Cancel()
		return v, context.Cause(ctx)
	}
}

// Wait blocks the calling goroutine until d, which loop owns, has a result.
// Then Wait moves the result out of d and returns the result. If ctx is done
// first, Wait returns the cause of ctx and cancels d. If loop ends before d
// fires, Wait blocks until ctx is done.
//
// Wait returns ErrBlocksOwner on a goroutine that owns Deferreds, see
// [BindOwner]; ErrLoopEnded if loop has ended; and ErrZero or a [*ViewError] if
// d is the zero Deferred or a stale view. It panics if loop is nil.
func Wait[T any](ctx context.Context, loop Loop, d Deferred[T]) (v T, err error) {
	mustHaveLoop(loop)
	if currentOwner() != nil {
		return v, ErrBlocksOwner
	}
	made := make(chan *Future[T], 1)
	if !loop.CallFromThread(func() { made <- AsFuture(resultOf(d), loop) }) {
		return v, ErrLoopEnded
	}
	select {
	case f := <-made:
		return f.wait(ctx)
	case <-ctx.Done():
		loop.CallFromThread(func() { (<-made).d.Cancel() }) // runs after the function above; nobody reads that Future
		return v, context.Cause(ctx)
	}
}

// resultOf returns a Deferred that takes the result of d. The new Deferred
// fails if d is the zero Deferred or a stale view.
func resultOf[T any](d Deferred[T]) Deferred[T] {
	return ThenDeferred(Succeed(struct{}{}), func(struct{}) Deferred[T] { return d })
}

// FromFuture returns a Deferred for work that other goroutines do. It calls
// start at once, on the calling goroutine. start begins the work, and when the
// work is over, any goroutine calls done with the result; further calls of done
// are ignored. The Deferred fires on a later iteration of loop, even if start
// itself calls done.
//
//	d := deferred.FromFuture(loop, func(ctx context.Context, done func(string, error)) {
//		go func() { done(lookup(ctx, host)) }()
//	})
//
// Cancelling the Deferred cancels ctx; the Deferred then waits for the outcome
// of the work. A second cancellation stops that wait: the Deferred fails with
// ErrCancelled, and the late result is dropped. ctx is cancelled too when the
// work is over, and if start panics.
//
// FromFuture must be called on the goroutine that will own the Deferred. It
// panics if loop or start is nil.
func FromFuture[T any](loop Loop, start func(ctx context.Context, done func(T, error))) Deferred[T] {
	mustHaveLoop(loop)
	mustNotBeNil(start == nil)
	ctx, cancel := context.WithCancel(context.Background())
	late := New[T]() // takes the outcome of work that was cancelled
	var receiver Deferred[T]
	receiver = New(func(d Deferred[T]) {
		receiver = late
		cancel()
		d.c.markFired()
		wait[T, T](d.c, late.c)
	})
	d := receiver
	begin(ctx, cancel, start, func(v T, err error) {
		loop.CallFromThread(func() {
			cancel()
			if r := receiver; r.c != nil {
				receiver = Deferred[T]{} // the work may keep done for a long time
				fire(r, v, err)
			}
		})
	})
	return d
}

// begin calls start, and cancels the work if start does not return.
func begin[T any](ctx context.Context, cancel func(), start func(context.Context, func(T, error)), done func(T, error)) {
	returned := false
	defer func() {
		if !returned {
			cancel()
		}
	}()
	start(ctx, done)
	returned = true
}

// fire fires d unless it has fired before.
func fire[T any](d Deferred[T], v T, err error) {
	if _, isDeferred := asWaitable(v); isDeferred && err == nil {
		err = ErrDeferredValue
	}
	if err != nil {
		_ = d.TryErrback(err)
	} else {
		_ = d.TryCallback(v)
	}
}
