//go:build unix

package keygen

import (
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the file that it replaces. Only root
// replaces files of others.
func keepOwner(f *os.File, old os.FileInfo) error {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
		return f.Chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
