package protocols

import (
	"fmt"

	"github.com/hawser-go/hawser/reactor"
)

// receiver is embedded in all receivers. A receiver buffers received data and
// delivers complete messages.
type receiver struct {
	reactor.BaseProtocol
	buf        []byte // received, not delivered
	paused     bool
	delivering bool // deliver is on the stack
}

// splitter is implemented by the receivers, and so by each type that embeds
// one. receiver reaches the method through Self.
type splitter interface {
	// split delivers the first message of the buffer, which is not empty. If
	// the message is incomplete, split returns false.
	split() (more bool)
}

var (
	_ splitter             = (*LineReceiver)(nil)
	_ splitter             = (*Int8StringReceiver)(nil)
	_ splitter             = (*NetstringReceiver)(nil)
	_ reactor.PushProducer = (*LineReceiver)(nil)
	_ reactor.PushProducer = (*Int8StringReceiver)(nil)
	_ reactor.PushProducer = (*NetstringReceiver)(nil)
	_ reactor.Protocol     = (*LineReceiver)(nil)
	_ reactor.Protocol     = (*Int8StringReceiver)(nil)
	_ reactor.Protocol     = (*NetstringReceiver)(nil)
)

// DataReceived appends data to the buffer and delivers all complete messages.
// During a delivery DataReceived only appends; the delivery in progress
// continues with the new data.
func (r *receiver) DataReceived(data []byte) {
	if r.closing() {
		r.buf = nil
		return
	}
	if len(r.buf) == 0 {
		r.buf = data
	} else {
		r.buf = append(r.buf, data...)
	}
	r.deliver()
}

// PauseProducing stops the delivery, including messages that have already been
// received, and pauses the transport.
func (r *receiver) PauseProducing() {
	r.paused = true
	r.Transport().PauseProducing()
}

// ResumeProducing resumes the transport and delivers the buffered messages
// before it returns. During a delivery, ResumeProducing returns at once and the
// delivery in progress continues with the buffered messages.
func (r *receiver) ResumeProducing() {
	r.paused = false
	r.Transport().ResumeProducing()
	r.deliver()
}

// StopProducing closes the connection. Nothing more is delivered.
func (r *receiver) StopProducing() {
	r.paused = true
	r.Transport().StopProducing()
}

// deliver delivers messages until the buffer holds no complete one.
func (r *receiver) deliver() {
	if r.delivering {
		return
	}
	r.delivering = true
	defer func() { r.delivering = false }() // even if a method panics
	next := r.Self().(splitter)
	for len(r.buf) > 0 && !r.paused && !r.closing() {
		if !next.split() {
			return
		}
	}
}

// closing reports whether nothing may be delivered any more.
func (r *receiver) closing() bool { return r.Transport().Disconnecting() || !r.Connected() }

// cut removes the first n bytes from the buffer and returns them.
func (r *receiver) cut(n int) []byte {
	first := r.buf[:n:n]
	r.buf = r.buf[n:]
	return first
}

// clear empties the buffer and returns its contents.
func (r *receiver) clear() []byte {
	rest := r.buf
	r.buf = nil
	return rest
}

// missing returns the panic value for a type that embeds a receiver and lacks
// a method.
func missing(self any, method string) error {
	return fmt.Errorf("protocols: %T embeds a receiver and has no method %s; define it", self, method)
}

// limit returns n, or the default if n is not positive.
func limit(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}
