package filetransfer

import (
	"errors"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/deferred"
)

// statusTexts are the messages of OpenSSH's server, which users see.
var statusTexts = map[StatusCode]string{
	FXOK:               "Success",
	FXEOF:              "End of file",
	FXNoSuchFile:       "No such file",
	FXPermissionDenied: "Permission denied",
	FXFailure:          "Failure",
	FXBadMessage:       "Bad message",
	FXNoConnection:     "No connection",
	FXConnectionLost:   "Connection lost",
	FXOpUnsupported:    "Operation unsupported",
}

// StatusOf returns the status with which a [FileTransferServer] answers a
// request that failed with err. A [*StatusError] is its own status. An error of
// the operating system, and the errors of package fs, become the codes of
// OpenSSH's server: FXNoSuchFile, FXPermissionDenied, FXBadMessage for invalid
// arguments, FXOpUnsupported, and FXFailure for all others, an existing file
// included. io.EOF is FXEOF. A message that is empty becomes that of OpenSSH's
// server; the text of err is not sent, because it may tell about the host.
func StatusOf(err error) Status {
	if err == nil {
		return Status{Code: FXOK, Message: statusTexts[FXOK]}
	}
	if own, ok := errors.AsType[*StatusError](err); ok {
		status := Status(*own)
		if status.Message == "" {
			status.Message = statusTexts[status.Code]
		}
		return status
	}
	code := statusCode(err)
	return Status{Code: code, Message: statusTexts[code]}
}

func statusCode(err error) StatusCode {
	if code, ok := errnoCode(err); ok { // first: ENOTEMPTY is fs.ErrExist
		return code
	}
	for _, known := range []struct {
		is   error
		code StatusCode
	}{
		{io.EOF, FXEOF}, {fs.ErrNotExist, FXNoSuchFile}, {fs.ErrPermission, FXPermissionDenied}, {fs.ErrInvalid, FXBadMessage},
		{fs.ErrClosed, FXNoSuchFile}, {errors.ErrUnsupported, FXOpUnsupported},
	} {
		if errors.Is(err, known.is) {
			return known.code
		}
	}
	return FXFailure
}

// unexpectedError reports whether err tells of a fault of the server, and not
// of its files.
func unexpectedError(err error) bool {
	if _, ok := errors.AsType[*deferred.PanicError](err); ok {
		return true
	}
	_, own := errors.AsType[*StatusError](err)
	_, errno := errnoCode(err)
	return !own && !errno && statusCode(err) == FXFailure
}
