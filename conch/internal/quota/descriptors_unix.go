//go:build unix

package quota

import (
	"math"

	"golang.org/x/sys/unix"
)

// Descriptors returns the number of file descriptors that the process may have.
func Descriptors() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 256
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
