package task

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ExitError is a failure that only asks for an exit code (R170).
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("task: exit with code %d", e.Code) }

// React is the main function of a program (R167). It calls main, with the arguments of the command line, on the loop of a new reactor, runs that
// until main's Deferred has fired, stops it, and ends the process:
//
//	func main() {
//		task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
//			return serve(r, args)
//		})
//	}
//
// A success is exit code 0. A failure is one line on standard error, the program's name and the error, and exit code 1; an [*ExitError] is its
// code and no line. SIGINT and SIGTERM stop the reactor: unless main's Deferred fires during the shutdown, the exit code is then 128 and the
// signal's number, as shells have it. A second signal ends the process at once.
func React[T any](main func(r *reactor.Reactor, args []string) deferred.Deferred[T]) {
	os.Exit(Main(reactor.New(reactor.Options{}), main, os.Args[1:], os.Stderr))
}

// Main is React with a given reactor, for programs that configure theirs: it runs that and returns the exit code. What is to be said about a
// failure goes to stderr.
func Main[T any](r *reactor.Reactor, main func(r *reactor.Reactor, args []string) deferred.Deferred[T], args []string, stderr io.Writer) (code int) {
	var end ending
	r.CallWhenRunning(func() {
		d := deferred.MaybeDeferred(func() deferred.Deferred[T] { return main(r, args) })
		if d == (deferred.Deferred[T]{}) {
			d = deferred.Fail[T](errors.New("task: main returned the zero Deferred"))
		}
		d.AddBoth(func(_ T, err error) (none T, _ error) {
			end = ending{over: true, err: err}
			_ = r.Stop() // an error means that it is stopping already (R172)
			return none, nil
		})
	})
	if err := r.Run(); err != nil && end.err == nil {
		end = ending{over: true, err: err}
	}
	return end.report(r, stderr)
}

// ending is how main has ended.
type ending struct {
	over bool
	err  error
}

// report says what there is to say and returns the exit code.
func (e ending) report(r *reactor.Reactor, stderr io.Writer) int {
	if !e.over {
		return signalCode(r.StopSignal())
	}
	if e.err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*ExitError](e.err); ok {
		return exit.Code
	}
	fmt.Fprintf(stderr, "%s: %v\n", filepath.Base(os.Args[0]), e.err)
	if p, ok := errors.AsType[*deferred.PanicError](e.err); ok {
		fmt.Fprintf(stderr, "%s\n", p.Stack)
	}
	return 1
}

func signalCode(s os.Signal) int {
	if s, ok := s.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 0
}
