package sftp

import (
	"runtime"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// takeAll takes buffers of n bytes until the lease returns nil.
func takeAll(l *lease, n int) (all []*buffer) {
	for {
		b := l.take(n, nil)
		if b == nil {
			return all
		}
		all = append(all, b)
	}
}

func releaseAll(all []*buffer) {
	for _, b := range all {
		b.release()
	}
}

// TestPoolIsBounded: the limit of the pool holds for small buffers too, which
// share slots.
func TestPoolIsBounded(t *testing.T) {
	const slots = 20
	for _, tt := range []struct{ size, perSlot int }{
		{filetransfer.MaxChunk, 1}, {smallBuffer + 1, 1}, {smallBuffer, 7}, {1 << 10, 128},
	} {
		p := newPool(slots * slotSize)
		l := p.open()
		held := takeAll(l, tt.size)
		if want := (slots + ownSlots) * tt.perSlot; len(held) != want {
			t.Errorf("%d buffers for %d bytes, want %d", len(held), tt.size, want)
		}
		seen := make(map[*byte]bool)
		for _, b := range held {
			if len(b.data()) < tt.size || seen[&b.mem[0]] {
				t.Fatalf("a buffer of %d bytes, seen before: %v", len(b.data()), seen[&b.mem[0]])
			}
			seen[&b.mem[0]] = true
		}
		if s := p.stats(); s != (poolStats{slots * slotSize, slots * slotSize, slots * slotSize}) {
			t.Errorf("%+v", s)
		}
		releaseAll(held)
		if s := p.stats(); s.Used != 0 || s.Held != slots*slotSize || l.own != 0 {
			t.Errorf("%+v, %d own", s, l.own)
		}
		l.close()
	}
}

// TestPoolStarvesNobody: a second transfer gets buffers while the first holds
// all it can get.
func TestPoolStarvesNobody(t *testing.T) {
	p := newPool(0)
	for range 2 {
		l := p.open()
		defer l.close()
		if held := takeAll(l, filetransfer.MaxChunk); len(held) != ownSlots {
			t.Errorf("%d buffers", len(held))
		} else {
			defer releaseAll(held)
		}
	}
}

// TestPoolWaiters: a free buffer goes to the first waiter. A lease's own slot
// returns to that lease. Small buffers of a lease share a slot.
func TestPoolWaiters(t *testing.T) {
	p := newPool(slotSize)
	first, second := p.open(), p.open()
	held := takeAll(first, filetransfer.MaxChunk) // the pool's slot and the lease's own slot
	own := takeAll(second, filetransfer.MaxChunk)
	var got []string
	var buffers []*buffer
	want := func(l *lease, name string, n int) {
		if b := l.take(n, func(b *buffer) { got, buffers = append(got, name), append(buffers, b) }); b != nil {
			t.Error("a buffer at once for", name)
		}
	}
	want(second, "small 1", 100)
	want(first, "large", filetransfer.MaxChunk)
	want(second, "small 2", 100)
	held[len(held)-1].release() // the own slot of first
	if len(got) != 1 || got[0] != "large" {
		t.Errorf("%q", got)
	}
	held[0].release() // the pool's slot
	if len(got) != 3 || got[1] != "small 1" || got[2] != "small 2" {
		t.Errorf("%q", got)
	}
	want(second, "closed", filetransfer.MaxChunk)
	second.close()
	releaseAll(append(buffers, append(own, held[1:len(held)-1]...)...))
	first.close()
	if len(got) != 3 || len(p.wait) != 0 || first.own != 0 || second.own != 0 {
		t.Errorf("%q, %d wait, %d and %d own", got, len(p.wait), first.own, second.own)
	}
}

func TestPoolReserve(t *testing.T) {
	p := newPool(18 * slotSize)
	l := p.open()
	l.take(filetransfer.MaxChunk, nil).release()
	if s := p.stats(); s.Held != slabSlots*slotSize {
		t.Errorf("%+v", s)
	}
	l.reserve()
	if s := p.stats(); s.Held != 18*slotSize || s.Used != 0 {
		t.Errorf("%+v", s)
	}
	l.close()
	l.reserve() // does nothing
}

// TestPoolIsGivenBack: the memory is kept while any lease is open. It is freed
// after the last lease is closed.
func TestPoolIsGivenBack(t *testing.T) {
	p := newPool(8 * slotSize)
	first, second := p.open(), p.open()
	first.take(filetransfer.MaxChunk, nil).release()
	first.close()
	first.close() // does nothing
	if p.stats().Held == 0 {
		t.Error("gone while there is a lease")
	}
	late := second.take(filetransfer.MaxChunk, nil)
	second.close()
	if second.take(filetransfer.MaxChunk, nil) != nil {
		t.Error("a closed lease gives buffers")
	}
	again := p.open()
	if p.stats().Held != 8*slotSize {
		t.Error("the next transfer does not find the memory of the one before it")
	}
	late.release()
	again.close()
	runtime.GC()
	if p.idle.Value() != nil {
		t.Error("kept")
	}
}

func TestPoolFromManyGoroutines(t *testing.T) {
	p := newPool(4 * slotSize)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			l := p.open()
			defer l.close()
			got := make(chan *buffer, 1)
			for j := range 200 {
				n := filetransfer.MaxChunk
				if (i+j)%3 == 0 {
					n = 1000
				}
				b := l.take(n, func(b *buffer) { got <- b })
				if b == nil {
					b = <-got
				}
				b.data()[0]++
				b.release()
			}
		})
	}
	all.Wait()
	if s := p.stats(); s.Used != 0 || len(p.wait) != 0 {
		t.Errorf("%+v, %d wait", s, len(p.wait))
	}
}
