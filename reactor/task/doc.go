// Package task provides delayed and repeated function calls, long work in
// steps, and the main function of a program.
//
//   - [DeferLater] calls a function after a delay and returns its result as a
//     Deferred.
//   - [LoopingCall] calls a function at regular times.
//   - [Cooperator] does several pieces of long work in turn, one step at a
//     time, so that none of them blocks the loop.
//   - [React] runs a reactor until a Deferred has fired, and ends the process
//     with an exit code.
//
// All functions and methods must be called on the goroutine of the reactor, and
// run their callbacks there; only [React] and [Main] are called by the main
// function of the program. Functions that depend on time take a
// [reactor.Clock], so they can be tested with the clock of package reactortest.
//
// Functions that store an argument panic if it is nil. The panic value is an
// error that names the function.
package task
