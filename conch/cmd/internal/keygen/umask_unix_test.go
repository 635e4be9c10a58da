//go:build unix

package keygen_test

import "syscall"

// umask sets the umask of the process and returns a function that restores it.
func umask(mask int) (restore func()) {
	old := syscall.Umask(mask)
	return func() { syscall.Umask(old) }
}
