//go:build !unix

package sftp

import "testing"

// blocks does not know how many bytes of a file are on the disk.
func blocks(testing.TB, string) int64 { return -1 }
