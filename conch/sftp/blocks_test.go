//go:build unix

package sftp

import (
	"os"
	"syscall"
	"testing"
)

// blocks returns the disk space of a file, in bytes.
func blocks(t testing.TB, name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return int64(info.Sys().(*syscall.Stat_t).Blocks) * 512
}
