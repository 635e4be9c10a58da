//go:build unix && !linux && !darwin && !freebsd && !netbsd

package store

import (
	"syscall"
	"time"
)

func accessTime(stat *syscall.Stat_t) time.Time {
	return time.Unix(int64(stat.Atim.Sec), int64(stat.Atim.Nsec))
}
