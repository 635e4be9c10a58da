// Package deferred implements Deferreds: results that arrive later, with a
// chain of callbacks to handle them. It brings Twisted's twisted.internet.defer
// to Go.
//
// # A Deferred
//
// A [Deferred] stands for a result that is not there yet. The code that
// produces the result fires the Deferred, once: it calls [Deferred.Callback]
// with a value or [Deferred.Errback] with an error. The code that needs the
// result adds callbacks. They run in the order in which they were added: when
// the Deferred fires, or at once if it has fired already. No callback is
// postponed. A result without a callback stays until one is added.
//
//	d := deferred.New[string]()
//	d.AddCallback(func(s string) (string, error) { return strings.ToUpper(s), nil })
//	d.OnValue(func(s string) { fmt.Println(s) })
//	d.Callback("hello") // prints HELLO
//
// # Callbacks and errbacks
//
// Each function in a chain receives the result of the function before it.
// [Deferred.AddCallback] adds a callback, which runs if that result is a value.
// [Deferred.AddErrback] adds an errback, which runs if it is an error.
// [Deferred.AddBoth] adds one function for either; [Deferred.AddCallbacks] adds
// a pair. A function that returns an error, or panics, makes that error the
// result: a panic is a [*PanicError] with its stack. An error skips all
// callbacks up to the next errback. An errback that returns a value with a nil
// error has handled the error, and the callbacks after it run.
//
// [Deferred.OnValue], [Deferred.OnError], [Deferred.OnResult] and
// [Deferred.Finally] add functions that are
// called for their effect and return nothing. [Trap] helps an errback to handle
// some errors and pass the others on.
//
// A Deferred that is garbage collected while its result is an error, which no
// errback has handled, is reported to the log; see [OnUnhandled].
//
// # Chaining
//
// A callback may itself have to wait. A callback added with [ThenDeferred]
// returns an inner Deferred. The chain waits for its result, and continues with
// that result. The result moves: the inner Deferred is left with the zero
// value, so an error is only in one place, and is reported at most once. Lines
// of a hundred thousand such waits unwind without using stack.
//
// [List], [Gather] and [Race] wait for many Deferreds. [Deferred.ChainDeferred]
// fires one Deferred with the result of another.
//
// # Types
//
// A Deferred[T] is a typed view of an untyped chain. Methods keep the type of
// the result. Functions change it: [Then] adds a callback from T to U to the
// same chain and returns the view of type U. The old view is stale from then
// on: adding a callback through it panics. A Deferred[any] is as dynamic as
// Twisted's: if one of its callbacks returns a Deferred of any type, the chain
// waits for it. [Any] turns a typed Deferred into a Deferred[any].
//
// # Giving up
//
// [Deferred.Cancel] stops the work behind a Deferred: it calls the canceller
// that was passed to [New], and the Deferred fails with [ErrCancelled]. If the
// Deferred waits on another one, that one is cancelled instead, so the
// cancellation reaches the operation in progress. [Deferred.AddTimeout] cancels
// after a time, [Deferred.AddContext] when a context is done.
//
// # Coroutines
//
// [Inline] runs straight-line code that waits with [Await], like Twisted's
// inlineCallbacks. It returns a Deferred with the result of that code.
// Cancelling this Deferred cancels the one that is awaited at the moment.
// Deferred calls, recover and panics work as everywhere in Go.
//
//	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
//		a, err := deferred.Await(co, fetch("a"))
//		if err != nil {
//			return 0, err
//		}
//		b, err := deferred.Await(co, fetch("b"))
//		return a + b, err
//	})
//
// # Ownership
//
// A Deferred belongs to one goroutine at a time, usually the goroutine of a
// reactor. Deferreds have no locks, so the race detector reports a use on
// another goroutine. Callbacks run on the stack of the function that fires,
// adds, unpauses or cancels. A coroutine and its owner take turns; they never
// run at the same time. The package starts no other goroutine.
//
// Other goroutines pass a result in with [FromFuture], and wait for one with
// [AsFuture] and [Wait]. These functions post to the owner through a [Loop].
// Debug mode, see [SetDebugging], records where Deferreds are made and fired,
// and panics where one is used on the wrong goroutine.
//
// # Misuse
//
// A mistake in the program panics, with an error that says how to mend it:
// firing twice, using the zero Deferred, adding a nil function, adding to a
// stale view, an Unpause without Pause, an Await outside its coroutine. Where
// two parties may compete to fire, [Deferred.TryCallback] and
// [Deferred.TryErrback] return the error instead.
package deferred
