package filetransfer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestSFTP6_PacketLimit(t *testing.T) {
	for _, tt := range []struct {
		size uint32
		ok   bool
	}{{0, false}, {1, true}, {maxPacket, true}, {maxPacket + 1, false}, {1 << 31, false}, {1<<32 - 1, false}} {
		c, m := connected(t)
		o := deferredtest.Observe(c.GetAttrs("x", false))
		c.DataReceived(binary.BigEndian.AppendUint32(nil, tt.size))
		if tt.ok {
			if o.Fired || m.closed != 0 {
				t.Errorf("length %d: %+v", tt.size, o)
			}
		} else if wantProtocolError(t, o.Err, m, ErrPacketLength); t.Failed() {
			t.Fatalf("length %d", tt.size)
		}
	}
}

// C-SFTP-6: the longest allowed packet, whole and in chunks.
func TestSFTP6_LongestPacket(t *testing.T) {
	long := bytes.Repeat([]byte{7}, maxPacket-1-4)
	stream := reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw(long) })
	for _, size := range []int{1000, 32 << 10, maxPacket - 1, maxPacket + lengthSize} {
		c, _ := connected(t)
		o := deferredtest.Observe(c.ExtendedRequest("x", nil))
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			c.DataReceived(chunk)
		}
		if !o.Fired || !bytes.Equal(o.Value.Data, long) {
			t.Errorf("chunks of %d: %v, %d bytes", size, o.Err, len(o.Value.Data))
		}
	}
}

// C-SFTP-3: a callback passes data to DataReceived one byte at a time. The data
// waits until the current data is handled. This must need few allocations.
func TestSFTP3_TinyChunksFromInsideACallback(t *testing.T) {
	c, _ := connected(t)
	stream := stringReply(fxpData, 1, string(make([]byte, 32_000)))
	data := testFile(c).ReadChunk(0, 100) // this request has id 0
	long := deferredtest.Observe(testFile(c).ReadChunk(0, 32_000))
	data.AddBoth(func([]byte, error) ([]byte, error) {
		for chunk := range slices.Chunk(stream, 1) {
			c.DataReceived(chunk)
		}
		return nil, nil
	})
	allocations := testing.AllocsPerRun(1, func() { c.DataReceived(stringReply(fxpData, 0, "x")) })
	if !long.Fired || long.Err != nil || len(long.Value) != 32_000 || allocations > 200 {
		t.Errorf("%d bytes, %v, %v allocations", len(long.Value), long.Err, allocations)
	}
}

// FuzzFraming: C-SFTP-3. A client reads the same packets from a stream, whole
// or in chunks of any size.
func FuzzFraming(f *testing.F) {
	f.Add(slices.Concat(versionPacket(3, "x", "y"), statusReply(0, FXOK, "", ""), stringReply(fxpData, 1, "data"), stringReply(fxpData, 2, "data")), byte(3))
	f.Add([]byte{0, 0, 0, 0}, byte(1))
	f.Add([]byte{0, 4, 4, 1}, byte(2))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		receive := func(size int) (all []watched, c *FileTransferClient) {
			c, _ = connected(t)
			all = []watched{watch(c.RemoveFile("x")), watch(testFile(c).ReadChunk(0, 10)), watch(testFile(c).ReadInto(0, make([]byte, 10)))}
			for chunk := range slices.Chunk(slices.Clone(stream), size) {
				c.DataReceived(chunk)
			}
			return all, c
		}
		whole, a := receive(len(stream) + 1)
		pieces, b := receive(int(size) + 1)
		for i := range whole {
			w, p := whole[i], pieces[i]
			if w.Fired != p.Fired || (w.Err == nil) != (p.Err == nil) || !sameValue(w.Value, p.Value) {
				t.Errorf("request %d: at once %v, %v; in pieces of %d %v, %v", i, w.Value, w.Err, int(size)+1, p.Value, p.Err)
			}
		}
		if (a.lost == nil) != (b.lost == nil) || a.version != b.version {
			t.Errorf("at once %v; in pieces of %d %v", a.lost, int(size)+1, b.lost)
		}
	})
}

func sameValue(v, w any) bool {
	if p, ok := v.([]byte); ok {
		return bytes.Equal(p, w.([]byte))
	}
	return v == w
}
