package client

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/text"
)

var (
	// ErrTimeout is wrapped by the ConnectError of a connection that was not set
	// up within Options.Timeout.
	ErrTimeout = errors.New("client: setup timed out; raise Options.Timeout if the server is slow")

	// ErrUnknownHost is wrapped by Connect's error if the host is unknown and
	// Options.HostKeys is RefuseNewHosts, or no user can be asked.
	ErrUnknownHost = errors.New("client: host key is not known; add it to a known-hosts file first")

	// ErrUserRejectedKey is wrapped by Connect's error if the user answered no
	// to the question about an unknown host.
	ErrUserRejectedKey = errors.New("client: the user rejected the host key")

	// ErrHostKeyRefused is wrapped by Connect's error if the HostKeyVerifier
	// fires with false, and if a FingerprintVerifier expects another key.
	ErrHostKeyRefused = errors.New("client: host key refused")

	// ErrHostKeyReplaced ends a connection whose server presents another host
	// key when the session keys are renewed.
	ErrHostKeyReplaced = errors.New("client: server presents another host key than at the beginning of the connection")

	// ErrUnavailable is the failure of a hook of SSHUserAuthClient that has
	// nothing to offer. The next method is tried.
	ErrUnavailable = errors.New("client: not available")

	// ErrPasswordExpired is wrapped by Connect's error if the server accepts the
	// password only together with a new one (RFC 4252, section 8). x/crypto/ssh
	// cannot send a new password.
	ErrPasswordExpired = errors.New("client: server demands a new password; change it with ssh or passwd")
)

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

// ConnectError is the failure of Connect: the phase that failed, and why.
type ConnectError struct {
	Phase Phase
	Addr  string // host:port as passed to Connect
	Err   error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("client: %s (%s): %s", e.Phase, e.Addr, text.TrimPrefix(e.Err))
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// causedError is a sentinel of this package together with its cause.
type causedError struct{ kind, cause error }

func (e *causedError) Error() string { return e.kind.Error() + ": " + text.TrimPrefix(e.cause) }

// Unwrap returns both.
func (e *causedError) Unwrap() []error { return []error{e.kind, e.cause} }

// unusedError lists why keys, passwords and the agent were not used.
type unusedError struct{ causes []error }

func (e *unusedError) Error() string {
	shown := "not used: "
	for i, cause := range e.causes {
		if i > 0 {
			shown += "; "
		}
		shown += text.TrimPrefix(cause)
	}
	return shown
}

// Unwrap returns the causes.
func (e *unusedError) Unwrap() []error { return e.causes }
