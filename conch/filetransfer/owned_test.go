package filetransfer

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// owningTransport accepts large requests without a copy. The test decides when
// they are sent.
type owningTransport struct {
	memoryTransport
	owned [][]byte
	done  []func()
}

func (o *owningTransport) WriteOwned(p []byte, sent func()) {
	o.owned = append(o.owned, p)
	o.done = append(o.done, sent)
}

// ownedBuffer returns a buffer for WriteOwned, its release function, and a
// counter of the calls of release.
func ownedBuffer(n int) (buf []byte, released *int, release func()) {
	released = new(int)
	return append(bytes.Repeat([]byte{0xff}, WriteHeadroom), someBytes(n)...), released, func() { *released++ }
}

// TestWriteOwned: WriteOwned sends the same bytes as WriteChunk, with the
// shortest and the longest handle. It releases the buffer after the transport
// has sent it.
func TestWriteOwned(t *testing.T) {
	for _, handle := range []string{"", "H", string(make([]byte, maxHandle))} {
		for _, n := range []int{0, 1, MaxChunk} {
			m, c := new(owningTransport), NewFileTransferClient()
			c.MakeConnection(m)
			c.sizes.limits.MaxWrite = MaxChunk
			buf, released, release := ownedBuffer(n)
			o := deferredtest.Observe((&ClientFile{client: c, handle: handle}).WriteOwned(1<<33, buf, release))
			plain, pm := connected(t)
			plain.sizes = c.sizes
			watch((&ClientFile{client: plain, handle: handle}).WriteChunk(1<<33, someBytes(n)))
			if len(m.owned) != 1 || !bytes.Equal(m.owned[0], pm.sent[0]) || n > 0 && &m.owned[0][len(m.owned[0])-1] != &buf[len(buf)-1] {
				t.Fatalf("handle of %d bytes, %d of data: not the bytes that WriteChunk sends, or a copy", len(handle), n)
			}
			c.DataReceived(statusReply(0, FXOK, "", ""))
			if !o.Fired || o.Err != nil || *released != 0 {
				t.Errorf("%+v, released %d times before the data was sent", o, *released)
			}
			if m.done[0](); *released != 1 {
				t.Errorf("released %d times", *released)
			}
		}
	}
}

// TestWriteOwnedThatIsCopied: a write that is copied releases its buffer at
// once. A write of several requests releases it when the write is done or
// cancelled.
func TestWriteOwnedThatIsCopied(t *testing.T) {
	c, m := connected(t)
	buf, released, release := ownedBuffer(safeChunk)
	o := deferredtest.Observe(testFile(c).WriteOwned(5, buf, release))
	if *released != 1 || len(m.sent) != 1 || !bytes.HasSuffix(m.sent[0], buf[WriteHeadroom:]) {
		t.Fatalf("released %d times, %d requests", *released, len(m.sent))
	}
	clear(buf)
	c.DataReceived(statusReply(0, FXOK, "", ""))
	if !o.Fired || o.Err != nil || !bytes.HasSuffix(m.sent[0], someBytes(safeChunk)) {
		t.Errorf("%+v", o)
	}

	for _, cancel := range []bool{false, true} {
		first := c.nextID
		buf, released, release = ownedBuffer(3*safeChunk + 1)
		d := testFile(c).WriteOwned(0, buf, release)
		o := deferredtest.Observe(d)
		if *released != 0 || c.nextID != first+4 {
			t.Fatalf("released %d times after %d requests", *released, c.nextID-first)
		}
		if cancel {
			d.Cancel()
		}
		for id := range uint32(4) {
			c.DataReceived(statusReply(first+id, FXOK, "", ""))
		}
		if !o.Fired || *released != 1 {
			t.Errorf("cancelled: %v: fired: %v, released %d times", cancel, o.Fired, *released)
		}
	}
}

func TestWriteOwnedThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(c *FileTransferClient, f *ClientFile)
		err     error
	}{
		"closed file":     {func(c *FileTransferClient, f *ClientFile) { watch(f.Close()) }, fs.ErrClosed},
		"lost connection": {func(c *FileTransferClient, f *ClientFile) { c.ConnectionLost(fs.ErrInvalid) }, fs.ErrInvalid},
	} {
		for _, n := range []int{10, 10 * safeChunk} {
			m, c := new(owningTransport), NewFileTransferClient()
			c.MakeConnection(m)
			f := testFile(c)
			tt.prepare(c, f)
			buf, released, release := ownedBuffer(n)
			o := deferredtest.Observe(f.WriteOwned(0, buf, release))
			if !errors.Is(o.Err, tt.err) || *released != 1 || len(m.owned) != 0 {
				t.Errorf("%s, %d bytes: %v, released %d times, %d requests", name, n, o.Err, *released, len(m.owned))
			}
		}
	}
}
