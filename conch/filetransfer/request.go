package filetransfer

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// MaxAbandoned is how many cancelled requests may wait for their late answers at a time; each takes some forty bytes. It is a good deal more
// than any server queues.
const MaxAbandoned = 1 << 16

// maxRequest is the longest request in bytes. No server takes as much; it keeps lengths from wrapping.
const maxRequest = 64 << 20

// op names an operation in errors.
type op struct{ name, path, target string }

func (o op) wrap(err error) error {
	return &OpError{Op: o.name, Path: o.path, Target: o.target, Err: err}
}

// pendingRequest is an entry in the table of requests that wait for an answer.
type pendingRequest interface {
	// deliver checks and decodes an answer. If it is one, deliver takes the request out of the table and fires its Deferred; if not, it
	// returns what is wrong and leaves everything as it is.
	deliver(c *FileTransferClient, id uint32, typ PacketType, d *wire.Decoder) error

	// fail fires the Deferred of a request that is out of the table.
	fail(err error)

	// room returns where the data of the answer goes, nil if it is to be decoded.
	room() []byte
}

// request sends a packet that newPacket began, and returns the Deferred of its answer. Every operation goes through here.
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

// largeRequest is the size in bytes from which on a request is worth not being copied.
const largeRequest = 8 << 10

// register enters a request in the table.
func register[T any](c *FileTransferClient, o op, a answer[T]) (deferred.Deferred[T], uint32) {
	id := c.takeID()
	want := a.typ
	d := deferred.New(func(deferred.Deferred[T]) { c.abandon(id, want) })
	c.pending[id] = &outstanding[T]{d, o, a}
	return d, id
}

// refuse returns why a request of size bytes cannot be sent, or nil.
func (c *FileTransferClient) refuse(size int) error {
	switch {
	case c.lost != nil:
		return c.lost
	case c.transport == nil:
		return &ConnectionLostError{Reason: ErrNotConnected}
	case size > maxRequest:
		return fmt.Errorf("%w: %d bytes, allowed are %d; split it", ErrRequestTooLong, size, maxRequest)
	default:
		return nil
	}
}

// takeID returns the next id that is not in use: they count up from 0 and wrap (C-SFTP-20).
func (c *FileTransferClient) takeID() uint32 {
	for {
		id := c.nextID
		c.nextID++
		if _, taken := c.pending[id]; !taken {
			return id
		}
	}
}

// abandon is the canceller of each request: the id stays taken until the answer comes.
func (c *FileTransferClient) abandon(id uint32, want PacketType) {
	c.pending[id] = abandoned(want)
	if header := c.in.placing(); header != nil && packetID(header) == id {
		c.in.giveUpPlace()
	}
	if c.abandoned++; c.abandoned > MaxAbandoned {
		c.breakOff(&ProtocolError{Err: ErrTooManyAbandoned})
	}
}

// outstanding is a request that waits for its answer.
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

// abandoned is a request that was cancelled before its answer came, as the type of reply that it asked for.
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

// place returns where n bytes of data of the answer to a request go. What does not fit is for deliver to find fault with.
func (c *FileTransferClient) place(id uint32, n int64) []byte {
	request, ok := c.pending[id]
	if !ok || n > int64(len(request.room())) {
		return nil
	}
	return request.room()[:n]
}

// ignore is the errback of a request whose outcome nobody asked for.
func ignore(error) (Status, error) { return Status{}, nil }

func unexpected(want PacketType) error {
	return fmt.Errorf("%w: %s is due", ErrUnexpectedReply, want)
}

func malformed(cause error) error { return fmt.Errorf("%w: %w", ErrMalformedReply, cause) }
