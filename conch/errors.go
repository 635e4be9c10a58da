package conch

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

var (
	// ErrConnectionLost is matched by each error that reports the end of an SSH
	// connection: of Deferreds that waited for the peer, of CloseReason, and of
	// blocking calls. Such an error wraps the reason too.
	ErrConnectionLost = errors.New("conch: connection lost")

	// ErrClosedLocally is the reason of an ErrConnectionLost if this side closed
	// the connection with LoseConnection or AbortConnection, or if the reactor
	// stopped.
	ErrClosedLocally = errors.New("conch: closed by this side")

	// ErrPeerSilent is the reason of an ErrConnectionLost if the peer did not
	// answer keepalive requests; see SSHTransport.KeepAlive.
	ErrPeerSilent = errors.New("conch: peer does not answer any more")

	// ErrPeerBlocked is the reason of an ErrConnectionLost if the peer took no
	// data any more, although it may have sent some; see SSHTransport.KeepAlive.
	ErrPeerBlocked = errors.New("conch: peer does not take data any more")

	// ErrFlooded is the reason of an ErrConnectionLost if the peer exceeded a
	// bound of Limits.
	ErrFlooded = errors.New("conch: peer exceeded a limit")

	// ErrChannelClosed is matched by the error of a request on a channel that
	// is closed, or closes before the peer answers.
	ErrChannelClosed = errors.New("conch: channel is closed")

	// ErrChannelNotOpen is returned for a request before ChannelOpen.
	ErrChannelNotOpen = errors.New("conch: channel is not open yet; send requests from ChannelOpen on")

	// ErrRequestRefused is matched by the error of a request that the peer
	// refused.
	ErrRequestRefused = errors.New("conch: peer refused the request")

	// ErrTooLong is the failure of a request or an opening whose name and data
	// exceed 255 KiB together. No peer has to accept more than 32 KiB (RFC 4253,
	// section 6.1).
	ErrTooLong = errors.New("conch: name and data exceed 255 KiB; send them as channel data")

	// ErrUsed is returned by SetService for a connection object that has served
	// a connection.
	ErrUsed = errors.New("conch: a connection object serves one connection; make a new one")
)

// Disconnect codes (RFC 4253, section 11.1), for ConchError.Data.
const (
	DisconnectProtocolError            = 2
	DisconnectKeyExchangeFailed        = 3
	DisconnectHostKeyNotVerifiable     = 9
	DisconnectConnectionLost           = 10
	DisconnectByApplication            = 11
	DisconnectNoMoreAuthMethodsAllowed = 14
)

// Reasons for refusing a channel (RFC 4254, section 5.1), for ConchError.Data.
const (
	OpenAdministrativelyProhibited = 1
	OpenConnectFailed              = 2
	OpenUnknownChannelType         = 3
	OpenResourceShortage           = 4
)

// ConchError is a failure in terms of the SSH protocol.
type ConchError struct {
	Value string // what happened
	Data  uint32 // a Disconnect… or Open… constant; 0 if none applies
	Err   error  // the cause; may be nil
}

func (e *ConchError) Error() string {
	message := "conch: " + e.Value
	if e.Err != nil {
		message += ": " + text.TrimPrefix(e.Err)
	}
	return message
}

// Unwrap returns the cause.
func (e *ConchError) Unwrap() error { return e.Err }

// maxPayload is the size of the largest name and data of a message. x/crypto/ssh
// stops writing, without an error, at a message of 256 KiB.
const maxPayload = 255 << 10

// tooLong reports whether a name and data do not fit into a message.
func tooLong(name string, data []byte) bool { return len(name)+len(data) > maxPayload }

// lostBecause returns the ErrConnectionLost of a connection that cause ended.
func lostBecause(cause error) error {
	if lost, ok := cause.(*causedError); ok && lost.kind == ErrConnectionLost {
		return lost // of the connection below this one
	}
	if e := disconnectError(cause); e != nil {
		cause = e
	}
	return &causedError{ErrConnectionLost, cause}
}

// causedError is a sentinel of this package together with its cause.
type causedError struct{ kind, cause error }

func (e *causedError) Error() string { return e.kind.Error() + ": " + text.TrimPrefix(e.cause) }

// Unwrap returns both.
func (e *causedError) Unwrap() []error { return []error{e.kind, e.cause} }

// disconnectError returns the peer's DISCONNECT message as a ConchError, or nil
// if err is not about one. x/crypto/ssh does not export the type of that error,
// but its fields.
func disconnectError(err error) *ConchError {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			continue
		}
		reason, message := v.Elem().FieldByName("Reason"), v.Elem().FieldByName("Message")
		if v.Elem().Type().Name() == "disconnectMsg" && reason.CanUint() && message.Kind() == reflect.String {
			return &ConchError{Value: "peer disconnected: " + text.Line(message.String()), Data: uint32(reason.Uint())}
		}
	}
	return nil
}

// openRefusal returns the peer's refusal of a channel as a ConchError, or nil
// if err is not a refusal.
func openRefusal(err error) *ConchError {
	if refused, ok := errors.AsType[*gossh.OpenChannelError](err); ok {
		return &ConchError{Value: "channel refused: " + text.Line(refused.Message), Data: uint32(refused.Reason)}
	}
	return nil
}

// closedError is the error of a request on a closed channel. lost is the reason
// if the connection was lost, and nil otherwise.
func closedError(lost error) error {
	if lost != nil {
		return &ConchError{Value: "Channel closed.", Err: &causedError{ErrChannelClosed, lost}}
	}
	return &ConchError{Value: "Channel closed.", Err: ErrChannelClosed}
}

// dialError returns err as it is, unless this side ended the attempt.
func dialError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return lostBecause(cause)
	}
	return err
}

// setupError returns the error of a failed handshake in terms of the protocol.
func setupError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return lostBecause(cause) // this side ended the attempt
	}
	if ours, ok := errors.AsType[*ConchError](err); ok {
		return ours
	}
	if e := disconnectError(err); e != nil {
		return e
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "ssh: handshake failed: ") {
		err = inner
	}
	if _, ok := errors.AsType[*gossh.AlgorithmNegotiationError](err); ok {
		return &ConchError{Value: "no common algorithm", Data: DisconnectKeyExchangeFailed, Err: err}
	}
	if isEnd(err) && !errors.Is(err, ErrConnectionLost) {
		return lostBecause(err)
	}
	return err
}

// isEnd reports whether err says that the connection below has ended.
func isEnd(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
