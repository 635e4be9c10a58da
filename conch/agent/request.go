package agent

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// MaxAbandoned is how many cancelled requests may wait for their late answers at a time. Each takes some hundred bytes.
const MaxAbandoned = 1 << 10

// pendingRequest is a request that waits for its answer.
type pendingRequest interface {
	// read checks and decodes an answer, and returns what fires the Deferred with it. An answer that is none gives an error.
	read(typ MessageType, d *wire.Decoder) (fire func(), err error)

	// fail fires the Deferred of a request that is off the queue.
	fail(err error)
}

// answer says what answers a request: one type of message and how it is decoded. A failure answers any.
type answer[T any] struct {
	typ    MessageType
	decode func(MessageType, *wire.Decoder) T
}

// outstanding is a request that waits for its answer, whose type is T.
type outstanding[T any] struct {
	c         *SSHAgentClient
	d         deferred.Deferred[T]
	op        string
	answer    answer[T]
	abandoned bool // cancelled; the answer will be dropped
}

// request sends a message, and returns the Deferred of its answer. Every operation goes through here.
func request[T any](c *SSHAgentClient, op string, message wire.Encoder, a answer[T]) deferred.Deferred[T] {
	if err := c.refuse(size(&message)); err != nil {
		return deferred.Fail[T](&OpError{op, err})
	}
	r := &outstanding[T]{c: c, op: op, answer: a}
	r.d = deferred.New(r.abandon)
	c.pending = append(c.pending, r)
	c.transport.Write(seal(&message))
	return r.d
}

// refuse returns why a request of that many bytes cannot be sent, or nil.
func (c *SSHAgentClient) refuse(bytes int) error {
	switch {
	case c.lost != nil:
		return c.lost
	case c.transport == nil:
		return &ConnectionLostError{Reason: ErrNotConnected}
	case bytes > MaxMessage:
		return ErrMessageTooLong
	default:
		return nil
	}
}

// abandon is the canceller. The request keeps its place in the queue, because its answer will come in its turn.
func (r *outstanding[T]) abandon(deferred.Deferred[T]) {
	r.abandoned = true
	if r.c.abandoned++; r.c.abandoned > MaxAbandoned {
		r.c.breakOff(&ProtocolError{Err: ErrTooManyAbandoned})
	}
}

func (r *outstanding[T]) read(typ MessageType, d *wire.Decoder) (fire func(), err error) {
	if typ == AgentFailure || typ == AgentExtensionFailure {
		return func() { r.fail(ErrRefused) }, nil
	}
	if typ != r.answer.typ && r.answer.typ != anyReply {
		return nil, fmt.Errorf("%w: %s is due", ErrUnexpectedReply, r.answer.typ)
	}
	v := r.answer.decode(typ, d)
	if d.Err() != nil {
		return nil, malformed(d.Err())
	}
	return func() { r.succeed(v) }, nil
}

func (r *outstanding[T]) succeed(v T) {
	if r.dropped() {
		return
	}
	r.d.Callback(v)
}

func (r *outstanding[T]) fail(err error) {
	if r.dropped() {
		return
	}
	r.d.Errback(&OpError{r.op, err})
}

// dropped reports whether nobody waits for the answer, and counts it as come.
func (r *outstanding[T]) dropped() bool {
	if r.abandoned {
		r.c.abandoned--
	}
	return r.abandoned
}
