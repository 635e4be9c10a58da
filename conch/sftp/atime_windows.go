package sftp

import (
	"io/fs"
	"syscall"
	"time"
)

// accessTime returns the access time of a local file, or its modification time
// if the access time is unknown.
func accessTime(info fs.FileInfo) time.Time {
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		return time.Unix(0, data.LastAccessTime.Nanoseconds())
	}
	return info.ModTime()
}
