package reactor

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/hawser-go/hawser/deferred"
)

// lockSuffix makes the name of the lock file from that of the socket.
const lockSuffix = ".lock"

var errLocked = errors.New("reactor: another process listens at this path; it holds the lock file")

// takeLock takes the lock of the socket. If the process that held the lock has
// died, takeLock takes the lock over and removes the socket of that process.
func (l *unixListener) takeLock(clock deferred.Clock) error {
	lock := deferred.NewFilesystemLock(l.path+lockSuffix, clock)
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

// locked reports whether a running process holds the lock of a socket.
func locked(path string) bool {
	held, err := deferred.NewFilesystemLock(path+lockSuffix, nil).IsLocked()
	return held && err == nil
}
