package filetransfer

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// maxAbandoned is the maximum number of cancelled requests that wait for
	// their answers, far more than any server queues. Each needs about 40
	// bytes.
	maxAbandoned = 1 << 16

	// maxRequest is the maximum length of a request in bytes, far more than any
	// server accepts.
	maxRequest = 64 << 20

	// largeRequest is the minimum length in bytes of the requests that are
	// given to the transport without copying.
	largeRequest = 8 << 10
)

// op names an operation in errors.
type op struct{ name, path, target string }

func (o op) wrap(err error) error {
	return &OpError{Op: o.name, Path: o.path, Target: o.target, Err: err}
}

// pendingRequest is a request that waits for its answer.
type pendingRequest interface {
	// deliver decodes a reply. If the reply is an answer, deliver removes the
	// request from the table and fires the Deferred. Otherwise it changes
	// nothing and returns the error.
	deliver(c *FileTransferClient, id uint32, typ PacketType, d *wire.Decoder) error

	// fail fires the Deferred of a request that was removed from the table.
	fail(err error)

	// room returns the destination of file data in the answer, or nil if the
	// answer is decoded.
	room() []byte
}

// request sends a packet that newPacket began. It returns the Deferred of the
// answer.
func request[T any](c *FileTransferClient, packet wire.Encoder, o op, a answer[T]) deferred.Deferred[T] {
	p := packet.Data()
	if err := c.refuse(len(p)); err != nil {
		return deferred.Fail[T](o.wrap(err))
	}
	d, id := register(c, o, a)
	seal(p, id)
	if c.writeOwn != nil && len(p) >= largeRequest {
		c.writeOwn(p, nil)
	} else {
		c.transport.Write(p)
	}
	return d
}

// register adds a request to the table.
func register[T any](c *FileTransferClient, o op, a answer[T]) (deferred.Deferred[T], uint32) {
	id, want := c.takeID(), a.typ
	d := deferred.New(func(deferred.Deferred[T]) { c.abandon(id, want) })
	c.pending[id] = &outstanding[T]{d, o, a}
	return d, id
}

// refuse returns an error if a request of size bytes cannot be sent.
func (c *FileTransferClient) refuse(size int) error {
	switch {
	case c.lost != nil:
		return c.lost
	case c.transport == nil:
		return &ConnectionLostError{Reason: ErrNotConnected}
	case size > maxRequest:
		return fmt.Errorf("%w: %d bytes exceed the limit of %d; split the request", ErrRequestTooLong, size, maxRequest)
	default:
		return nil
	}
}

// takeID returns the next id that is not in use. Ids count up from 0 and wrap
// around.
func (c *FileTransferClient) takeID() uint32 {
	for {
		id := c.nextID
		c.nextID++
		if _, taken := c.pending[id]; !taken {
			return id
		}
	}
}

// abandon cancels a request. Its id stays in use until the answer arrives.
func (c *FileTransferClient) abandon(id uint32, want PacketType) {
	c.pending[id] = abandoned(want)
	if header := c.in.placing(); header != nil && packetID(header) == id {
		c.in.giveUpPlace()
	}
	if c.abandoned++; c.abandoned > maxAbandoned {
		c.breakOff(&ProtocolError{Err: errTooManyAbandoned})
	}
}

// outstanding is a request that was not cancelled.
type outstanding[T any] struct {
	d      deferred.Deferred[T]
	op     op
	answer answer[T]
}

func (r *outstanding[T]) deliver(c *FileTransferClient, id uint32, typ PacketType, d *wire.Decoder) error {
	v, refused, err := r.answer.read(typ, d)
	if err != nil {
		return err
	}
	delete(c.pending, id)
	if refused != nil {
		r.fail(refused)
	} else {
		r.d.Callback(v)
	}
	return nil
}

func (r *outstanding[T]) fail(err error) { r.d.Errback(r.op.wrap(err)) }

func (r *outstanding[T]) room() []byte { return r.answer.into }

// abandoned is a cancelled request: the type of the reply that answers it.
type abandoned PacketType

func (a abandoned) deliver(c *FileTransferClient, id uint32, typ PacketType, d *wire.Decoder) error {
	if typ != fxpStatus && typ != PacketType(a) {
		return unexpected(PacketType(a))
	}
	var handle string
	if typ == fxpHandle {
		var err error
		if handle, err = decodeHandle(d); err != nil {
			return err
		}
	}
	delete(c.pending, id)
	c.abandoned--
	if typ == fxpHandle {
		c.closeHandle(handle, op{name: "close"}).AddErrback(ignore)
	}
	return nil
}

func (abandoned) fail(error) {}

func (abandoned) room() []byte { return nil }

// place returns the destination of the n bytes of file data in the answer to a
// request. It returns nil if they do not fit; deliver then reports the error.
func (c *FileTransferClient) place(id uint32, n int64) []byte {
	request, ok := c.pending[id]
	if !ok || n > int64(len(request.room())) {
		return nil
	}
	return request.room()[:n]
}

// ignore is an errback that handles every error.
func ignore(error) (Status, error) { return Status{}, nil }

func unexpected(want PacketType) error {
	return fmt.Errorf("%w, not %s", ErrUnexpectedReply, want)
}

func malformed(cause error) error { return fmt.Errorf("%w: %w", ErrMalformedReply, cause) }
