//go:build unix

package keys

import (
	"fmt"
	"os"
	"syscall"
)

// checkPermissions refuses a private key file that others can access, as ssh
// does. A file of another user is that user's business: this user could not
// mend its mode.
func checkPermissions(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return &BadKeyError{Path: path, Err: fmt.Errorf("%w (mode %04o); run: chmod 600 %s", ErrBadPermissions, info.Mode().Perm(), path)}
}
