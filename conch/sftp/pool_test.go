package sftp

import (
	"runtime"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

func TestArenaIsBounded(t *testing.T) {
	a := newPool(20 * slotSize)
	l := a.open()
	defer l.Close()
	var held []*buffer
	for {
		b := l.Get(filetransfer.MaxChunk)
		if b == nil {
			break
		}
		if len(b.Data()) < filetransfer.MaxChunk {
			t.Fatalf("a buffer of %d bytes", len(b.Data()))
		}
		held = append(held, b)
	}
	if s := a.Stats(); len(held) != 20+ownBuffers || s != (poolStats{20 * slotSize, 20 * slotSize, 20 * slotSize}) {
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
	a := newPool(0)
	for range 2 {
		l := a.open()
		defer l.Close()
		for range ownBuffers {
			if b := l.Get(filetransfer.MaxChunk); b == nil {
				t.Error("no buffer")
			} else {
				defer b.Release()
			}
		}
		if b := l.Get(filetransfer.MaxChunk); b != nil {
			t.Error("one buffer too many")
		}
	}
}

func TestArenaShrinks(t *testing.T) {
	a := newPool(4 * slotSize)
	l := a.open()
	defer l.Close()
	b, c := l.Get(filetransfer.MaxChunk), l.Get(filetransfer.MaxChunk)
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
	a := newPool(8 * slotSize)
	first, second := a.open(), a.open()
	first.Get(filetransfer.MaxChunk).Release()
	first.Close()
	first.Close() // once is enough
	if a.Stats().Held == 0 {
		t.Error("gone while there is a user")
	}
	late := second.Get(filetransfer.MaxChunk)
	second.Close()
	if second.Get(filetransfer.MaxChunk) != nil {
		t.Error("a closed lease gives buffers")
	}
	again := a.open()
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
	a := newPool(4 * slotSize)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			l := a.open()
			defer l.Close()
			for range 200 {
				more := make(chan struct{})
				l.Wait(func() { close(more) })
				b := l.Get(filetransfer.MaxChunk)
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
