package filetransfer

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// memoryTransport records the data that is written to it.
type memoryTransport struct {
	sent    [][]byte
	closed  int
	onWrite func(p []byte) // called after p was recorded
	onClose func()
}

func (m *memoryTransport) Write(p []byte) {
	m.sent = append(m.sent, p)
	if m.onWrite != nil {
		m.onWrite(p)
	}
}

func (m *memoryTransport) LoseConnection() {
	m.closed++
	if m.onClose != nil {
		m.onClose()
	}
}

// last returns the last written packet without its length.
func (m *memoryTransport) last() []byte { return m.sent[len(m.sent)-1][lengthSize:] }

// abortingTransport is a memoryTransport with AbortConnection.
type abortingTransport struct {
	memoryTransport
	aborted int
}

func (a *abortingTransport) AbortConnection() { a.aborted++ }

// connected returns a client that has sent SSH_FXP_INIT. The transport's record
// is empty.
func connected(t testing.TB) (*FileTransferClient, *memoryTransport) {
	t.Helper()
	c, m := NewFileTransferClient(), new(memoryTransport)
	c.MakeConnection(m)
	m.sent = nil
	return c, m
}

// watched is an observer of a Deferred of any type.
type watched = *deferredtest.Observer[any]

func watch[T any](d deferred.Deferred[T]) watched { return deferredtest.Observe(deferred.Any(d)) }

// packet frames a packet of the given type with the body that the function body
// encodes.
func packet(typ PacketType, body func(*wire.Encoder)) []byte {
	e := wire.NewEncoder(make([]byte, lengthSize))
	e.Uint8(uint8(typ))
	if body != nil {
		body(&e)
	}
	binary.BigEndian.PutUint32(e.Data(), uint32(len(e.Data())-lengthSize))
	return e.Data()
}

// reply frames a packet with an id.
func reply(typ PacketType, id uint32, body func(*wire.Encoder)) []byte {
	return packet(typ, func(e *wire.Encoder) {
		e.Uint32(id)
		if body != nil {
			body(e)
		}
	})
}

func statusReply(id uint32, code StatusCode, message, lang string) []byte {
	return reply(fxpStatus, id, func(e *wire.Encoder) {
		e.Uint32(uint32(code))
		e.String(message)
		e.String(lang)
	})
}

func stringReply(typ PacketType, id uint32, s string) []byte {
	return reply(typ, id, func(e *wire.Encoder) { e.String(s) })
}

func attrsReply(id uint32, a Attrs) []byte { return reply(fxpAttrs, id, a.encode) }

func nameReply(id uint32, entries ...Entry) []byte {
	return reply(fxpName, id, func(e *wire.Encoder) {
		e.Uint32(uint32(len(entries)))
		for _, entry := range entries {
			e.String(entry.Filename)
			e.String(entry.Longname())
			entry.Attrs.encode(e)
		}
	})
}

func versionPacket(version uint32, pairs ...string) []byte {
	return packet(fxpVersion, func(e *wire.Encoder) {
		e.Uint32(version)
		for _, s := range pairs {
			e.String(s)
		}
	})
}

// wantProtocolError checks that err is a lost connection due to a protocol
// error that wraps want. It also checks that the transport was closed once.
func wantProtocolError(t *testing.T, err error, m *memoryTransport, want error) {
	t.Helper()
	_, isLost := errors.AsType[*ConnectionLostError](err)
	_, isProtocol := errors.AsType[*ProtocolError](err)
	if !isLost || !isProtocol || !errors.Is(err, want) {
		t.Errorf("got %v; want a lost connection because of %v", err, want)
	}
	if m.closed != 1 {
		t.Errorf("transport closed %d times, want 1", m.closed)
	}
}
