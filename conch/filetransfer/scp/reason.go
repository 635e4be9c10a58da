package scp

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// reason returns the text of an error of the files for the client. It tells
// nothing about the host.
func reason(err error) string {
	switch status := filetransfer.StatusOf(err); {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case status.Code != filetransfer.FXFailure:
		return text.Line(status.Message)
	case errors.Is(err, fs.ErrExist):
		return "File exists"
	default:
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			return errno.Error()
		}
		return text.Line(status.Message)
	}
}
