package task

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var errNoDeferred = errors.New("task: main has returned the zero Deferred; " +
	"return one that fires when the program is done")

// maxExitCode is the largest exit code of a process on Unix.
const maxExitCode = 255

// ExitError is a failure that ends the program with an exit code and without a
// message. Code must be from 0 to 255; any other value ends the program with
// 255, because the system would keep only its last eight bits.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("task: exit with code %d", e.Code) }

// React is the main function of a program. It makes a reactor and calls main on
// its loop with the arguments of the command line. When the Deferred that main
// returns has fired, React stops the reactor and ends the process:
//
//	func main() {
//		task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
//			return serve(r, args)
//		})
//	}
//
// The exit code is
//
//   - 0 after success
//   - the code of an [*ExitError], without a message
//   - 1 after any other failure; React writes one line to standard error, the
//     program's name and the error. For a panic, the stack follows.
//   - 128 and the number of the signal, as in a shell, if SIGINT or SIGTERM has
//     stopped the reactor and the Deferred has not fired during the shutdown
//   - 0 if something else has stopped the reactor and the Deferred has not fired
//
// A second signal ends the process at once.
func React[T any](main func(r *reactor.Reactor, args []string) deferred.Deferred[T]) {
	arg.NotNil("task: React", "function", main)
	os.Exit(Main(reactor.New(reactor.Options{}), main, os.Args[1:], os.Stderr))
}

// Main is like React for a program that configures its reactor. It runs r and
// returns the exit code instead of ending the process. It writes to stderr
// instead of standard error.
func Main[T any](
	r *reactor.Reactor, main func(r *reactor.Reactor, args []string) deferred.Deferred[T], args []string, stderr io.Writer,
) (code int) {
	arg.NotNil("task: Main", "reactor", r)
	arg.NotNil("task: Main", "function", main)
	arg.NotNil("task: Main", "stderr", stderr)
	var end ending
	r.CallWhenRunning(func() {
		d := deferred.MaybeDeferred(func() deferred.Deferred[T] { return main(r, args) })
		if d == (deferred.Deferred[T]{}) {
			d = deferred.Fail[T](errNoDeferred)
		}
		d.OnResult(func(_ T, err error) {
			end = ending{over: true, err: err}
			_ = r.Stop() // an error means that it is stopping already
		})
	})
	if err := r.Run(); err != nil && end.err == nil {
		end = ending{over: true, err: err}
	}
	return end.report(r, stderr)
}

// ending is the outcome of main.
type ending struct {
	over bool // the Deferred has fired
	err  error
}

// report writes the message and returns the exit code.
func (e ending) report(r *reactor.Reactor, stderr io.Writer) int {
	if !e.over {
		return signalCode(r.StopSignal())
	}
	if e.err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*ExitError](e.err); ok {
		return exit.code()
	}
	fmt.Fprintf(stderr, "%s: %s\n", filepath.Base(os.Args[0]), message(e.err))
	if p, ok := errors.AsType[*deferred.PanicError](e.err); ok {
		fmt.Fprintf(stderr, "\n%s\n", p.Stack)
	}
	return 1
}

func (e *ExitError) code() int {
	if e.Code < 0 || e.Code > maxExitCode {
		return maxExitCode
	}
	return e.Code
}

// message returns the text of an error in one line. Control characters, which
// a peer may have sent, are replaced.
func message(err error) string {
	text := err.Error()
	if p, ok := err.(*deferred.PanicError); ok {
		text = fmt.Sprintf("panic: %v", p.Value)
	}
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}

// signalCode returns the exit code of a program that s has stopped; s may be
// nil.
func signalCode(s os.Signal) int {
	if s, ok := s.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 0
}
