package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

const prefix = "filetransfer: "

var (
	// ErrNotConnected is the reason of a ConnectionLostError for a request made before MakeConnection (C-SFTP-62).
	ErrNotConnected = errors.New("filetransfer: not connected; MakeConnection comes first")

	// ErrRequestTooLong is the failure of a request of more than 64 MiB, which is not sent. Servers set far lower limits.
	ErrRequestTooLong = errors.New("filetransfer: request too long")

	// ErrTooManyEntries reports a directory that needs more memory than
	// [FileTransferClient.MaxDirectorySize].
	ErrTooManyEntries = errors.New("filetransfer: the directory is too large; call Read instead, or raise MaxDirectorySize")
)

// errNoProgress is the failure of a read that a server answers with no bytes, which is neither data nor the end of the file.
var errNoProgress = fmt.Errorf("filetransfer: the server sent no data where there should be some: %w", io.ErrNoProgress)

// What a ProtocolError is about.
var (
	ErrPacketLength     = errors.New("filetransfer: packet length out of bounds")       // C-SFTP-6
	ErrUnknownID        = errors.New("filetransfer: reply with an id nobody waits for") // C-SFTP-7
	ErrUnexpectedReply  = errors.New("filetransfer: reply of the wrong type")           // C-SFTP-9
	ErrMalformedReply   = errors.New("filetransfer: malformed reply")                   // C-SFTP-10
	ErrTooManyAbandoned = fmt.Errorf("filetransfer: more than %d cancelled requests without a reply", MaxAbandoned)
)

// OpError is the failure of one operation: every error that a request's Deferred fails with is one, except deferred.ErrCancelled. Its cause
// is a [*StatusError] if the server refused, a [*ConnectionLostError] if no answer came or can come, fs.ErrClosed for a file or directory that
// was closed before, and else ErrRequestTooLong or ErrTooManyEntries.
type OpError struct {
	Op     string // in a word, such as "mkdir" or "read"
	Path   string // the path, or for an open file or directory the path it was opened by; the name of an extended request
	Target string // the second path of a rename or a link, else empty
	Err    error
}

// Error names operation, paths and cause, such as "filetransfer: mkdir foobarbaz: Failure (SSH_FX_FAILURE 4)".
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString(prefix + e.Op)
	for _, part := range []string{e.Path, e.Target} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	b.WriteString(": " + bare(e.Err))
	return b.String()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// ConnectionLostError is the failure of requests that were outstanding when the connection ended, and of all that are made afterwards or
// before MakeConnection (C-SFTP-60 to C-SFTP-62). errors.Is never finds io.EOF in it, which here means the end of a file, although many a
// connection ends with one: that is left in Reason.
type ConnectionLostError struct {
	// Reason is what ConnectionLost was given, which may be nil, the [*ProtocolError] for which the client gave the connection up, or
	// ErrNotConnected.
	Reason error
}

// Error says that the connection is lost, and why.
func (e *ConnectionLostError) Error() string { return prefix + e.bare() }

func (e *ConnectionLostError) bare() string {
	if e.Reason == nil {
		return "connection lost"
	}
	return "connection lost: " + bare(e.Reason)
}

// Unwrap returns the reason, with io.EOF hidden.
func (e *ConnectionLostError) Unwrap() error {
	if errors.Is(e.Reason, io.EOF) {
		return &notEOF{e.Reason}
	}
	return e.Reason
}

// notEOF is an error of which everything can be found but io.EOF.
type notEOF struct{ error }

// Is reports whether errors.Is finds target, unless that is io.EOF.
func (e *notEOF) Is(target error) bool { return target != io.EOF && errors.Is(e.error, target) }

// As is errors.As.
func (e *notEOF) As(target any) bool { return errors.As(e.error, target) }

// ProtocolError is a violation of the protocol by the server. The connection cannot be trusted any longer: the client fails every
// outstanding request with a [*ConnectionLostError] that wraps this error, and closes the transport.
type ProtocolError struct {
	Type PacketType // of the packet at fault, 0 if it was not read
	ID   uint32     // its request id, 0 if it has none
	Err  error      // wraps ErrPacketLength, ErrUnknownID, ErrUnexpectedReply, ErrMalformedReply or ErrTooManyAbandoned
}

// Error says what was wrong, and with which packet.
func (e *ProtocolError) Error() string { return prefix + e.bare() }

func (e *ProtocolError) bare() string {
	if e.Type == 0 {
		return "protocol error: " + bare(e.Err)
	}
	return fmt.Sprintf("protocol error: %s with id %d: %s", e.Type, e.ID, bare(e.Err))
}

// Unwrap returns what was wrong.
func (e *ProtocolError) Unwrap() error { return e.Err }

// bare returns the text of an error without this package's name in front: for use inside another error that has it already.
func bare(err error) string {
	if own, ok := err.(interface{ bare() string }); ok {
		return own.bare()
	}
	return strings.TrimPrefix(err.Error(), prefix)
}
