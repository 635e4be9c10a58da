package reactor

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
)

// DefaultMaxOutput is the number of bytes that GetProcessOutput and
// GetProcessOutputAndValue accept from a process without
// OutputOptions.MaxOutput.
const DefaultMaxOutput = 16 << 20

// OutputOptions configures GetProcessOutput, GetProcessValue and
// GetProcessOutputAndValue. The zero value works, with an empty environment.
type OutputOptions struct {
	// ProcessOptions are the options of the process. ChildFDs must be nil, and
	// UsePTY false.
	ProcessOptions

	// Input is the standard input of the process. nil means none: the process
	// reads the end of file.
	Input []byte

	// ErrorToo makes GetProcessOutput accept data on the standard error, as a
	// part of the output. The order between both is not certain.
	ErrorToo bool

	// MaxOutput limits the output and the standard error together, in bytes. A
	// process that writes more is killed, and the Deferred fails with
	// ErrOutputTooLong. 0 means DefaultMaxOutput. GetProcessValue drops all
	// output and has no limit.
	MaxOutput int
}

// ProcessOutput is the result of GetProcessOutputAndValue.
type ProcessOutput struct {
	Out, Err []byte // what the process wrote to the standard output and error
	Code     int    // the exit code
}

var (
	// ErrOutputTooLong is the failure of GetProcessOutput and
	// GetProcessOutputAndValue if a process wrote more than
	// OutputOptions.MaxOutput bytes.
	ErrOutputTooLong = errors.New("reactor: the process wrote too much and was killed; see OutputOptions.MaxOutput")

	errNoPipes = errors.New("ChildFDs and UsePTY cannot be used here; use SpawnProcess")
)

// UnexpectedStderrError is the failure of GetProcessOutput if the process wrote
// to its standard error, without OutputOptions.ErrorToo.
type UnexpectedStderrError struct {
	Stderr []byte // the data that came first

	// Ended fires with the reason of ProcessEnded. The pipes of the process are
	// closed, but the process may run on.
	Ended deferred.Deferred[error]
}

func (e *UnexpectedStderrError) Error() string {
	return fmt.Sprintf("reactor: the process wrote to its standard error: %.200q", e.Stderr)
}

// ProcessSignalError is the failure of GetProcessOutputAndValue if a signal
// ended the process. It matches the *ProcessTerminatedError.
type ProcessSignalError struct {
	Out, Err []byte
	Signal   syscall.Signal
	reason   error
}

func (e *ProcessSignalError) Error() string { return e.reason.Error() }

// Unwrap returns the *ProcessTerminatedError.
func (e *ProcessSignalError) Unwrap() error { return e.reason }

// GetProcessOutput runs a program and returns a Deferred that fires with what
// the program wrote to its standard output, whatever its exit code. args are
// the arguments without the name of the program.
//
// As soon as the program writes to its standard error, the Deferred fails with
// an *UnexpectedStderrError, unless opts.ErrorToo is set. The Deferred fails
// with a *CannotSpawnError if the program cannot be started, with
// [ErrOutputTooLong] if the output is too long, and with an error that matches
// ErrReactorEnded if the reactor stops. Cancel kills the process.
//
// GetProcessOutput must be called on the loop, or before Run.
func GetProcessOutput(
	r ProcessSpawner, executable string, args []string, opts OutputOptions,
) deferred.Deferred[[]byte] {
	c := newCollector(opts)
	if opts.ErrorToo {
		c.received[2] = c.received[1]
	} else {
		c.received[2] = c.unexpected
	}
	return deferred.Then(c.run(r, executable, args, opts), func(reason error) ([]byte, error) {
		return c.out.Bytes(), ended(reason)
	})
}

// GetProcessValue runs a program, drops its output, and returns a Deferred that
// fires with its exit code. The Deferred fails with a *ProcessTerminatedError
// if a signal ended the program, and otherwise as that of GetProcessOutput
// does. Cancel kills the process. GetProcessValue must be called on the loop,
// or before Run.
func GetProcessValue(r ProcessSpawner, executable string, args []string, opts OutputOptions) deferred.Deferred[int] {
	c := newCollector(opts)
	clear(c.received)
	return deferred.Then(c.run(r, executable, args, opts), exitCode)
}

// GetProcessOutputAndValue runs a program, writes opts.Input to it, and returns
// a Deferred that fires with its output and exit code. The Deferred fails with
// a *ProcessSignalError if a signal ended the program, and otherwise as that of
// GetProcessOutput does. Cancel kills the process. GetProcessOutputAndValue
// must be called on the loop, or before Run.
func GetProcessOutputAndValue(
	r ProcessSpawner, executable string, args []string, opts OutputOptions,
) deferred.Deferred[ProcessOutput] {
	c := newCollector(opts)
	return deferred.Then(c.run(r, executable, args, opts), func(reason error) (ProcessOutput, error) {
		code, err := exitCode(reason)
		if e, ok := errors.AsType[*ProcessTerminatedError](err); ok {
			return ProcessOutput{}, &ProcessSignalError{c.out.Bytes(), c.err.Bytes(), e.Signal, e}
		}
		return ProcessOutput{c.out.Bytes(), c.err.Bytes(), code}, err
	})
}

// exitCode returns the exit code in the reason of ProcessEnded, or the reason
// if there is no exit code.
func exitCode(reason error) (int, error) {
	if e, ok := errors.AsType[*ProcessTerminatedError](reason); ok && e.Signal == 0 {
		return e.ExitCode, nil
	}
	if reason == ErrProcessDone {
		return 0, nil
	}
	return 0, reason
}

// ended returns the reason of ProcessEnded, or nil if the process has ended.
func ended(reason error) error {
	if _, ok := errors.AsType[*ProcessTerminatedError](reason); ok || reason == ErrProcessDone {
		return nil
	}
	return reason
}

// collector is the protocol of a process whose output is collected.
type collector struct {
	BaseProcessProtocol
	input    []byte
	out, err bytes.Buffer
	left     int                       // bytes that may still be received
	received map[int]func(data []byte) // by the descriptor; the data of others is dropped
	result   deferred.Deferred[error]  // the reason of ProcessEnded
	end      deferred.Deferred[error]  // in an UnexpectedStderrError; may be zero
}

func newCollector(opts OutputOptions) *collector {
	c := &collector{input: opts.Input, left: opts.MaxOutput}
	if c.left <= 0 {
		c.left = DefaultMaxOutput
	}
	c.received = map[int]func([]byte){
		1: func(data []byte) { c.out.Write(data) },
		2: func(data []byte) { c.err.Write(data) },
	}
	c.result = deferred.New(func(deferred.Deferred[error]) { c.Transport().AbortConnection() })
	return c
}

// run starts the program. The Deferred fires with the reason of ProcessEnded.
func (c *collector) run(r ProcessSpawner, executable string, args []string, opts OutputOptions) deferred.Deferred[error] {
	if opts.ChildFDs != nil || opts.UsePTY {
		c.result.Errback(&CannotSpawnError{executable, errNoPipes})
		return c.result
	}
	args = append([]string{executable}, args...)
	if _, err := r.SpawnProcess(c, executable, args, opts.ProcessOptions); err != nil {
		c.result.Errback(err)
	}
	return c.result
}

// ConnectionMade implements ProcessProtocol.
func (c *collector) ConnectionMade() {
	c.Transport().Write(c.input)
	c.Transport().CloseStdin()
}

// ChildDataReceived implements ProcessProtocol.
func (c *collector) ChildDataReceived(fd int, data []byte) {
	receive := c.received[fd]
	if receive == nil || c.result.Called() {
		return
	}
	if c.left -= len(data); c.left < 0 {
		c.Transport().AbortConnection()
		c.result.Errback(ErrOutputTooLong)
		return
	}
	receive(data)
}

// unexpected receives data of the standard error.
func (c *collector) unexpected(data []byte) {
	c.end = deferred.New[error]()
	c.Transport().LoseConnection()
	c.result.Errback(&UnexpectedStderrError{data, c.end})
}

// ProcessEnded implements ProcessProtocol.
func (c *collector) ProcessEnded(reason error) {
	switch {
	case c.end != (deferred.Deferred[error]{}):
		_ = c.end.TryCallback(reason) // an error: the program has cancelled it
	case !c.result.Called():
		c.result.Callback(reason)
	}
}
