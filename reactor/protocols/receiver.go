package protocols

import (
	"fmt"

	"github.com/hawser-go/hawser/reactor"
)

// receiver is what the receivers have in common: the bytes that were not delivered, and the loop that delivers them.
type receiver struct {
	reactor.BaseProtocol
	buf    []byte
	paused bool
	busy   bool
}

// take adds data to what is there and delivers what can be delivered, by calling next until that reports that it needs more. When it is
// called by what it delivers to, the loop that is running goes on with the new data (R435, R446).
func (r *receiver) take(data []byte, next func() (more bool)) {
	if r.Transport().Disconnecting() {
		r.buf = nil // nobody gets it
		return
	}
	if len(r.buf) == 0 {
		r.buf = data
	} else {
		r.buf = append(r.buf, data...)
	}
	if r.busy {
		return
	}
	r.busy = true
	defer func() { r.busy = false }()
	for len(r.buf) > 0 && !r.paused && !r.Transport().Disconnecting() {
		if !next() {
			return
		}
	}
}

// cut removes the first n bytes and returns them.
func (r *receiver) cut(n int) []byte {
	first := r.buf[:n:n]
	r.buf = r.buf[n:]
	return first
}

// clear removes and returns everything.
func (r *receiver) clear() []byte {
	rest := r.buf
	r.buf = nil
	return rest
}

// PauseProducing stops the delivery, also of what has been received already (R433, R445).
func (r *receiver) PauseProducing() {
	r.paused = true
	r.Transport().PauseProducing()
}

// StopProducing closes the connection; nothing more is delivered (R434).
func (r *receiver) StopProducing() {
	r.paused = true
	r.Transport().StopProducing()
}

// missing is the panic of a type that embeds a receiver and lacks its method.
func missing(self any, method string) string {
	return fmt.Sprintf("protocols: %T needs a method %s", self, method)
}

// limit returns n, or the default for 0.
func limit(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}
