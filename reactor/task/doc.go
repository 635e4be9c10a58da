// Package task has what programs on a reactor are made of: functions that are called later, or again and again, long work cut into steps, and
// the frame of a whole program.
//
//   - [DeferLater] calls a function after a time, and answers with a Deferred.
//   - [LoopingCall] calls a function on a fixed grid of times.
//   - [Cooperator] takes steps of several iterators in turn, so that long work does not hold the loop.
//   - [React] is the main function of a program: it runs a reactor until a Deferred has fired, and makes an exit code of the result.
//
// Everything here belongs to the goroutine of the loop. What depends on time takes a reactor.Clock, and is tested with the clock of package
// reactortest.
package task
