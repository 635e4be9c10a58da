package agent

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/frame"
	"github.com/hawser-go/hawser/conch/internal/wire"
	gossh "golang.org/x/crypto/ssh"
)

// SSHAgentClient is the client's side of one connection to an agent. All its methods belong to the goroutine that owns it, the reactor's.
// Make one with NewSSHAgentClient.
type SSHAgentClient struct {
	transport Transport // nil before MakeConnection
	lost      error     // a *ConnectionLostError once the connection is gone

	in        frame.Reader
	receiving bool // inside DataReceived

	pending   []pendingRequest // in the order in which they were sent
	abandoned int              // how many of pending are cancelled

	keys []gossh.PublicKey // those that GetPublicKey has not given out yet
}

var _ KeyStore = (*SSHAgentClient)(nil)

// NewSSHAgentClient returns a client that is not connected yet.
func NewSSHAgentClient() *SSHAgentClient {
	return &SSHAgentClient{in: frame.NewReader(MaxMessage)}
}

// MakeConnection takes the transport. On a client whose ConnectionLost has been called already it does nothing. A second call is a mistake
// and panics.
func (c *SSHAgentClient) MakeConnection(transport Transport) {
	if c.lost != nil {
		return
	}
	if c.transport != nil {
		panic("agent: MakeConnection called twice; make a new client for a new connection")
	}
	c.transport = transport
}

// Transport returns what MakeConnection was given, nil before.
func (c *SSHAgentClient) Transport() Transport { return c.transport }

// DataReceived takes bytes from the agent, cut in any way, and fires the Deferreds of the requests they answer. It takes ownership of p.
// Called from inside one of those callbacks it only queues p, behind what is being worked on. Before MakeConnection and after the connection is
// lost it does nothing.
func (c *SSHAgentClient) DataReceived(p []byte) {
	if c.transport == nil || c.lost != nil {
		return
	}
	c.in.Feed(p)
	if c.receiving {
		return
	}
	c.receiving = true
	defer func() { c.receiving = false }()
	for c.receiveReply() {
	}
}

// receiveReply handles the next reply, if it is there whole, and reports whether it was.
func (c *SSHAgentClient) receiveReply() bool {
	reply, err := c.in.Next()
	if err != nil {
		c.breakOff(&ProtocolError{Err: fmt.Errorf("%w: %w", ErrMessageLength, err)})
		return false
	}
	if reply == nil {
		return false
	}
	typ, d := MessageType(reply[0]), wire.NewDecoder(reply[1:])
	if len(c.pending) == 0 {
		c.breakOff(&ProtocolError{Type: typ, Err: ErrUnexpectedReply})
		return false
	}
	fire, err := c.pending[0].read(typ, &d)
	if err != nil {
		c.breakOff(&ProtocolError{Type: typ, Err: err})
		return false
	}
	c.shift()
	fire()
	return c.lost == nil
}

// shift takes the oldest request off the queue and returns it.
func (c *SSHAgentClient) shift() pendingRequest {
	oldest := c.pending[0]
	c.pending[0] = nil
	c.pending = c.pending[1:]
	return oldest
}

// ConnectionLost tells the client that the connection has ended, for the given reason, which may be nil. Every outstanding request fails with a
// ConnectionLostError that wraps it, the oldest first, and so does every later one at once (C-KEYS-22). Whoever owns the transport has to
// call it; further calls do nothing.
func (c *SSHAgentClient) ConnectionLost(reason error) {
	if c.markLost(reason) {
		c.failPending()
	}
}

// breakOff gives the connection up because of what the agent did.
func (c *SSHAgentClient) breakOff(reason *ProtocolError) {
	if c.markLost(reason) {
		abort(c.transport)
		c.failPending()
	}
}

// markLost reports whether the connection was not lost before. It drops what has come in and was not looked at.
func (c *SSHAgentClient) markLost(reason error) bool {
	if c.lost != nil {
		return false
	}
	c.lost, c.in = &ConnectionLostError{Reason: reason}, frame.NewReader(MaxMessage)
	return true
}

func (c *SSHAgentClient) failPending() {
	for len(c.pending) > 0 {
		c.shift().fail(c.lost)
	}
}
