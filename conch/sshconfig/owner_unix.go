//go:build unix

package sshconfig

import (
	"io/fs"
	"os"
	"syscall"
)

// onlyOurs reports whether a file belongs to this user or to root and is not
// writable by others.
func onlyOurs(info fs.FileInfo) bool {
	if info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid == 0 || int(stat.Uid) == os.Getuid()
}
