package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// StatusCode is the result in an SSH_FXP_STATUS reply (draft section 7).
type StatusCode uint32

const (
	FXOK               StatusCode = 0
	FXEOF              StatusCode = 1
	FXNoSuchFile       StatusCode = 2
	FXPermissionDenied StatusCode = 3
	FXFailure          StatusCode = 4 // any error without a code of its own, which are most
	FXBadMessage       StatusCode = 5
	FXNoConnection     StatusCode = 6
	FXConnectionLost   StatusCode = 7
	FXOpUnsupported    StatusCode = 8

	// These codes are from later drafts. Some servers use them in version 3.
	FXInvalidHandle     StatusCode = 9
	FXNoSuchPath        StatusCode = 10
	FXFileAlreadyExists StatusCode = 11

	// FXNotADirectory and FXFileIsADirectory are Conch's names of FXFailure.
	FXNotADirectory    = FXFailure
	FXFileIsADirectory = FXFailure
)

// statusCodes has the name of each code in the drafts, and the error that
// errors.Is finds in a StatusError with the code, if any.
var statusCodes = map[StatusCode]struct {
	name string
	is   error
}{
	FXOK:                {name: "SSH_FX_OK"},
	FXEOF:               {"SSH_FX_EOF", io.EOF},
	FXNoSuchFile:        {"SSH_FX_NO_SUCH_FILE", fs.ErrNotExist},
	FXPermissionDenied:  {"SSH_FX_PERMISSION_DENIED", fs.ErrPermission},
	FXFailure:           {name: "SSH_FX_FAILURE"},
	FXBadMessage:        {name: "SSH_FX_BAD_MESSAGE"},
	FXNoConnection:      {name: "SSH_FX_NO_CONNECTION"},
	FXConnectionLost:    {name: "SSH_FX_CONNECTION_LOST"},
	FXOpUnsupported:     {"SSH_FX_OP_UNSUPPORTED", errors.ErrUnsupported},
	FXInvalidHandle:     {name: "SSH_FX_INVALID_HANDLE"},
	FXNoSuchPath:        {"SSH_FX_NO_SUCH_PATH", fs.ErrNotExist},
	FXFileAlreadyExists: {"SSH_FX_FILE_ALREADY_EXISTS", fs.ErrExist},
}

// String returns the name in the drafts and the number, such as "SSH_FX_FAILURE
// 4".
func (code StatusCode) String() string {
	if known, ok := statusCodes[code]; ok {
		return fmt.Sprintf("%s %d", known.name, uint32(code))
	}
	return fmt.Sprintf("status %d", uint32(code))
}

// Status is the content of an SSH_FXP_STATUS reply. Operations without another
// result fire with a Status. Servers may leave out Lang, or Message and Lang,
// which are then empty. Both may contain any bytes, not only UTF-8.
type Status struct {
	Code    StatusCode // FXOK, except in a StatusError
	Message string
	Lang    string // the language of Message, an RFC 3066 tag
}

// StatusError is an SSH_FXP_STATUS reply with a code other than FXOK.
//
// errors.Is finds io.EOF for FXEOF, fs.ErrNotExist for FXNoSuchFile and
// FXNoSuchPath, fs.ErrPermission for FXPermissionDenied, fs.ErrExist for
// FXFileAlreadyExists, and errors.ErrUnsupported for FXOpUnsupported. Most
// servers report an existing file with FXFailure.
type StatusError Status

// Error returns the server's message, the name of the code and its number. The
// message is shown as one printable line.
func (e *StatusError) Error() string {
	message := text.Line(e.Message)
	if message == "" {
		return prefix + e.Code.String()
	}
	return fmt.Sprintf("%s%s (%s)", prefix, message, e.Code)
}

// Is reports whether target is the standard library's error for the code.
func (e *StatusError) Is(target error) bool {
	is := statusCodes[e.Code].is
	return is != nil && is == target
}

// decodeStatus reads the body of an SSH_FXP_STATUS.
func decodeStatus(d *wire.Decoder) Status {
	s := Status{Code: StatusCode(d.Uint32())}
	if d.Len() > 0 {
		s.Message = d.String()
	}
	if d.Len() > 0 {
		s.Lang = d.String()
	}
	return s
}
