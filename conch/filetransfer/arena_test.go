package filetransfer

import (
	"bytes"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestArenaIsBounded(t *testing.T) {
	a := NewArena(20 * slotSize)
	l := a.Open()
	defer l.Close()
	var held []*Buffer
	for {
		b := l.Get(MaxChunk)
		if b == nil {
			break
		}
		if len(b.Data()) < MaxChunk {
			t.Fatalf("a buffer of %d bytes", len(b.Data()))
		}
		held = append(held, b)
	}
	if s := a.Stats(); len(held) != 20+ownBuffers || s != (ArenaStats{20 * slotSize, 20 * slotSize, 20 * slotSize}) {
		t.Errorf("%d buffers, %+v", len(held), s)
	}
	if small := l.Get(smallBuffer); small == nil || len(small.Data()) != smallBuffer {
		t.Error("no small buffer")
	} else {
		small.Release()
	}
	called := 0
	l.Wait(func() { called++ })
	for _, b := range held {
		b.Release()
	}
	if called != 1 {
		t.Errorf("called %d times", called)
	}
	if s := a.Stats(); s.Used != 0 || s.Held != 20*slotSize {
		t.Errorf("%+v", s)
	}
}

// A second transfer gets something to work with while the first has taken everything.
func TestArenaStarvesNobody(t *testing.T) {
	a := NewArena(0)
	for range 2 {
		l := a.Open()
		defer l.Close()
		for range ownBuffers {
			if b := l.Get(MaxChunk); b == nil {
				t.Error("no buffer")
			} else {
				defer b.Release()
			}
		}
		if b := l.Get(MaxChunk); b != nil {
			t.Error("one buffer too many")
		}
	}
}

func TestArenaShrinks(t *testing.T) {
	a := NewArena(4 * slotSize)
	l := a.Open()
	defer l.Close()
	b, c := l.Get(MaxChunk), l.Get(MaxChunk)
	a.SetSize(slotSize)
	b.Release()
	if s := a.Stats(); s.Held != 3*slotSize {
		t.Errorf("%+v", s)
	}
	c.Release()
	a.SetSize(8 * slotSize)
	l.Reserve()
	if s := a.Stats(); s.Held != 8*slotSize || s.Used != 0 {
		t.Errorf("%+v", s)
	}
}

// The memory stays while a transfer lasts, and goes when the last is over.
func TestArenaIsGivenBack(t *testing.T) {
	a := NewArena(8 * slotSize)
	first, second := a.Open(), a.Open()
	first.Get(MaxChunk).Release()
	first.Close()
	first.Close() // once is enough
	if a.Stats().Held == 0 {
		t.Error("gone while there is a user")
	}
	late := second.Get(MaxChunk)
	second.Close()
	if second.Get(MaxChunk) != nil {
		t.Error("a closed lease gives buffers")
	}
	again := a.Open()
	if a.Stats().Held != 8*slotSize {
		t.Error("the next transfer does not find the memory of the one before it")
	}
	late.Release()
	again.Close()
	runtime.GC()
	if a.idle.Value() != nil {
		t.Error("kept")
	}
}

func TestArenaFromManyGoroutines(t *testing.T) {
	a := NewArena(4 * slotSize)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			l := a.Open()
			defer l.Close()
			for range 200 {
				more := make(chan struct{})
				l.Wait(func() { close(more) })
				b := l.Get(MaxChunk)
				if b == nil {
					<-more
					continue
				}
				b.Data()[0]++
				b.Release()
			}
		})
	}
	all.Wait()
	if s := a.Stats(); s.Used != 0 {
		t.Errorf("%+v", s)
	}
}

// owningTransport takes large requests without copying them, and says only on demand that it has sent them.
type owningTransport struct {
	memoryTransport
	owned [][]byte
	sent2 []func()
}

func (o *owningTransport) WriteOwned(p []byte, sent func()) {
	o.owned = append(o.owned, p)
	o.sent2 = append(o.sent2, sent)
}

func TestWriteBuffer(t *testing.T) {
	a := NewArena(slotSize)
	l := a.Open()
	defer l.Close()
	m := new(owningTransport)
	c := NewFileTransferClient()
	c.MakeConnection(m)
	c.sizes.limits.MaxWrite = MaxChunk
	for _, handle := range []string{"H", string(make([]byte, maxHandle))} {
		m.owned, m.sent2 = nil, nil
		f := &ClientFile{client: c, handle: handle, name: "f"}
		b := l.Get(MaxChunk)
		copy(b.Data(), someBytes(MaxChunk))
		o := deferredtest.Observe(f.WriteBuffer(1<<33, b, MaxChunk))
		b.Release()
		if a.Stats().Used != slotSize {
			t.Fatal("the buffer is free before it was sent")
		}
		plain, pm := connected(t)
		plain.sizes.limits.MaxWrite, plain.nextID = MaxChunk, c.nextID-1
		(&ClientFile{client: plain, handle: handle}).WriteChunk(1<<33, b.Data()[:MaxChunk])
		if len(m.owned) != 1 || &m.owned[0][len(m.owned[0])-1] != &b.Data()[MaxChunk-1] || !bytes.Equal(m.owned[0], pm.sent[0]) {
			t.Error("not what WriteChunk sends, or a copy")
		}
		c.DataReceived(statusReply(c.nextID-1, FXOK, "", ""))
		if !o.Fired || o.Err != nil || a.Stats().Used != slotSize {
			t.Errorf("%+v", o)
		}
		m.sent2[0]()
		if a.Stats().Used != 0 {
			t.Error("not released")
		}
	}
}

// Where the data has to be split or copied, WriteBuffer is WriteChunk.
func TestWriteBufferThatIsCopied(t *testing.T) {
	l := NewArena(slotSize).Open()
	defer l.Close()
	b := l.Get(MaxChunk)
	c, m := connected(t)
	o := deferredtest.Observe(testFile(c).WriteBuffer(0, b, MaxChunk))
	if want := (MaxChunk + safeChunk - 1) / safeChunk; len(m.sent) != want {
		t.Errorf("%d requests, want %d", len(m.sent), want)
	}
	for id := range len(m.sent) {
		c.DataReceived(statusReply(uint32(id), FXOK, "", ""))
	}
	if !o.Fired || o.Err != nil {
		t.Errorf("%+v", o)
	}
	f := testFile(c)
	f.Close()
	if o := deferredtest.Observe(f.WriteBuffer(0, b, 1)); !errors.Is(o.Err, fs.ErrClosed) {
		t.Errorf("%+v", o)
	}
	c.ConnectionLost(nil)
	if o := deferredtest.Observe(testFile(c).WriteBuffer(0, b, 1)); o.Err == nil {
		t.Errorf("%+v", o)
	}
	b.Release()
	if !slices.ContainsFunc([]func(){b.Release}, panics) {
		t.Error("a second Release goes unnoticed")
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
