package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// StatusCode is the outcome in a SSH_FXP_STATUS reply (draft section 7).
type StatusCode uint32

const (
	FXOK                StatusCode = 0
	FXEOF               StatusCode = 1
	FXNoSuchFile        StatusCode = 2
	FXPermissionDenied  StatusCode = 3
	FXFailure           StatusCode = 4 // version 3 has no codes for most errors; this stands for all of them
	FXBadMessage        StatusCode = 5
	FXNoConnection      StatusCode = 6
	FXConnectionLost    StatusCode = 7
	FXOpUnsupported     StatusCode = 8
	FXFileAlreadyExists StatusCode = 11 // from a later draft; Twisted's server and a few others use it

	FXNotADirectory    = FXFailure // Conch's name for one meaning of FXFailure
	FXFileIsADirectory = FXFailure // and for another
)

var statusCodes = map[StatusCode]struct {
	name string
	is   error // what errors.Is finds, if anything
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
	FXFileAlreadyExists: {"SSH_FX_FILE_ALREADY_EXISTS", fs.ErrExist},
}

// String returns the draft's name and the number, such as "SSH_FX_FAILURE 4".
func (code StatusCode) String() string {
	if known, ok := statusCodes[code]; ok {
		return fmt.Sprintf("%s %d", known.name, uint32(code))
	}
	return fmt.Sprintf("status %d", uint32(code))
}

// Status is the content of a SSH_FXP_STATUS reply: what the operations fire with that succeed without any other result. Servers may leave
// out the language, or both texts; they are empty then (C-SFTP-23). Neither text is promised to be UTF-8.
type Status struct {
	Code    StatusCode // FXOK, unless in a StatusError
	Message string
	Lang    string // RFC 3066 tag of the language of Message
}

// StatusError is a SSH_FXP_STATUS reply that reports anything but success (C-SFTP-22, C-SFTP-24).
//
// errors.Is finds io.EOF for FXEOF, fs.ErrNotExist for FXNoSuchFile, fs.ErrPermission for FXPermissionDenied, fs.ErrExist for
// FXFileAlreadyExists, and errors.ErrUnsupported for FXOpUnsupported. Most servers report a file that exists as FXFailure.
type StatusError Status

// Error gives the server's text, the draft's name of the code and its number.
func (e *StatusError) Error() string { return prefix + e.bare() }

func (e *StatusError) bare() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Is reports whether target is the standard library's error for e's code.
func (e *StatusError) Is(target error) bool {
	is := statusCodes[e.Code].is
	return is != nil && is == target
}

// decodeStatus reads the body of a SSH_FXP_STATUS.
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
