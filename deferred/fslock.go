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

// ErrAlreadyTryingToLock is the failure of a DeferUntilLocked that was called
// while an earlier one is pending.
var ErrAlreadyTryingToLock = errors.New("deferred: already trying to lock; a FilesystemLock takes one DeferUntilLocked at a time")

// FilesystemLock is a lock between processes: a symbolic link whose target is
// the id of the process that holds the lock. The file system must support
// symbolic links, and the processes must share one set of process ids: two
// containers usually do not.
//
// If a process ends without unlocking, its lock is stale, and the next Lock
// takes the lock over. A stale lock counts as held if its process id has been
// given to another process in the meantime. While a lock is taken over, links
// named path+".next" exist beside it; do not use these names.
//
// A FilesystemLock belongs to one goroutine at a time. Several of them, in one
// process or in many, may use one path at the same time.
type FilesystemLock struct {
	path    string
	clock   Clock
	locked  bool
	broken  bool
	pending *lockAttempt
}

// NewFilesystemLock returns a lock at path. Something at path that is not such
// a lock is never removed, and makes Lock fail. Only DeferUntilLocked needs the
// clock; without it the clock may be nil.
func NewFilesystemLock(path string, clock Clock) *FilesystemLock {
	return &FilesystemLock{path: path, clock: clock}
}

// Lock tries once to take the lock and reports whether that succeeded. A stale
// lock is taken over, see [FilesystemLock.Clean]. Lock returns an error if the
// link cannot be read or made, or if something that is not a lock is at the
// path. Lock does not wait, but uses the file system.
func (l *FilesystemLock) Lock() (bool, error) {
	locked, broken, err := takeLink(l.path)
	if locked {
		l.locked, l.broken = true, broken
	}
	return locked, err
}

// takeLink makes the link at path, or replaces a stale one. taken reports
// whether that succeeded, and broken whether there was a stale link.
//
// Several processes may find the same link stale. If each of them read the link
// and then removed it, a slow one would remove the link of a fast one, which
// has done the same before and holds the lock. Renaming the stale link first,
// and looking at the renamed one, has the same gap. So the right to replace a
// link is a lock of its own, the link path+".next":
//
//  1. Take path+".next" in the same way. If another process holds it, that
//     process is replacing the stale link: give up.
//  2. Read the link at path again. If that is no longer stale, remove
//     path+".next" and start again.
//  3. Rename path+".next" to path.
//
// Between steps 2 and 3 the link at path cannot change. No process can make a
// link while one exists, only the holder of path+".next" replaces a stale link,
// and the process that would remove the link by unlocking is dead.
//
// The rename is one atomic step, which replaces the stale link by ours and
// releases path+".next". The path is never without a link in between, so no
// other process can take the lock and believe that it was free.
//
// A process that dies on the way leaves path+".next" stale. Step 1 of the next
// process takes that link over by means of path+".next.next", and so on.
func takeLink(path string) (taken, broken bool, err error) {
	for range maxLooks {
		err := os.Symlink(strconv.Itoa(os.Getpid()), path)
		if err == nil {
			return true, false, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return false, false, fmt.Errorf("deferred: taking the lock: %w", err)
		}
		state, err := look(path)
		if state == stale {
			state, err = replaceStale(path)
			if state == replaced {
				return true, true, nil
			}
		}
		if state == held || err != nil {
			return false, false, err
		}
	}
	return false, false, nil // the lock changes hands all the time
}

// maxLooks bounds how often Lock starts again after the link has changed under
// the reader.
const maxLooks = 100

// replaceStale replaces a stale link at path by one of this process, and then
// returns replaced. The state free says that the link has changed; start again.
func replaceStale(path string) (linkState, error) {
	next := path + ".next"
	if taken, _, err := takeLink(next); !taken {
		return held, err
	}
	state, err := look(path)
	if state == stale {
		if err = os.Rename(next, path); err == nil {
			return replaced, nil
		}
		err = fmt.Errorf("deferred: taking over the lock of a dead process: %w", err)
	}
	_ = os.Remove(next) // the lock's own error matters more
	return free, err
}

// linkState says how a lock's link was found.
type linkState uint8

const (
	free     linkState = iota // there was no link, or another one by now; with an error: unknown
	held                      // the link names a living process
	stale                     // the link names a dead process
	replaced                  // the link was stale, and is ours now
)

func look(path string) (linkState, error) {
	pid, err := holder(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return free, nil
	case err != nil:
		return free, err
	case alive(pid):
		return held, nil
	}
	return stale, nil
}

// holder returns the process that the link at path names, or an error if there
// is no link or if its target is not a process id.
func holder(path string) (pid int, err error) {
	target, err := os.Readlink(path)
	if err != nil {
		return 0, fmt.Errorf("deferred: reading the lock: %w", err)
	}
	id, err := strconv.ParseInt(target, 10, 32)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("deferred: %s is not a lock: its target is %q, not a process id; remove it or use another path", path, target)
	}
	return int(id), nil
}

// alive reports whether a process of that id exists. A process that we may not
// look at exists.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		defer p.Release()              // closes a descriptor
		if runtime.GOOS != "windows" { // there FindProcess has looked
			err = p.Signal(syscall.Signal(0))
		}
	}
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// Unlock releases the lock. If this process does not hold the lock, Unlock
// returns an error and changes nothing on disk. Locked is false afterwards,
// unless the link is ours and could not be removed.
func (l *FilesystemLock) Unlock() error {
	pid, err := holder(l.path)
	if err == nil && pid != os.Getpid() {
		err = fmt.Errorf("deferred: unlocking %s, which process %d holds", l.path, pid)
	}
	if err != nil {
		l.locked = false
		return err
	}
	if err := os.Remove(l.path); err != nil {
		return fmt.Errorf("deferred: unlocking: %w", err)
	}
	l.locked = false
	return nil
}

// Locked reports whether this FilesystemLock took the lock, and has not
// released the lock since.
func (l *FilesystemLock) Locked() bool { return l.locked }

// Clean reports whether the lock was free when Lock took it last. If not, the
// previous holder died without unlocking, and the things that the lock protects
// may be in disorder.
func (l *FilesystemLock) Clean() bool { return !l.broken }

// IsLocked reports whether a living process holds the lock. A stale lock stays,
// for the next Lock to find. IsLocked returns an error if something that is not
// a lock is at the path.
func (l *FilesystemLock) IsLocked() (bool, error) {
	state, err := look(l.path)
	return state == held, err
}

// lockRetry is the time between two attempts of DeferUntilLocked.
const lockRetry = time.Second

// DeferUntilLocked tries to take the lock, at once and then every second, and
// returns a Deferred that fires when the lock is taken.
//
// If timeout is greater than zero, the Deferred fails with a [*TimeoutError]
// after that time. A cancelled Deferred fails with ErrCancelled. Both are
// preceded by a last attempt, and if that takes the lock, the Deferred fires
// with success. If Lock returns an error, the Deferred fails with that error.
// If an earlier DeferUntilLocked is pending, the Deferred has failed with
// ErrAlreadyTryingToLock.
//
// DeferUntilLocked panics if the clock is nil.
func (l *FilesystemLock) DeferUntilLocked(timeout time.Duration) Deferred[struct{}] {
	mustHaveClock(l.clock)
	if l.pending != nil {
		return Fail[struct{}](ErrAlreadyTryingToLock)
	}
	if locked, err := l.Lock(); err != nil {
		return Fail[struct{}](err)
	} else if locked {
		return Succeed(struct{}{})
	}
	a := &lockAttempt{lock: l}
	a.result = New(func(Deferred[struct{}]) { a.giveUp(ErrCancelled) })
	a.stopRetry = l.clock.AfterFunc(lockRetry, a.try)
	if timeout > 0 {
		a.stopTimeout = l.clock.AfterFunc(timeout, func() {
			a.giveUp(&TimeoutError{After: timeout, What: "lock " + l.path})
		})
	}
	l.pending = a
	return a.result
}

// lockAttempt is a pending DeferUntilLocked.
type lockAttempt struct {
	lock                   *FilesystemLock
	result                 Deferred[struct{}]
	stopRetry, stopTimeout func() bool // stopTimeout is nil without a timeout
}

// try takes the lock or arranges for the next attempt.
func (a *lockAttempt) try() {
	if locked, err := a.lock.Lock(); locked || err != nil {
		a.end(err)
		return
	}
	a.stopRetry = a.lock.clock.AfterFunc(lockRetry, a.try)
}

// giveUp tries for the last time.
func (a *lockAttempt) giveUp(reason error) {
	locked, err := a.lock.Lock()
	if !locked && err == nil {
		err = reason
	}
	a.end(err)
}

// end fires the Deferred: with success if err is nil.
func (a *lockAttempt) end(err error) {
	a.stopRetry() // does nothing if that timer has fired
	if a.stopTimeout != nil {
		a.stopTimeout()
	}
	a.lock.pending = nil
	fire(a.result, struct{}{}, err)
}
