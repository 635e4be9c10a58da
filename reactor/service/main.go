package service

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
	"github.com/hawser-go/hawser/reactor/task"
)

// Run is the main function of a program that serves until it is told to stop.
// It makes a reactor, and calls build on its loop with the arguments of the
// command line. Then it starts the service that build returns:
// PrivilegedStartService, if the service has it, and StartService.
//
// SIGINT, SIGTERM or Reactor.Stop begin the shutdown. The service is stopped
// first, while everything else still works; then the reactor closes what is
// open. A second signal ends the process at once. Options.ShutdownTimeout of
// the reactor limits the time to stop; then the Deferred of StopService is
// cancelled.
//
// The process ends with the exit code
//
//   - 0 if the service has stopped
//   - the code of a *task.ExitError, without a message
//   - 1 if build failed, the service did not start, or it failed to stop or did
//     not stop in time. Run writes one line to standard error, the program's
//     name and the error. For a panic, the stack follows. If a part of a
//     MultiService did not start, the parts before are stopped first.
func Run(build func(r *reactor.Reactor, args []string) (Service, error)) {
	arg.NotNil("service: Run", "function", build)
	os.Exit(Main(reactor.New(reactor.Options{}), build, os.Args[1:], os.Stderr))
}

// Main is like Run for a program that configures its reactor. It runs r and
// returns the exit code instead of ending the process. It writes to stderr
// instead of standard error.
func Main(
	r *reactor.Reactor, build func(r *reactor.Reactor, args []string) (Service, error), args []string, stderr io.Writer,
) (code int) {
	arg.NotNil("service: Main", "function", build)
	return task.Main(r, func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		s, err := build(r, args)
		switch {
		case err != nil:
			return deferred.Fail[struct{}](err)
		case s == nil:
			return deferred.Fail[struct{}](errNoService)
		}
		return serve(r, s)
	}, args, stderr)
}

// serve starts s, and stops it before the shutdown. The Deferred fires when s
// has ended.
func serve(r *reactor.Reactor, s Service) deferred.Deferred[struct{}] {
	done := deferred.New[struct{}]()
	startErr := startPrivileged(s)
	if startErr == nil {
		startErr = start(s)
	}
	end := sync.OnceValue(func() deferred.Deferred[struct{}] {
		stopped := stop(s)
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
			if !done.Called() { // the shutdown timeout has passed
				done.Errback(errors.Join(startErr, &TimeoutError{unended(s)}))
				stopped.Cancel()
			}
		})
		ended := deferred.New[struct{}]()
		stopped.OnResult(func(_ struct{}, err error) {
			fire(done, errors.Join(startErr, err))
			ended.Callback(struct{}{})
		})
		return ended
	})
	if startErr != nil {
		end()
	}
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, end)
	return done
}
