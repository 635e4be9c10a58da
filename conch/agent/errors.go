package agent

import (
	"errors"
	"fmt"
	"strings"
)

const prefix = "agent: "

var (
	// ErrRefused is the cause of the OpError of a request that the agent answered with a failure. The agent does not say why: it may not have
	// the key, or be locked, or its user may have said no.
	ErrRefused = errors.New("agent: refused by the agent")

	// ErrNotConnected is the reason of a ConnectionLostError for a request made before MakeConnection.
	ErrNotConnected = errors.New("agent: not connected; MakeConnection comes first")

	// ErrMessageTooLong is the failure of a request, or on the server of an answer, of more than MaxMessage bytes, which is not sent.
	ErrMessageTooLong = fmt.Errorf("agent: message of more than %d bytes", MaxMessage)

	// ErrLifetime is the failure of adding a key with a lifetime that is negative or too long.
	ErrLifetime = errors.New("agent: lifetime out of bounds")

	// ErrSignatureType is the failure of Sign when the agent has made a signature of another type than it was asked for.
	ErrSignatureType = errors.New("agent: signature of another type than asked for")
)

// What a ProtocolError is about.
var (
	ErrMessageLength    = errors.New("agent: message length out of bounds")
	ErrUnexpectedReply  = errors.New("agent: reply of the wrong type, or to no request")
	ErrMalformed        = errors.New("agent: malformed message")
	ErrTooManyAbandoned = fmt.Errorf("agent: more than %d cancelled requests without a reply", MaxAbandoned)
	ErrTooManyRequests  = fmt.Errorf("agent: more than %d bytes of requests are waiting", MaxQueued)
)

// Why a server or a Keyring refuses. The peer sees a failure without a reason; the reason goes to SSHAgentServer.RequestFailed.
var (
	ErrMissingKeyStore = errors.New("agent: the server has no key store") // C-KEYS-23
	ErrUnknownRequest  = errors.New("agent: request not supported")
	ErrUnknownKeyType  = errors.New("agent: key type not supported")
	ErrConstraint      = errors.New("agent: constraint not supported")
	ErrNoSuchKey       = errors.New("agent: no such key")
	ErrKeyringFull     = errors.New("agent: the keyring is full")
	ErrLocked          = errors.New("agent: the keyring is locked")
	ErrNotLocked       = errors.New("agent: the keyring is not locked")
	ErrWrongPassphrase = errors.New("agent: wrong passphrase")
	ErrNotConfirmed    = errors.New("agent: the user did not confirm")
)

// OpError is the failure of one request: every error that a request's Deferred fails with is one, except deferred.ErrCancelled. Its cause is
// ErrRefused if the agent said no, a [*ConnectionLostError] if no answer came or can come, and else ErrMessageTooLong, ErrLifetime or
// ErrSignatureType.
type OpError struct {
	Op  string // in words, such as "sign" or "add identity"
	Err error
}

// Error names the request and the cause, such as "agent: sign: refused by the agent".
func (e *OpError) Error() string { return prefix + e.Op + ": " + bare(e.Err) }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// ConnectionLostError is the failure of requests that were outstanding when the connection ended, and of all that are made afterwards or
// before MakeConnection (C-KEYS-22).
type ConnectionLostError struct {
	// Reason is what ConnectionLost was given, which may be nil, the [*ProtocolError] for which this side gave the connection up, or
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

// Unwrap returns the reason.
func (e *ConnectionLostError) Unwrap() error { return e.Reason }

// ProtocolError is a violation of the protocol by the peer, after which the connection cannot be trusted any longer.
type ProtocolError struct {
	Type MessageType // of the message at fault, 0 if it was not read
	Err  error       // wraps ErrMessageLength, ErrUnexpectedReply, ErrMalformed, ErrTooManyAbandoned or ErrTooManyRequests
}

// Error says what was wrong, and with which message.
func (e *ProtocolError) Error() string { return prefix + e.bare() }

func (e *ProtocolError) bare() string {
	if e.Type == 0 {
		return "protocol error: " + bare(e.Err)
	}
	return fmt.Sprintf("protocol error: %s: %s", e.Type, bare(e.Err))
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

func malformed(cause error) error { return fmt.Errorf("%w: %w", ErrMalformed, cause) }
