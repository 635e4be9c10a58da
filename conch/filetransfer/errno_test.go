//go:build unix

package filetransfer

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// V-SFTP-8: the codes of the errors of the system.
func TestErrnoCodes(t *testing.T) {
	for code, errnos := range map[StatusCode][]syscall.Errno{
		FXNoSuchFile:       {syscall.ENOENT, syscall.ENOTDIR, syscall.EBADF, syscall.ELOOP},
		FXPermissionDenied: {syscall.EPERM, syscall.EACCES, syscall.EFAULT},
		FXBadMessage:       {syscall.ENAMETOOLONG, syscall.EINVAL},
		FXOpUnsupported:    {syscall.ENOSYS},
		FXFailure: {syscall.EEXIST, syscall.ENOTEMPTY, syscall.EISDIR, syscall.EXDEV, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE, syscall.EIO, syscall.EMLINK, syscall.EFBIG,
			syscall.EOPNOTSUPP},
	} {
		for _, errno := range errnos {
			for _, err := range []error{errno, &os.PathError{Op: "open", Path: "p", Err: errno}, fmt.Errorf("wrapped: %w", errno)} {
				if got := StatusOf(err); got.Code != code || unexpectedError(err) {
					t.Errorf("%v: %+v, want %d", err, got, code)
				}
			}
		}
	}
}
