package reactor

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
)

// lockSuffix makes the name of the lock file from that of the socket.
const lockSuffix = ".lock"

var errLocked = errors.New("reactor: another process listens at this path; it holds the lock file")

// takeLock takes the lock of the socket. A stale lock, whose process has died,
// is broken: then a stale socket is removed as well.
func (l *unixListener) takeLock(clock deferred.Clock) error {
	name := l.path + lockSuffix
	state := lockState(name)
	if state == lockHeld {
		return errLocked
	}
	if state == lockStale || exists(l.path) {
		// FilesystemLock removes a stale lock and then creates its own. Two
		// processes that do so at the same time could remove each other's, and
		// a third one would find the socket of the dead process without a lock.
		release, err := guardDirectory(filepath.Dir(name))
		if err != nil {
			return err
		}
		defer release()
	}
	lock := deferred.NewFilesystemLock(name, clock)
	taken, err := lock.Lock()
	switch {
	case err != nil:
		return err
	case !taken:
		return errLocked
	}
	l.lock = lock
	if !lock.Clean() {
		removeStaleSocket(l.path)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeStaleSocket removes the file at path if it is a socket on which nobody
// listens. It leaves any other file; listening then fails.
func removeStaleSocket(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return
	}
	c, err := net.Dial("unix", path) // does not block: the kernel answers
	if err == nil {
		_ = c.Close() // only the answer counts
		return
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // if the file stays, listening fails
	}
}

const (
	lockFree  = iota // there is no lock file, or it is not a lock
	lockHeld         // a running process holds the lock
	lockStale        // the process that held the lock has died
)

// lockState looks at a lock file without changing it.
func lockState(name string) int {
	target, err := os.Readlink(name)
	if err != nil {
		return lockFree
	}
	pid, err := strconv.Atoi(target)
	switch {
	case err != nil || pid <= 0:
		return lockFree
	case alive(pid):
		return lockHeld
	default:
		return lockStale
	}
}

// alive reports whether the process pid is running. On Windows, FindProcess
// fails if it is not; elsewhere, signal 0 does.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release()
	if runtime.GOOS == "windows" {
		return true
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, fs.ErrPermission)
}
