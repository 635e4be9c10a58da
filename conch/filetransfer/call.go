package filetransfer

import (
	"errors"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// call is a request that a FileTransferServer has received and not answered.
type call struct {
	s   *FileTransferServer
	id  uint32
	typ PacketType

	cost   int    // bytes of memory in FileTransferServer.held
	packet []byte // a buffer that the request is in, or nil
	chunk  *chunk // the chunk that the request is in, or nil

	cancel     func() // cancels the Deferred; nil unless the call is in the list
	prev, next *call  // the list of the calls that wait for a Deferred
	done       bool   // answered

	kind  requestKind
	about []string   // the paths in the log record; empty: none is written
	flags OpenFlags  // of fxpOpen, for the log
	code  StatusCode // of the answer, for the log
	err   error      // why the request has failed, for the log

	// A call about handles waits in their queues, and begins when it is at the
	// front of all of them.
	on        [2]*openHandle
	missing   int
	exclusive bool // no other call of these handles may be in progress
	start     func()
}

// respond calls a method of the user. When its Deferred fires, respond passes
// the value to send, which must answer the call; a failure is answered with a
// status.
func respond[T any](c *call, method func() deferred.Deferred[T], send func(T)) {
	if c.typ != fxpClose && !c.s.Connected() {
		c.fail(reactor.ErrConnectionLost)
		return
	}
	d, err := invoke(method)
	if err != nil {
		c.fail(err)
		return
	}
	d.AddBoth(func(v T, err error) (none T, _ error) {
		switch {
		case c.done:
		case err != nil:
			c.fail(err)
		default:
			send(v)
		}
		return none, nil
	})
	if !c.done {
		c.wait(d.Cancel)
	}
}

// respondOK is respond for methods without a result.
func respondOK(c *call, method func() deferred.Deferred[deferred.Void]) {
	respond(c, method, func(deferred.Void) { c.fail(nil) })
}

// invoke calls a method of the user. A panic is an error, and so is the zero
// Deferred.
func invoke[T any](method func() deferred.Deferred[T]) (d deferred.Deferred[T], err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	if d = method(); d == (deferred.Deferred[T]{}) {
		return d, errUnsupported
	}
	return d, nil
}

// wait adds the call to the list of those that wait.
func (c *call) wait(cancel func()) {
	s := c.s
	c.cancel = cancel
	if c.typ == fxpClose {
		return // files are closed in any case
	}
	if !s.Connected() {
		cancel() // the connection was lost in the method
		return
	}
	if c.prev = s.last; c.prev != nil {
		c.prev.next = c
	} else {
		s.first = c
	}
	s.last = c
}

// unlink removes the call from the list.
func (c *call) unlink() {
	s := c.s
	if c.prev == nil && s.first != c {
		return
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
	c.prev, c.next = nil, nil
}

// drop lets go of the memory of the request.
func (c *call) drop() {
	if !c.s.Connected() {
		return // a method may still use it
	}
	if c.packet != nil {
		putBuffer(c.packet)
	} else if c.chunk != nil {
		c.s.release(c.chunk)
	}
	c.packet, c.chunk = nil, nil
}

// finish ends the call, which has been answered.
func (c *call) finish() {
	s := c.s
	if c.done {
		return
	}
	c.done = true
	c.logOperation()
	c.unlink()
	c.drop()
	s.inFlight--
	s.held -= c.cost
	for _, h := range c.on {
		if h != nil {
			h.finished(c)
		}
	}
	if s.processing {
		return // process goes on by itself
	}
	s.flushSoon()
	s.resume()
	s.finish()
}

// fail answers with the status of err; nil is FXOK.
func (c *call) fail(err error) {
	if err != nil && c.s.Connected() && unexpectedError(err) {
		c.log(err)
	}
	c.noteFailure(err)
	c.status(StatusOf(err))
}

func (c *call) log(err error) {
	log := c.s.log()
	if p, ok := errors.AsType[*deferred.PanicError](err); ok {
		p.Log(log, "filetransfer: panic in the server of "+c.typ.String())
		return
	}
	log.Warn("filetransfer: a request failed", "request", c.typ, "err", text.Line(err.Error()))
}

// refuse answers with a code.
func (c *call) refuse(code StatusCode) { c.status(Status{Code: code, Message: statusTexts[code]}) }

func (c *call) status(status Status) {
	c.code = status.Code
	e := c.begin(fxpStatus)
	e.Uint32(uint32(status.Code))
	e.String(shorten(status.Message))
	e.String(shorten(status.Lang))
	c.end(e)
}

// shorten bounds a text of a status.
func shorten(s string) string { return s[:min(len(s), 4<<10)] }

// begin begins the reply.
func (c *call) begin(typ PacketType) wire.Encoder {
	e := c.s.begin(typ)
	e.Uint32(c.id)
	return e
}

// end completes the reply, and the call.
func (c *call) end(e wire.Encoder) {
	if !c.s.over() {
		c.s.end(e)
	}
	c.finish()
}

// attrs answers with attributes. Without those that clients need, they are
// zero.
func (c *call) attrs(a Attrs) {
	if a.size() > maxName {
		c.fail(errReplyTooLong)
		return
	}
	e := c.begin(fxpAttrs)
	a.encode(&e)
	c.end(e)
}

// name answers with one name that has no attributes.
func (c *call) name(path string) {
	if len(path) > maxName {
		c.fail(errNameTooLong)
		return
	}
	e := c.begin(fxpName)
	e.Uint32(1)
	e.String(path)
	e.String(path)
	e.Uint32(0)
	c.end(e)
}

// maxName is the maximum length of a name in a reply, in bytes. A name occurs
// twice in a packet.
const maxName = 64 << 10

var errNameTooLong = errors.New("filetransfer: the name is too long for a reply")

// extended answers with an SSH_FXP_EXTENDED_REPLY.
func (c *call) extended(data []byte) {
	switch {
	case data == nil:
		c.fail(nil)
		return
	case len(data) > maxServerPacket-headerSize:
		c.fail(errReplyTooLong)
		return
	}
	e := c.begin(fxpExtendedReply)
	e.Raw(data)
	c.end(e)
}

var errReplyTooLong = errors.New("filetransfer: the data is too long for a reply; the maximum is 256 KiB")

// path reads a path. If it is malformed, path answers the call, and ok
// is false.
func (c *call) path(d *wire.Decoder) (path string, ok bool) {
	path = d.String()
	return path, c.valid(d, path)
}

// paths reads two paths.
func (c *call) paths(d *wire.Decoder) (first, second string, ok bool) {
	first, second = d.String(), d.String()
	return first, second, c.valid(d, first, second)
}

// pathAttrs reads a path and attributes.
func (c *call) pathAttrs(d *wire.Decoder) (path string, attrs Attrs, ok bool) {
	path, attrs = d.String(), decodeServerAttrs(d)
	return path, attrs, c.valid(d, path)
}

// decodeServerAttrs reads attributes without the extended ones.
func decodeServerAttrs(d *wire.Decoder) Attrs {
	attrs := decodeAttrs(d)
	attrs.Flags &^= AttrExtended
	attrs.Extended = nil
	attrs.Permissions &= 0o7777
	return attrs
}

// valid reports whether all fields could be read and no path contains a NUL.
// Otherwise it answers the call.
func (c *call) valid(d *wire.Decoder, paths ...string) bool {
	bad := d.Err() != nil
	for _, path := range paths {
		bad = bad || strings.IndexByte(path, 0) >= 0
	}
	if bad {
		c.refuse(FXBadMessage)
		return false
	}
	c.note(paths...)
	return true
}
