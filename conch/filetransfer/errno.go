//go:build !windows && !plan9

package filetransfer

import (
	"errors"
	"syscall"
)

var errnoCodes = map[syscall.Errno]StatusCode{
	syscall.ENOENT: FXNoSuchFile, syscall.ENOTDIR: FXNoSuchFile, syscall.EBADF: FXNoSuchFile, syscall.ELOOP: FXNoSuchFile,
	syscall.EPERM: FXPermissionDenied, syscall.EACCES: FXPermissionDenied, syscall.EFAULT: FXPermissionDenied,
	syscall.ENAMETOOLONG: FXBadMessage, syscall.EINVAL: FXBadMessage,
	syscall.ENOSYS: FXOpUnsupported,
}

// errnoCode returns the code for an error of the operating system.
func errnoCode(err error) (StatusCode, bool) {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return 0, false
	}
	if code, known := errnoCodes[errno]; known {
		return code, true
	}
	return FXFailure, true
}
