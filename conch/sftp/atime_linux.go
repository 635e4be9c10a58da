package sftp

import (
	"io/fs"
	"syscall"
	"time"
)

// accessTime returns the access time of a local file, or its modification time
// if the access time is unknown.
func accessTime(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Atim.Unix())
	}
	return info.ModTime()
}
