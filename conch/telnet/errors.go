package telnet

import (
	"errors"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// The errors of requests for options. A [*NegotiationError] wraps them.
var (
	// ErrOptionRefused means that the peer refused to turn an option on.
	ErrOptionRefused = errors.New("telnet: the peer has refused the option")

	// ErrAlreadyEnabled means that the option to turn on was on.
	ErrAlreadyEnabled = errors.New("telnet: the option is on already")

	// ErrAlreadyDisabled means that the option to turn off was off.
	ErrAlreadyDisabled = errors.New("telnet: the option is off already")

	// ErrAlreadyNegotiating means that an earlier request for the option, of
	// either side, waits for the peer's answer.
	ErrAlreadyNegotiating = errors.New("telnet: an earlier request for the option has no answer yet")
)

// NegotiationError is the failure of Will, Wont, Do and Dont, unless the
// connection was lost.
type NegotiationError struct {
	Option Option
	Err    error // ErrOptionRefused or one of the ErrAlready… errors
}

// Error returns the option and the text of Err.
func (e *NegotiationError) Error() string {
	return "telnet: " + e.Option.String() + ": " + text.TrimPrefix(e.Err)
}

// Unwrap returns Err.
func (e *NegotiationError) Unwrap() error { return e.Err }
