//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package reactor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	guardTimeout = time.Second
	guardRetry   = time.Millisecond
)

// guardDirectory waits until no other process is between guardDirectory and
// release for the same directory, at most guardTimeout. The kernel releases
// the guard of a process that dies.
func guardDirectory(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(guardTimeout); ; time.Sleep(guardRetry) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // closing releases the guard
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(deadline):
		default:
			_ = f.Close() // the error of Flock is the one to report
			return nil, fmt.Errorf("reactor: waiting for other processes that break a stale lock in %s: %w", dir, err)
		}
	}
}
