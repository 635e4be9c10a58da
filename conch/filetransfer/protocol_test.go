package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// TestProtocolErrors checks every protocol error of a server, while an lstat
// with id 0 is in flight.
func TestProtocolErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"C-SFTP-6 too long", []byte{0, 4, 4, 1}, ErrPacketLength},
		{"C-SFTP-6 far too long", []byte{255, 255, 255, 255}, ErrPacketLength},
		{"C-SFTP-6 empty", []byte{0, 0, 0, 0}, ErrPacketLength},
		{"C-SFTP-7 unknown type", packet(150, func(e *wire.Encoder) { e.Uint32(77) }), ErrUnknownID},
		{"C-SFTP-7 unknown type with our id", packet(150, func(e *wire.Encoder) { e.Uint32(0) }), ErrUnexpectedReply},
		{"C-SFTP-7 unknown id", statusReply(1, FXOK, "", ""), ErrUnknownID},
		{"C-SFTP-7 unknown id, not a status", attrsReply(math.MaxUint32, Attrs{}), ErrUnknownID},
		{"C-SFTP-8 our request comes back", stringReply(fxpLstat, 0, "x"), ErrUnexpectedReply},
		{"C-SFTP-9 handle for attributes", stringReply(fxpHandle, 0, "h"), ErrUnexpectedReply},
		{"C-SFTP-9 success for attributes", statusReply(0, FXOK, "", ""), ErrUnexpectedReply},
		{"C-SFTP-10 no id", packet(fxpStatus, nil), ErrMalformedReply},
		{"C-SFTP-10 half an id", packet(fxpStatus, func(e *wire.Encoder) { e.Raw([]byte{0, 0}) }), ErrMalformedReply},
		{"C-SFTP-10 status without code", reply(fxpStatus, 0, nil), ErrMalformedReply},
		{"C-SFTP-10 status with half a text", reply(fxpStatus, 0, func(e *wire.Encoder) { e.Uint32(4); e.Uint32(9) }), ErrMalformedReply},
		{"C-SFTP-10 attributes cut short", reply(fxpAttrs, 0, func(e *wire.Encoder) { e.Uint32(1); e.Uint32(0) }), ErrMalformedReply},
		{"C-SFTP-10 version cut short", packet(fxpVersion, nil), ErrMalformedReply},
		{"C-SFTP-10 version with half an extension", versionPacket(3, "name"), ErrMalformedReply},
		{"second version", slices.Concat(versionPacket(3), versionPacket(3)), ErrUnexpectedReply},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := deferredtest.Observe(c.GetAttrs("x", false))
			c.DataReceived(tt.bytes)
			wantProtocolError(t, o.Err, m, tt.want)

			later := deferredtest.Observe(c.RemoveFile("y"))
			if !errors.Is(later.Err, tt.want) {
				t.Errorf("a request made afterwards failed with %v", later.Err)
			}
			c.DataReceived(attrsReply(0, Attrs{}))
			c.ConnectionLost(io.EOF)
			wantProtocolError(t, o.Err, m, tt.want)
		})
	}
}

func TestProtocolErrorSaysWhichPacket(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.GetAttrs("x", false))
	c.DataReceived(stringReply(fxpHandle, 0, "h"))
	fault, ok := errors.AsType[*ProtocolError](o.Err)
	if !ok || fault.Type != fxpHandle || fault.ID != 0 {
		t.Errorf("%+v", fault)
	}
	if !strings.Contains(o.Err.Error(), "lstat x: connection lost: protocol error: SSH_FXP_HANDLE") {
		t.Errorf("%v", o.Err)
	}
}

// C-SFTP-7: a protocol error closes the transport, then fails every request in
// flight once.
func TestSFTP7_FailsEveryRequest(t *testing.T) {
	c, m := connected(t)
	m.onClose = func() { c.ConnectionLost(io.EOF) } // this transport calls ConnectionLost from inside LoseConnection
	var all []watched
	for i := range 10 {
		all = append(all, watch(c.RemoveFile(fmt.Sprint(i))), watch(c.GetAttrs(fmt.Sprint(i), true)), watch(c.OpenDirectory(fmt.Sprint(i))))
	}
	c.DataReceived(slices.Concat(statusReply(0, FXOK, "", ""), statusReply(999, FXOK, "", ""), statusReply(3, FXOK, "", "")))
	if !all[0].Fired || all[0].Err != nil {
		t.Errorf("what was answered before: %v", all[0].Err)
	}
	for _, o := range all[1:] {
		wantProtocolError(t, o.Err, m, ErrUnknownID)
	}
}

func TestProtocolErrorAborts(t *testing.T) {
	c, a := NewFileTransferClient(), new(abortingTransport)
	c.MakeConnection(a)
	c.DataReceived(statusReply(0, FXOK, "", ""))
	if a.aborted != 1 || a.closed != 0 {
		t.Errorf("aborted %d times, closed %d times", a.aborted, a.closed)
	}
}

func TestSFTP8_RequestsFromTheServerAreIgnored(t *testing.T) {
	c, m := connected(t)
	o := deferredtest.Observe(c.GetAttrs("x", false))
	c.DataReceived(packet(fxpInit, func(e *wire.Encoder) { e.Uint32(0) })) // INIT contains a version, not an id
	for typ := range 256 {
		if typ := PacketType(typ); typ.isRequest() && typ != fxpInit {
			c.DataReceived(stringReply(typ, 99, "x"))
		}
	}
	c.DataReceived(attrsReply(0, Attrs{}.WithSize(5)))
	if !o.Fired || o.Value.Size != 5 || m.closed != 0 {
		t.Errorf("%+v, closed %d times", o, m.closed)
	}
}

func TestSFTP22_Status(t *testing.T) {
	for _, tt := range []struct {
		code StatusCode
		is   error
	}{{FXOK, nil}, {FXEOF, io.EOF}, {FXOpUnsupported, errors.ErrUnsupported}, {FXFailure, nil}, {12345, nil}} {
		c, _ := connected(t)
		o := deferredtest.Observe(c.RemoveFile("x"))
		c.DataReceived(statusReply(0, tt.code, "a text", "en"))
		want := Status{tt.code, "a text", "en"}
		if tt.code == FXOK {
			if o.Err != nil || o.Value != want {
				t.Errorf("code 0: %+v", o)
			}
			continue
		}
		status, ok := errors.AsType[*StatusError](o.Err)
		if !ok || Status(*status) != want || tt.is != nil && !errors.Is(o.Err, tt.is) {
			t.Errorf("code %d: %v", tt.code, o.Err)
		}
	}
}

func TestSFTP23_ShortStatus(t *testing.T) {
	for name, body := range map[string]func(*wire.Encoder){
		"without language": func(e *wire.Encoder) { e.Uint32(0); e.String("") },
		"bare":             func(e *wire.Encoder) { e.Uint32(0) },
	} {
		c, m := connected(t)
		o := deferredtest.Observe(c.RemoveFile("x"))
		c.DataReceived(reply(fxpStatus, 0, body))
		if !o.Fired || o.Err != nil || o.Value != (Status{}) || m.closed != 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestTrailingBytesAreIgnored(t *testing.T) {
	c, m := connected(t)
	o := deferredtest.Observe(c.GetAttrs("x", false))
	c.DataReceived(reply(fxpAttrs, 0, func(e *wire.Encoder) { e.Uint32(0); e.Raw([]byte("more")) }))
	if !o.Fired || o.Err != nil || m.closed != 0 {
		t.Errorf("%+v", o)
	}
}

// TestHookThatPanics: after a hook has panicked out of DataReceived, the client
// continues with the next packet.
func TestHookThatPanics(t *testing.T) {
	c, _ := connected(t)
	c.GotServerVersion = func(uint32, map[string]string) { panic("hook") }
	o := deferredtest.Observe(c.RemoveFile("x"))
	func() {
		defer func() { _ = recover() }()
		c.DataReceived(append(versionPacket(3), statusReply(0, FXOK, "", "")[:5]...))
		t.Error("no panic")
	}()
	c.DataReceived(statusReply(0, FXOK, "", "")[5:])
	if !o.Fired || o.Err != nil {
		t.Errorf("%+v", o)
	}
}

func TestRequestTooLong(t *testing.T) {
	c, m := connected(t)
	o := deferredtest.Observe(c.ExtendedRequest("x", make([]byte, maxRequest)))
	if !o.Fired || !errors.Is(o.Err, ErrRequestTooLong) || len(m.sent) != 0 {
		t.Errorf("%+v", o)
	}
}

func TestIdleClientKeepsNoBuffers(t *testing.T) {
	c, _ := connected(t)
	deferredtest.Observe(c.GetAttrs("x", false))
	c.DataReceived(attrsReply(0, Attrs{}))
	if len(c.in.in) != 0 || c.in.placing() != nil || c.decoder.Rest() != nil || len(c.pending) != 0 {
		t.Errorf("kept: %+v", c.in)
	}
}
