//go:build !unix

package reactor

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

var signalNames = map[string]os.Signal{
	"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "STOP": syscall.Signal(19),
}

// sendSignal ends the child for the signals that usually do. The system has no
// others.
func sendSignal(child *os.Process, sig os.Signal, _ bool) error {
	switch sig {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT:
		return child.Kill()
	}
	return fmt.Errorf("reactor: this system cannot send the signal %v: %w", sig, errors.ErrUnsupported)
}

// terminated returns the reason of a child that did not exit with code 0.
func terminated(state *os.ProcessState) *ProcessTerminatedError {
	return &ProcessTerminatedError{ExitCode: state.ExitCode(), Status: uint32(state.ExitCode())}
}

func (l *launch) setCredential(c *ProcessCredential) error {
	if c != nil {
		return fmt.Errorf("this system cannot run a child as another user: %w", errors.ErrUnsupported)
	}
	return nil
}

func (l *launch) setGroup() error { return errors.ErrUnsupported }

func (l *launch) openTerminal(*ProcessOptions) error {
	return fmt.Errorf("this system has no terminals for children: %w", errors.ErrUnsupported)
}

func setWindowSize(*os.File, WindowSize) error { return errors.ErrUnsupported }

func sendBreak(*os.File) error { return errors.ErrUnsupported }

// addCriticalEnv adds the variable without which programs on Windows cannot
// start.
func addCriticalEnv(env []string) []string {
	const name = "SYSTEMROOT"
	for _, entry := range env {
		if key, _, _ := strings.Cut(entry, "="); strings.EqualFold(key, name) {
			return env
		}
	}
	return append(env, name+"="+os.Getenv(name))
}

func withoutInherited(files []*os.File) []*os.File { return files }

func resetIgnoredSignals() (restore func()) { return nop }
