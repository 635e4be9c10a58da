package conch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

var (
	// ErrConnectionLost is what everything that waits on an SSH connection fails with when the connection ends. What ended it is wrapped
	// beside it.
	ErrConnectionLost = errors.New("conch: connection lost")

	// ErrClosedLocally is the cause of an ErrConnectionLost that this side brought about: LoseConnection, or the end of the reactor.
	ErrClosedLocally = errors.New("conch: closed by this side")

	// ErrChannelClosed is the cause of the ConchError of a request on a channel that has been closed (C-CONN-22).
	ErrChannelClosed = errors.New("conch: channel is closed")

	// ErrChannelNotOpen is what a request on a channel fails with before ChannelOpen (C-CONN-24).
	ErrChannelNotOpen = errors.New("conch: channel is not open yet; send requests from ChannelOpen on")

	// ErrRequestRefused is the cause of the ConchError of a request that the peer refused.
	ErrRequestRefused = errors.New("conch: peer refused the request")

	// ErrTimeout is the cause of the ConnectError of a set-up that took longer than ClientOptions.Timeout.
	ErrTimeout = errors.New("conch: time limit of the set-up exceeded; raise ClientOptions.Timeout if the peer is slow")

	// ErrPeerSilent is the cause of an ErrConnectionLost of a connection whose peer has not answered ClientOptions.ServerAliveCountMax
	// times.
	ErrPeerSilent = errors.New("conch: peer does not answer any more")

	// ErrUnknownHost is the cause of the failure to connect to a host that is not known, with RefuseNewHosts, or if nobody can be asked.
	ErrUnknownHost = errors.New("conch: host key is not known; add it to a known-hosts file first")

	// ErrUnavailable is what a hook of SSHUserAuthClient fails with to say that it has nothing to offer; the next method is tried.
	ErrUnavailable = errors.New("conch: not available")
)

// Disconnect codes (RFC 4253, section 11.1), as ConchError.Data carries them.
const (
	DisconnectProtocolError            = 2
	DisconnectKeyExchangeFailed        = 3
	DisconnectHostKeyNotVerifiable     = 9
	DisconnectConnectionLost           = 10
	DisconnectByApplication            = 11
	DisconnectNoMoreAuthMethodsAllowed = 14
)

// Reasons for refusing a channel (RFC 4254, section 5.1), as ConchError.Data carries them.
const (
	OpenAdministrativelyProhibited = 1
	OpenConnectFailed              = 2
	OpenUnknownChannelType         = 3
	OpenResourceShortage           = 4
)

// ConchError is a failure in terms of the SSH protocol: Value says what happened, Data is the protocol's number for it where it has one
// (a Disconnect… or an Open… constant), and Err is the cause where there is one.
type ConchError struct {
	Value string
	Data  uint32
	Err   error
}

func (e *ConchError) Error() string {
	text := "conch: " + e.Value
	if e.Err != nil {
		text += ": " + bare(e.Err)
	}
	return text
}

// Unwrap returns the cause.
func (e *ConchError) Unwrap() error { return e.Err }

// Phase is a step of setting a connection up.
type Phase string

// The phases, in their order.
const (
	PhaseDial           Phase = "dial"
	PhaseBanner         Phase = "banner" // the exchange of version lines
	PhaseKeyExchange    Phase = "key exchange"
	PhaseHostKey        Phase = "host key"
	PhaseAuthentication Phase = "authentication"
	PhaseService        Phase = "service" // ServiceStarted
)

// ConnectError is what Connect's Deferred fails with: the phase that failed, and why.
type ConnectError struct {
	Phase Phase
	Addr  string // host:port as asked for
	Err   error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("conch: %s (%s): %s", e.Phase, e.Addr, bare(e.Err))
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// bare returns the text of an error that stands inside another one of this package, without the name of the package that it comes from.
func bare(err error) string {
	text := err.Error()
	for _, from := range []string{"conch: ", "keys: ", "knownhosts: ", "reactor: "} {
		if rest, ok := strings.CutPrefix(text, from); ok {
			return rest
		}
	}
	return text
}

// lostBecause returns the ErrConnectionLost for a connection that cause has ended.
func lostBecause(cause error) error {
	if lost, ok := cause.(*causedError); ok && lost.kind == ErrConnectionLost { // of the connection that this one goes through
		return lost
	}
	if e := disconnectError(cause); e != nil {
		cause = e
	}
	return &causedError{ErrConnectionLost, cause}
}

// ofLoss is an ErrConnectionLost as the reason of an error that says itself that the connection is lost.
type ofLoss struct{ *causedError }

func (e ofLoss) Error() string { return bare(e.cause) }

// causedError is one of this package's errors and its cause.
type causedError struct{ kind, cause error }

func (e *causedError) Error() string { return e.kind.Error() + ": " + bare(e.cause) }

// Unwrap returns both.
func (e *causedError) Unwrap() []error { return []error{e.kind, e.cause} }

// disconnectError returns the peer's DISCONNECT message as a ConchError, or nil if err is not about one. x/crypto/ssh keeps the type of
// that error to itself, but its fields are exported.
func disconnectError(err error) *ConchError {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			continue
		}
		reason, message := v.Elem().FieldByName("Reason"), v.Elem().FieldByName("Message")
		if v.Elem().Type().Name() == "disconnectMsg" && reason.CanUint() && message.Kind() == reflect.String {
			return &ConchError{Value: "peer disconnected: " + oneLine(message.String()), Data: uint32(reason.Uint())}
		}
	}
	return nil
}

// isEnd reports whether err says that the connection below has ended.
func isEnd(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// caught runs a hook of the user's and returns its panic as an error.
func caught(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	f()
	return nil
}

// openRefusal returns the peer's refusal of a channel as a ConchError, or nil if err is not one.
func openRefusal(err error) *ConchError {
	if refused, ok := errors.AsType[*gossh.OpenChannelError](err); ok {
		return &ConchError{Value: "channel refused: " + oneLine(refused.Message), Data: uint32(refused.Reason)}
	}
	return nil
}

// closedError is what requests on a closed channel fail with; lost is why the connection was lost, or nil.
func closedError(lost error) error {
	if lost != nil {
		return &ConchError{Value: "Channel closed.", Err: &causedError{ErrChannelClosed, lost}}
	}
	return &ConchError{Value: "Channel closed.", Err: ErrChannelClosed}
}
