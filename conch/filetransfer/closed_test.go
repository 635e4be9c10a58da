package filetransfer

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// TestClosedInTheMiddle: a file is closed while a long read or append is in
// progress. No further request is sent: the server may have given the handle to
// another file.
func TestClosedInTheMiddle(t *testing.T) {
	s := newFileServer(t, someBytes(3*MaxChunk), safeChunk/2)
	f := testFile(s.c)
	o := deferredtest.Observe(f.ReadInto(0, make([]byte, 2*MaxChunk)))
	reads := s.waiting
	watch(f.Close())
	for range reads {
		s.waiting = reads
		answer := s.answer(0) // short, so that an open file would request the rest
		reads, s.waiting = s.waiting, nil
		s.c.DataReceived(answer)
		if len(s.waiting) > 0 {
			t.Fatalf("%d requests for a closed file", len(s.waiting))
		}
	}
	if !errors.Is(o.Err, fs.ErrClosed) {
		t.Errorf("read: %v", o.Err)
	}

	s = newFileServer(t, nil, MaxChunk)
	f = testFile(s.c)
	f.flags = FXFWrite | FXFAppend
	w := deferredtest.Observe(f.WriteChunk(0, make([]byte, 3*s.c.WriteSize())))
	first := s.answer(0)
	watch(f.Close())
	s.waiting = nil
	s.c.DataReceived(first)
	if len(s.waiting) > 0 || !errors.Is(w.Err, fs.ErrClosed) {
		t.Errorf("append: %v, and %d requests", w.Err, len(s.waiting))
	}

	f, closed := testFile(s.c), testFile(s.c)
	watch(closed.Close())
	s.waiting = nil
	if o := deferredtest.Observe(f.CopyData(0, 0, closed, 0)); len(s.waiting) > 0 || !errors.Is(o.Err, fs.ErrClosed) {
		t.Errorf("copy: %v", o.Err)
	}
}

// TestWritesFitIntoPackets: a write never exceeds the server's packet limit,
// even if the server states a greater limit for writes.
func TestWritesFitIntoPackets(t *testing.T) {
	for _, tt := range []struct {
		packet, write uint64
		want          int
	}{
		{34_000, 0, safeChunk},
		{34_000, 34_000, 34_000 - WriteHeadroom},
		{20_000, 0, 20_000 - WriteHeadroom},
		{100, 0, minChunk},
		{0, 100_000, 100_000},
	} {
		c, _ := connected(t)
		c.DataReceived(versionPacket(3, extLimits, "1"))
		c.DataReceived(reply(fxpExtendedReply, 0, func(e *wire.Encoder) {
			for _, v := range []uint64{tt.packet, 0, tt.write, 0} {
				e.Uint64(v)
			}
		}))
		if got := c.WriteSize(); got != tt.want {
			t.Errorf("packets of %d bytes, writes of %d: %d, want %d", tt.packet, tt.write, got, tt.want)
		}
	}
}
