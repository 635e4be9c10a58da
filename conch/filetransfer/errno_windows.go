package filetransfer

import (
	"errors"
	"io/fs"
	"syscall"
)

// errnoCode returns the code for an error of the operating system.
func errnoCode(err error) (StatusCode, bool) {
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return 0, false
	case errno == syscall.ENOTDIR || errors.Is(errno, fs.ErrNotExist):
		return FXNoSuchFile, true
	case errors.Is(errno, fs.ErrPermission):
		return FXPermissionDenied, true
	case errors.Is(errno, errors.ErrUnsupported):
		return FXOpUnsupported, true
	}
	return FXFailure, true
}
