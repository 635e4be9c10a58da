//go:build unix

package cftp

import "syscall"

// setUmask sets the umask of the process.
func setUmask(mask int) error {
	syscall.Umask(mask)
	return nil
}
