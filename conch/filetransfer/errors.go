package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

const prefix = "filetransfer: "

var (
	// ErrNotConnected is the Reason of a ConnectionLostError for a request that
	// was made before MakeConnection.
	ErrNotConnected = errors.New("filetransfer: not connected; call MakeConnection first")

	// ErrRequestTooLong reports a request of more than 64 MiB, which is not
	// sent. The limits of servers are far lower.
	ErrRequestTooLong = errors.New("filetransfer: request too long")

	// ErrTooManyEntries reports a directory that needs more memory than
	// [FileTransferClient.MaxDirectorySize].
	ErrTooManyEntries = errors.New("filetransfer: the directory is too large; call Read instead, or raise MaxDirectorySize")
)

// errNoProgress reports an empty answer to a read, which is neither data nor
// the end of the file.
var errNoProgress = fmt.Errorf("filetransfer: the server sent no data for a read: %w", io.ErrNoProgress)

// The errors of a ProtocolError.
var (
	ErrPacketLength    = errors.New("filetransfer: invalid packet length")
	ErrUnknownID       = errors.New("filetransfer: reply with an unknown request id")
	ErrUnexpectedReply = errors.New("filetransfer: reply of the wrong type")
	ErrMalformedReply  = errors.New("filetransfer: malformed reply")

	errTooManyAbandoned = fmt.Errorf("filetransfer: more than %d cancelled requests without a reply", maxAbandoned)
)

// OpError is the failure of an operation. Every Deferred of this package fails
// with an OpError or with deferred.ErrCancelled, except that of WhenVersion.
type OpError struct {
	Op     string // one word, such as "mkdir" or "read"
	Path   string // the path, also of an open file or directory, or the name of an extended request
	Target string // the second path of a rename or link, or ""

	// Err is a [*StatusError] if the server refused the request, a
	// [*ConnectionLostError] if there is no connection, or an error that is or
	// wraps fs.ErrClosed, ErrRequestTooLong, ErrTooManyEntries or
	// io.ErrNoProgress.
	Err error
}

// Error returns the operation, the paths and the cause, such as "filetransfer:
// mkdir foobarbaz: Failure (SSH_FX_FAILURE 4)". Paths with spaces or
// unprintable characters are quoted.
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString(prefix + e.Op)
	for _, path := range []string{e.Path, e.Target} {
		if path != "" {
			b.WriteString(" " + showPath(path))
		}
	}
	b.WriteString(": " + text.TrimPrefix(e.Err))
	return b.String()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

func showPath(path string) string {
	quoted := text.Quote(path)
	if plain := quoted[1 : len(quoted)-1]; plain == path && !strings.Contains(path, " ") {
		return path
	}
	return quoted
}

// ConnectionLostError is the failure of requests that were in flight when the
// connection ended, and of requests without a connection. It never wraps
// io.EOF, which means the end of a file here: a connection that ended with
// io.EOF has it in Reason.
type ConnectionLostError struct {
	// Reason is the argument of ConnectionLost, which may be nil, or a
	// [*ProtocolError] if the client closed the connection, or ErrNotConnected.
	Reason error
}

// Error says that the connection is lost, and why.
func (e *ConnectionLostError) Error() string {
	if e.Reason == nil {
		return prefix + "connection lost"
	}
	return prefix + "connection lost: " + text.TrimPrefix(e.Reason)
}

// Unwrap returns the reason, but hides io.EOF.
func (e *ConnectionLostError) Unwrap() error {
	if errors.Is(e.Reason, io.EOF) {
		return &notEOF{e.Reason}
	}
	return e.Reason
}

// notEOF hides io.EOF in an error from errors.Is.
type notEOF struct{ error }

// Is is errors.Is, but returns false for io.EOF.
func (e *notEOF) Is(target error) bool { return target != io.EOF && errors.Is(e.error, target) }

// As is errors.As.
func (e *notEOF) As(target any) bool { return errors.As(e.error, target) }

// ProtocolError reports that the server has violated the protocol. The client
// closes the transport then, and all requests in flight fail with a
// [*ConnectionLostError] that wraps the ProtocolError.
type ProtocolError struct {
	Type PacketType // the type of the packet, or 0 if it is not known
	ID   uint32     // the request id of the packet, or 0 if there is none

	// Err wraps ErrPacketLength, ErrUnknownID, ErrUnexpectedReply or
	// ErrMalformedReply, unless too many cancelled requests had no reply.
	Err error
}

// Error describes the violation and the packet.
func (e *ProtocolError) Error() string {
	if e.Type == 0 {
		return prefix + "protocol error: " + text.TrimPrefix(e.Err)
	}
	return fmt.Sprintf("%sprotocol error: %s with id %d: %s", prefix, e.Type, e.ID, text.TrimPrefix(e.Err))
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }
