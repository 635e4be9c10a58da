package forward

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch"
)

// forbiddenError is the failure of a dial that Rules.Forbid has ended.
type forbiddenError struct{ err error }

func (e *forbiddenError) Error() string { return "forward: the address is forbidden: " + e.err.Error() }

// Unwrap returns the error of Rules.Forbid.
func (e *forbiddenError) Unwrap() error { return e.err }

// dialFailed returns the refusal of a channel whose address cannot be reached.
func dialFailed(err error) error {
	if _, ok := errors.AsType[*forbiddenError](err); ok {
		return prohibited(err)
	}
	return &conch.ConchError{Value: reasonOf(err), Data: conch.OpenConnectFailed, Err: err}
}

// reasonOf returns the text that the peer gets: the one that OpenSSH's sshd
// sends. It says nothing about this side, such as the address of its resolver.
func reasonOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "Connection timed out"
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		if lookup.Temporary() && !lookup.IsNotFound {
			return "Temporary failure in name resolution"
		}
		return "Name or service not known"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		text := number.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "Connection timed out"
	}
	return "Connection failed"
}
