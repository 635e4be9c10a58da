package filetransfer

import (
	"errors"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// FuzzDataReceived sends arbitrary data, in chunks, to a client with a few
// requests in flight. Each request must fire exactly once. If the client gives
// up the connection, it must close it exactly once.
func FuzzDataReceived(f *testing.F) {
	f.Add(versionPacket(3, "a@x", "1"), byte(3))
	f.Add(slices.Concat(statusReply(0, FXOK, "ok", ""), attrsReply(1, goodAttrs), stringReply(fxpHandle, 2, "H")), byte(200))
	f.Add(slices.Concat(stringReply(fxpHandle, 3, "late"), stringReply(fxpData, 4, "data"), nameReply(5, goodEntries...)), byte(1))
	f.Add(slices.Concat(nameReply(6, goodEntries...), reply(fxpExtendedReply, 7, nil), statusReply(8, FXEOF, "", "")), byte(9))
	f.Add(slices.Concat(stringReply(fxpData, 9, "late"), statusReply(77, FXOK, "", "")), byte(30))
	f.Add([]byte{0, 4, 4, 1}, byte(0))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		c, m := connected(t)
		all := []watched{
			watch(c.MakeDirectory("d", Attrs{})), watch(c.GetAttrs("d", false)), watch(c.OpenDirectory("d")), watch(c.OpenFile("f", FXFRead, Attrs{})),
			watch(testFile(c).ReadChunk(0, 10)), watch(testDirectory(c).Read()), watch(c.ReadLink("l")), watch(c.ExtendedRequest("x", nil)),
			watch(testDirectory(c).ReadAll()), watch(testFile(c).ReadChunk(0, 10)),
		}
		all[3].Cancel()
		all[9].Cancel()
		for chunk := range slices.Chunk(slices.Clone(stream), int(size)+1) {
			c.DataReceived(chunk)
		}
		if (c.lost != nil) != (m.closed == 1) {
			t.Errorf("lost because of %v, closed %d times", c.lost, m.closed)
		}
		if _, isProtocol := errors.AsType[*ProtocolError](c.lost); c.lost != nil && !isProtocol {
			t.Errorf("lost because of %v", c.lost)
		}
		c.ConnectionLost(nil)
		for i, o := range all {
			if !o.Fired {
				t.Errorf("request %d has not fired", i)
			}
		}
		if len(c.pending) != 0 {
			t.Errorf("%d requests are left in the table", len(c.pending))
		}
	})
}

// FuzzReplies gives each operation a reply of each type with an arbitrary body.
// The result must be a value, a refusal or a protocol error. Decoded entries
// must not need much more memory than the reply.
func FuzzReplies(f *testing.F) {
	for _, r := range goodReplies {
		f.Add(byte(r.typ), r.frame[headerSize:])
	}
	f.Add(byte(fxpName), []byte("\xff\xff\xff\xff"))
	f.Add(byte(fxpHandle), []byte("\x00\x00\x01\x01"))
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		for _, tt := range operations {
			c, m := connected(t)
			o := tt.call(c)
			c.DataReceived(reply(PacketType(typ), 0, func(e *wire.Encoder) { e.Raw(body) }))
			_, refused := errors.AsType[*StatusError](o.Err)
			_, broken := errors.AsType[*ProtocolError](o.Err)
			waits := !o.Fired && (PacketType(typ) == fxpVersion || PacketType(typ) == fxpInit || m.closed == 1 && len(body) > maxPacket)
			if !waits && (!o.Fired || o.Err != nil && !refused && !broken || broken != (m.closed == 1)) {
				t.Fatalf("%s, reply %s %q: fired: %v, with %v, %v", tt.name, PacketType(typ), body, o.Fired, o.Value, o.Err)
			}
			if entries, ok := o.Value.([]Entry); ok && len(entries) > len(body)/12 {
				t.Fatalf("%d entries from %d bytes", len(entries), len(body))
			}
		}
	})
}
