//go:build darwin || freebsd || netbsd

package store

import (
	"syscall"
	"time"
)

func accessTime(stat *syscall.Stat_t) time.Time {
	return time.Unix(int64(stat.Atimespec.Sec), int64(stat.Atimespec.Nsec))
}
