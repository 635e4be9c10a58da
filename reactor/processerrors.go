package reactor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

var (
	// ErrProcessDone is the reason of ProcessExited and ProcessEnded after exit
	// code 0. It matches ErrConnectionDone.
	ErrProcessDone = condition("the process ended with exit code 0", ErrConnectionDone)

	// ErrProcessExitedAlready is returned by SignalProcess and Signal if the
	// child has ended.
	ErrProcessExitedAlready = errors.New("reactor: the process has ended already")

	// ErrNoChildFD is wrapped by the error of WriteToChild if there is no open
	// pipe to that descriptor.
	ErrNoChildFD = errors.New("reactor: there is no open pipe to this descriptor of the child; see ProcessOptions.ChildFDs")
)

// ProcessTerminatedError is the reason of ProcessExited and ProcessEnded if the
// child ended with an exit code other than 0, or by a signal. It matches
// ErrConnectionLost.
type ProcessTerminatedError struct {
	ExitCode int            // -1 if a signal ended the child
	Signal   syscall.Signal // 0 if the child exited
	Status   uint32         // the system's wait status; on Windows the exit code
}

func (e *ProcessTerminatedError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("reactor: the process was ended by signal %d (%v)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("reactor: the process ended with exit code %d", e.ExitCode)
}

// Unwrap returns ErrConnectionLost.
func (e *ProcessTerminatedError) Unwrap() error { return ErrConnectionLost }

// CannotSpawnError is the failure to start a process. It matches its cause.
type CannotSpawnError struct {
	Executable string
	Err        error // the cause, usually the system's error; never nil
}

func (e *CannotSpawnError) Error() string {
	return fmt.Sprintf("reactor: cannot start %q: %v", e.Executable, e.Err)
}

// Unwrap returns the cause.
func (e *CannotSpawnError) Unwrap() error { return e.Err }

// processReason returns the reason of ProcessExited for the result of
// os.Process.Wait.
func processReason(state *os.ProcessState, err error) error {
	switch {
	case err != nil: // something else in this program has waited for the child
		return &ConnectionLostError{err}
	case state.Success():
		return ErrProcessDone
	}
	return terminated(state)
}
