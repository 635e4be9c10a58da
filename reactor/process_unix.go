//go:build unix

package reactor

import (
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

var signalNames = map[string]os.Signal{
	"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "STOP": syscall.SIGSTOP,
}

func sendSignal(child *os.Process, sig os.Signal) error { return child.Signal(sig) }

// terminate asks a child to end.
func terminate(child *os.Process) error { return child.Signal(syscall.SIGTERM) }

// terminated returns the reason of a child that did not exit with code 0.
func terminated(state *os.ProcessState) *ProcessTerminatedError {
	status := state.Sys().(syscall.WaitStatus)
	e := &ProcessTerminatedError{ExitCode: state.ExitCode(), Status: uint32(status)}
	if status.Signaled() {
		e.Signal = status.Signal()
	}
	return e
}

func (l *launch) setCredential(c *ProcessCredential) error {
	if c != nil {
		l.sys().Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	return nil
}

// sys returns the attributes of the system. A child without any has none,
// because package os reports errors better then.
func (l *launch) sys() *syscall.SysProcAttr {
	if l.attr.Sys == nil {
		l.attr.Sys = new(syscall.SysProcAttr)
	}
	return l.attr.Sys
}

func addCriticalEnv(env []string) []string { return env }

// withoutInherited returns files, with a nil for each further descriptor that
// the child would inherit. The child closes these. Go opens all descriptors so
// that no child inherits them; the parent of this process, or code in another
// language, may have passed or opened others.
func withoutInherited(files []*os.File) []*os.File {
	for _, fd := range openDescriptors() {
		if fd < len(files) || fd < 3 {
			continue // set, or closed by package syscall
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		for len(files) <= fd {
			files = append(files, nil)
		}
	}
	return files
}

// openDescriptors returns the open descriptors of this process. It returns none
// on a system without /dev/fd.
func openDescriptors() []int {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(0) // the names before an error are good
	fds := make([]int, 0, len(names))
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil {
			fds = append(fds, fd)
		}
	}
	return fds
}

// resetting is held while ignored signals are caught.
var resetting sync.Mutex

// resetIgnoredSignals makes a child that is started before restore is called
// use the default action of each signal. Go resets the signals that are caught,
// but not those that are ignored. So this process catches, and drops, its
// ignored signals meanwhile. A signal.Notify for an ignored signal at the same
// moment, on another goroutine, is lost.
func resetIgnoredSignals() (restore func()) {
	ignored := ignoredSignals()
	if len(ignored) == 0 {
		return nop
	}
	resetting.Lock()
	ignored = ignoredSignals() // those that another reactor has reset are ignored again
	dropped := make(chan os.Signal, 1)
	if len(ignored) > 0 {
		signal.Notify(dropped, ignored...)
	}
	return func() {
		if len(ignored) > 0 {
			signal.Ignore(ignored...)
		}
		resetting.Unlock()
	}
}

func ignoredSignals() (ignored []os.Signal) {
	for sig := syscall.Signal(1); sig < 32; sig++ {
		if signal.Ignored(sig) {
			ignored = append(ignored, sig)
		}
	}
	return ignored
}
