//go:build !unix

package sftp

import "testing"

// blocks returns -1: this system does not state the disk space of a file.
func blocks(testing.TB, string) int64 { return -1 }
