package deferred

import (
	"context"
	"errors"
)

var (
	// ErrLoopEnded is what Wait returns when the loop does not take functions any more.
	ErrLoopEnded = errors.New("deferred: the loop that owns the Deferred has ended")

	// ErrBlocksOwner is what Wait returns on a goroutine that owns Deferreds: it would wait for itself.
	ErrBlocksOwner = errors.New("deferred: Wait on a goroutine that owns Deferreds; use Await in a coroutine, or a callback")
)

// Future is the result of a Deferred for other goroutines. Its methods may be called from any goroutine.
type Future[T any] struct {
	done chan struct{}
	v    T
	err  error
	loop Loop
	d    Deferred[T]
}

// AsFuture takes the result of d into a Future; d is left with the zero value, and its failure counts as handled (D264 to D266). It belongs
// to the goroutine that owns d. Cancelling the Future cancels d on loop.
func AsFuture[T any](d Deferred[T], loop Loop) *Future[T] {
	f := &Future[T]{done: make(chan struct{}), loop: loop, d: d}
	d.AddBoth(func(v T, err error) (none T, _ error) {
		f.v, f.err = v, err
		close(f.done)
		return none, nil
	})
	return f
}

// Done returns a channel that is closed when the result is there.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Cancel asks for the Deferred to be cancelled, on the next turn of the loop (D267). What comes of it is the Future's result.
func (f *Future[T]) Cancel() { f.loop.CallFromThread(f.d.Cancel) }

// Wait blocks until the result is there and returns it. When ctx is done first it returns the cause of that, and cancels the Deferred; its
// outcome is then nobody's, unless another Wait gets it (D268).
func (f *Future[T]) Wait(ctx context.Context) (v T, err error) {
	select {
	case <-f.done:
		return f.v, f.err
	default:
	}
	select {
	case <-f.done:
		return f.v, f.err
	case <-ctx.Done():
		f.Cancel()
		return v, context.Cause(ctx)
	}
}

// Wait blocks the calling goroutine until d, which belongs to loop, has a result, and takes and returns it (D318). When ctx is done first it
// returns the cause of that, and d is cancelled. It refuses to block a goroutine that owns Deferreds itself, see [BindOwner], with
// ErrBlocksOwner, and returns ErrZero or a [*ViewError] for a d that cannot be used. A loop that ends before d has fired ends no Wait: give it
// a ctx that is done then.
func Wait[T any](ctx context.Context, loop Loop, d Deferred[T]) (v T, err error) {
	if currentOwner() != nil {
		return v, ErrBlocksOwner
	}
	made := make(chan *Future[T], 1)
	if !loop.CallFromThread(func() { made <- AsFuture(taken(d), loop) }) {
		return v, ErrLoopEnded
	}
	select {
	case f := <-made:
		return f.Wait(ctx)
	case <-ctx.Done():
		loop.CallFromThread(func() { (<-made).d.Cancel() }) // runs after the function above, which discards the outcome
		return v, context.Cause(ctx)
	}
}

// taken returns a Deferred with the result of d, which fails if d is a view that cannot be used.
func taken[T any](d Deferred[T]) Deferred[T] {
	return ThenDeferred(Succeed(struct{}{}), func(struct{}) Deferred[T] { return d })
}

// FromFuture returns a Deferred for work that other goroutines do. start is called at once, on the calling goroutine; it sets the work
// going, and some goroutine calls done with the result, once: further calls are ignored. The Deferred fires on a later turn of
// loop, even if done is called by start itself (D269).
//
//	d := deferred.FromFuture(loop, func(ctx context.Context, done func(string, error)) {
//		go func() { done(lookup(ctx, host)) }()
//	})
//
// Cancelling the Deferred cancels ctx and then waits for what the work makes of it (D271). Cancelling it a second time gives up waiting: it
// fails with ErrCancelled, and the late result is dropped (D272).
func FromFuture[T any](loop Loop, start func(ctx context.Context, done func(T, error))) Deferred[T] {
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
	start(ctx, func(v T, err error) {
		loop.CallFromThread(func() {
			cancel()
			fire(receiver, v, err)
		})
	})
	return d
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
