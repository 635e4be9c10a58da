package deferred

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// ErrAlreadyTryingToLock is the failure of a second DeferUntilLocked while one is pending (D305).
var ErrAlreadyTryingToLock = errors.New("deferred: already trying to lock; a FilesystemLock takes one DeferUntilLocked at a time")

// FilesystemLock is a lock between processes: a symbolic link, made in one step, that names the process that holds it (D309). The file
// system must have symbolic links.
type FilesystemLock struct {
	path    string
	clock   Clock
	locked  bool
	broken  bool
	pending *lockAttempt
}

// NewFilesystemLock returns a lock at a path, which must not exist unless it is such a lock. DeferUntilLocked tries again by clock.
func NewFilesystemLock(path string, clock Clock) *FilesystemLock {
	return &FilesystemLock{path: path, clock: clock}
}

// Lock tries to take the lock, once, and reports whether it has. A lock that a dead process has left behind is broken, see [FilesystemLock.Clean].
func (l *FilesystemLock) Lock() (bool, error) {
	l.broken = false
	for {
		err := os.Symlink(strconv.Itoa(os.Getpid()), l.path)
		if err == nil {
			l.locked = true
			return true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return false, fmt.Errorf("deferred: taking the lock: %w", err)
		}
		if held, err := l.heldByAnother(); held || err != nil {
			return false, err
		}
	}
}

// heldByAnother looks at the link that is in the way. It removes it if its process is dead.
func (l *FilesystemLock) heldByAnother() (bool, error) {
	pid, err := l.holder()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // released in between
	case err != nil:
		return false, err
	case alive(pid):
		return true, nil
	}
	l.broken = true
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("deferred: breaking the lock of dead process %d: %w", pid, err)
	}
	return false, nil
}

// holder returns the process that the link names.
func (l *FilesystemLock) holder() (pid int, err error) {
	target, err := os.Readlink(l.path)
	if err != nil {
		return 0, fmt.Errorf("deferred: reading the lock: %w", err)
	}
	if pid, err = strconv.Atoi(target); err != nil || pid <= 0 {
		return 0, fmt.Errorf("deferred: %s is no lock: it names %q, not a process", l.path, target)
	}
	return pid, nil
}

// alive reports whether there is a process of that id. On Windows, FindProcess answers that; elsewhere, a signal of zero.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil || runtime.GOOS == "windows" {
		return err == nil
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// Unlock releases the lock. It is an error if this process does not hold it.
func (l *FilesystemLock) Unlock() error {
	pid, err := l.holder()
	if err != nil {
		return err
	}
	if pid != os.Getpid() {
		return fmt.Errorf("deferred: unlocking %s, which process %d holds", l.path, pid)
	}
	l.locked = false
	return os.Remove(l.path)
}

// Locked reports whether this FilesystemLock holds the lock.
func (l *FilesystemLock) Locked() bool { return l.locked }

// Clean reports whether the last Lock found no lock that a dead process had left behind. If it did, what the lock protects may be in
// disorder.
func (l *FilesystemLock) Clean() bool { return !l.broken }

// IsLocked reports whether anybody holds the lock, by trying to take it.
func (l *FilesystemLock) IsLocked() (bool, error) {
	probe := NewFilesystemLock(l.path, l.clock)
	free, err := probe.Lock()
	if free {
		return false, probe.Unlock()
	}
	return err == nil, err
}

// lockRetry is how long DeferUntilLocked waits between two attempts.
const lockRetry = time.Second

// DeferUntilLocked tries to take the lock now and then every second, and returns a Deferred that fires when it has (D300, D301). If timeout
// is greater than zero, it fails with a [*TimeoutError] when that has passed; before that, as before giving way to a cancellation, it
// tries once more (D302, D303). An error other than that somebody holds the lock ends the attempts. It fails with
// ErrAlreadyTryingToLock, at once, if an earlier one is pending (D305).
func (l *FilesystemLock) DeferUntilLocked(timeout time.Duration) Deferred[struct{}] {
	if l.pending != nil {
		return Fail[struct{}](ErrAlreadyTryingToLock)
	}
	a := &lockAttempt{lock: l}
	a.result = New(func(Deferred[struct{}]) { a.giveUp(ErrCancelled) })
	l.pending = a
	if a.try(); l.pending == a && timeout > 0 {
		a.stopTimeout = l.clock.AfterFunc(timeout, func() {
			a.stopTimeout = nil
			a.giveUp(&TimeoutError{After: timeout, What: "lock " + l.path})
		})
	}
	return a.result
}

// lockAttempt is a DeferUntilLocked that is pending.
type lockAttempt struct {
	lock                   *FilesystemLock
	result                 Deferred[struct{}]
	stopRetry, stopTimeout func() bool // nil if there is nothing to stop
}

// try takes the lock or arranges for the next attempt.
func (a *lockAttempt) try() {
	a.stopRetry = nil
	locked, err := a.lock.Lock()
	if locked || err != nil {
		a.end(err)
		return
	}
	a.stopRetry = a.lock.clock.AfterFunc(lockRetry, a.try)
}

// giveUp tries for the last time.
func (a *lockAttempt) giveUp(reason error) {
	locked, err := a.lock.Lock()
	switch {
	case locked:
		a.end(nil)
	case err != nil:
		a.end(err)
	default:
		a.end(reason)
	}
}

func (a *lockAttempt) end(err error) {
	for _, stop := range []func() bool{a.stopRetry, a.stopTimeout} {
		if stop != nil {
			stop()
		}
	}
	a.lock.pending = nil
	fire(a.result, struct{}{}, err)
}
