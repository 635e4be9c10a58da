package filetransfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestSFTP1_Init(t *testing.T) {
	c, m := NewFileTransferClient(), new(memoryTransport)
	c.MakeConnection(m)
	if len(m.sent) != 1 || string(m.sent[0]) != "\x00\x00\x00\x05\x01\x00\x00\x00\x03" {
		t.Errorf("sent %q", m.sent)
	}
	if c.Transport() != m {
		t.Error("Transport does not return the transport")
	}
}

func TestSFTP2_ExtensionsAreSent(t *testing.T) {
	c, m := NewFileTransferClient(Extension{"a@x", "1"}, Extension{"b", ""}), new(memoryTransport)
	c.MakeConnection(m)
	if want := "\x00\x00\x00\x1a\x01\x00\x00\x00\x03\x00\x00\x00\x03a@x\x00\x00\x00\x011\x00\x00\x00\x01b\x00\x00\x00\x00"; string(m.sent[0]) != want {
		t.Errorf("sent %q, want %q", m.sent[0], want)
	}
}

func TestMakeConnectionTwicePanics(t *testing.T) {
	c, _ := connected(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c.MakeConnection(new(memoryTransport))
}

func TestMakeConnectionAfterLoss(t *testing.T) {
	c, m := NewFileTransferClient(), new(memoryTransport)
	c.ConnectionLost(io.EOF)
	c.MakeConnection(m)
	if len(m.sent) != 0 || c.Transport() != nil {
		t.Error("a client that was lost connected")
	}
}

// C-SFTP-3: a conversation gives the same results in chunks of every size.
func TestSFTP3_ConversationInEveryChunkSize(t *testing.T) {
	stream := slices.Concat(versionPacket(3, "x@y", "1"), statusReply(0, FXOK, "fine", "en"), attrsReply(1, Attrs{}.WithSize(9)),
		stringReply(fxpData, 2, "some data"), statusReply(3, FXEOF, "", ""))
	for size := 1; size <= len(stream); size++ {
		c, _ := connected(t)
		f := &ClientFile{client: c, handle: "h", name: "f"}
		mkdir, stat := deferredtest.Observe(c.MakeDirectory("d", Attrs{})), deferredtest.Observe(c.GetAttrs("d", false))
		data, end := deferredtest.Observe(f.ReadChunk(0, 9)), deferredtest.Observe(f.ReadChunk(9, 9))
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			c.DataReceived(chunk)
		}
		if c.Version() != 3 || mkdir.Value.Message != "fine" || stat.Value.Size != 9 || string(data.Value) != "some data" || !errors.Is(end.Err, io.EOF) {
			t.Fatalf("chunks of %d: version %d, %+v, %+v, %+v, %+v", size, c.Version(), mkdir, stat, data, end)
		}
	}
}

// C-SFTP-3: file data that is complete in a chunk is passed on without a copy.
func TestSFTP3_DataIsNotCopied(t *testing.T) {
	c, _ := connected(t)
	data := deferredtest.Observe((&ClientFile{client: c}).ReadChunk(0, 9))
	chunk := stringReply(fxpData, 0, "some data")
	c.DataReceived(chunk)
	if string(data.Value) != "some data" || &data.Value[0] != &chunk[len(chunk)-9] {
		t.Errorf("got %q, not in place", data.Value)
	}
}

func TestSFTP5_Version(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet []byte
		want   uint32
		pairs  map[string]string
	}{
		{"bare", versionPacket(3), 3, map[string]string{}},
		{"another version is not checked", versionPacket(6), 6, map[string]string{}},
		{"extensions", versionPacket(3, "a", "1", "b", "\xff\x00", "a", "2"), 3, map[string]string{"a": "2", "b": "\xff\x00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := connected(t)
			calls := 0
			c.GotServerVersion = func(version uint32, extensions map[string]string) {
				calls++
				if version != tt.want || c.Version() != version || !maps.Equal(extensions, tt.pairs) || !maps.Equal(c.Extensions(), tt.pairs) {
					t.Errorf("version %d, extensions %q; accessors %d, %q", version, extensions, c.Version(), c.Extensions())
				}
			}
			if c.Version() != 0 || c.Extensions() != nil {
				t.Error("known before it came")
			}
			c.DataReceived(tt.packet)
			if calls != 1 {
				t.Errorf("GotServerVersion was called %d times", calls)
			}
		})
	}
}

func TestSFTP5_VersionWithoutHook(t *testing.T) {
	c, m := connected(t)
	c.DataReceived(versionPacket(3))
	if c.Version() != 3 || m.closed != 0 {
		t.Errorf("version %d, closed %d times", c.Version(), m.closed)
	}
}

func TestSFTP20_IDsCountUpFromZero(t *testing.T) {
	c, m := connected(t)
	for range 300 {
		deferredtest.Observe(c.RemoveFile("x"))
	}
	for i, p := range m.sent {
		if id := binary.BigEndian.Uint32(p[5:]); id != uint32(i) {
			t.Fatalf("request %d has id %d", i, id)
		}
	}
}

func TestSFTP20_IDsWrapAndSkipThoseInUse(t *testing.T) {
	c, m := connected(t)
	kept := deferredtest.Observe(c.GetAttrs("kept", false)) // id 0
	c.nextID = math.MaxUint32
	last, next := deferredtest.Observe(c.GetAttrs("last", false)), deferredtest.Observe(c.GetAttrs("next", false))
	if id := binary.BigEndian.Uint32(m.last()[1:]); id != 1 {
		t.Errorf("after the largest id came %d, want 1, 0 being in use", id)
	}
	c.DataReceived(slices.Concat(attrsReply(1, Attrs{}.WithSize(1)), attrsReply(math.MaxUint32, Attrs{}.WithSize(2)), attrsReply(0, Attrs{}.WithSize(3))))
	if kept.Value.Size != 3 || last.Value.Size != 2 || next.Value.Size != 1 {
		t.Errorf("kept %+v, last %+v, next %+v", kept, last, next)
	}
}

func TestSFTP20_RepliesInAnyOrder(t *testing.T) {
	const n = 500
	for seed := range uint64(5) {
		c, _ := connected(t)
		var all []*deferredtest.Observer[Attrs]
		for i := range n {
			all = append(all, deferredtest.Observe(c.GetAttrs(fmt.Sprint(i), i%2 == 0)))
		}
		random := rand.New(rand.NewPCG(seed, 1))
		var stream []byte
		for _, i := range random.Perm(n) {
			stream = append(stream, attrsReply(uint32(i), Attrs{}.WithSize(uint64(i)))...)
		}
		for len(stream) > 0 {
			size := min(1+random.IntN(200), len(stream))
			c.DataReceived(slices.Clone(stream[:size]))
			stream = stream[size:]
		}
		for i, o := range all {
			if !o.Fired || o.Err != nil || o.Value.Size != uint64(i) {
				t.Fatalf("seed %d, request %d: %+v", seed, i, o)
			}
		}
		if len(c.pending) != 0 {
			t.Errorf("%d requests are left in the table", len(c.pending))
		}
	}
}

func TestSFTP21_NothingWaitsForVersion(t *testing.T) {
	c, m := NewFileTransferClient(), new(memoryTransport)
	c.MakeConnection(m)
	o := deferredtest.Observe(c.MakeDirectory("foobarbaz", Attrs{}))
	if want := "\x00\x00\x00\x16\x0e\x00\x00\x00\x00\x00\x00\x00\x09foobarbaz\x00\x00\x00\x00"; len(m.sent) != 2 || string(m.sent[1]) != want {
		t.Fatalf("sent %q", m.sent)
	}
	c.DataReceived(slices.Concat(versionPacket(3), statusReply(0, FXOK, "Success", "")))
	if !o.Fired || o.Err != nil || o.Value != (Status{FXOK, "Success", ""}) {
		t.Errorf("%+v", o)
	}
}
