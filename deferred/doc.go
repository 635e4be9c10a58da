// Package deferred is results that arrive later: Twisted's Deferred for Go.
//
// # A Deferred
//
// A [Deferred] stands for a result that is not there yet. Whoever will have it calls [Deferred.Callback] with a value or [Deferred.Errback]
// with an error, once; that is called firing. Whoever wants it adds callbacks. They run in the order in which they were added, when the
// Deferred fires, or at once if it has fired; no callback is ever put off to a later time. The result stays until somebody takes it.
//
//	d := deferred.New[string]()
//	d.AddCallback(func(s string) (string, error) { return strings.ToUpper(s), nil })
//	d.Callback("hello")
//
// # Two lanes
//
// A chain of callbacks has a lane for values and a lane for errors. [Deferred.AddCallback] puts a function on the first,
// [Deferred.AddErrback] on the second, [Deferred.AddBoth] and [Deferred.AddCallbacks] one on each. What a function returns goes to the next
// one: a value on the first lane, an error on the second. A panic goes to the second as well, as a [*PanicError] with its stack. So an
// error travels past all callbacks to the first errback, which either returns a value, and the chain goes on as if nothing had
// happened, or an error. [Trap] helps an errback to handle some errors and let the others pass.
//
// An error that reaches the end of its chain and is still there when the Deferred is garbage collected is reported, see [OnUnhandled].
//
// # Chaining
//
// A callback may itself need to wait. With [ThenDeferred] it returns a Deferred; the chain then stops until that one has a result,
// and goes on with it. The result moves: the inner Deferred is left with the zero value, so that each error is in one place, and is
// reported once. Lines of a hundred thousand such waits unwind without using stack.
//
// [List], [Gather] and [Race] wait for many; [Deferred.ChainDeferred] fires one Deferred with the result of another.
//
// # Types
//
// A Deferred[T] is a small handle, copied freely, that views an untyped chain. Methods keep the type; functions change it: [Then] adds a
// callback from T to U to the same chain and returns the handle of the new type. The old handle is spent, and says so if it is used to add
// more. A Deferred[any] is as dynamic as Twisted's: if a callback of it returns a Deferred, of any type, the chain waits for it. [Any]
// makes one of a typed Deferred.
//
// # Giving up
//
// [Deferred.Cancel] stops the work behind a Deferred by calling the canceller that was given to [New], and fails it with [ErrCancelled].
// If the Deferred waits on another, that one is cancelled instead, so the cancellation reaches what is really going on.
// [Deferred.AddTimeout] cancels after a time, [Deferred.AddContext] when a context is done.
//
// # Coroutines
//
// [Inline] runs straight-line code that waits with [Await], like Twisted's inlineCallbacks. It returns a Deferred of what the code
// returns. Cancelling that cancels what is awaited at the moment. Deferred calls, recover and panics inside are as everywhere in Go.
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
// A Deferred belongs to one goroutine at a time, as a rule that of a reactor; nothing here holds a lock, so the race detector reports
// whoever touches one from elsewhere. The package starts no goroutine: callbacks run on the stack of whoever fires, adds, unpauses or
// cancels, and coroutines run in turn with it, never beside it. Other goroutines deliver a result with [FromFuture] and wait for
// one with [AsFuture] and [Wait]; these post to the owner through a [Loop]. [SetDebugging] records where Deferreds are made and fired, and
// together with [BindOwner] finds those that are used on the wrong goroutine.
//
// # Misuse
//
// What only a mistake in the program can cause panics, with an error that says what to do: firing twice, firing the zero
// Deferred, adding a nil function or to a spent handle, an Unpause without Pause, Await outside its coroutine. Where two parties may
// compete to fire, [Deferred.TryCallback] and [Deferred.TryErrback] return the error instead.
package deferred
