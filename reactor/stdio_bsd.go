//go:build unix && !linux

package reactor

import (
	"errors"

	"golang.org/x/sys/unix"
)

// openAgain does nothing: on this system, opening /dev/fd/0 duplicates the
// descriptor.
func openAgain(int, int, *unix.Stat_t) (int, error) { return -1, errors.ErrUnsupported }
