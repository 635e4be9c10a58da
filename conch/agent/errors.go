package agent

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// The causes of an OpError, for errors.Is. The package comment explains them.
var (
	ErrRefused        = errors.New("agent: the agent refused")
	ErrConnectionLost = errors.New("agent: connection to the agent lost")
	ErrClosed         = errors.New("agent: this side closed the connection")
	errQueueFull      = fmt.Errorf("agent: %d requests wait for the agent already", maxQueued)

	// ErrTimeout matches ErrConnectionLost too.
	ErrTimeout = fmt.Errorf("%w: no reply in time", ErrConnectionLost)

	// ErrNoAgent: Connect fails with an OpError that wraps ErrNoAgent if no
	// socket is given and SSH_AUTH_SOCK is empty.
	ErrNoAgent = errors.New("agent: SSH_AUTH_SOCK is not set; start ssh-agent, or name the agent's socket")
)

// OpError reports a failed request to an agent.
type OpError struct {
	Op    string // the request, such as "sign"
	Agent string // the address of the agent; may be empty
	Err   error  // the cause, never nil
}

// Error names the request, the agent and the cause on one line.
func (e *OpError) Error() string {
	at := ""
	if e.Agent != "" {
		at = " (agent at " + text.Line(e.Agent) + ")"
	}
	return "agent: " + e.Op + at + ": " + text.Line(text.TrimPrefix(e.Err))
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }
