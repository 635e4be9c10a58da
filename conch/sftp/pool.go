package sftp

import (
	"io"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// poolSize is the size of defaultPool, in bytes, unless SetSize changes it.
	poolSize = 32 << 20

	slotSize = 256 << 10 // a Buffer of an arena
	// // for what stands in front of the data in a request to write it
	slabSlots   = 16       // an arena grows by so many slots
	smallBuffer = 32 << 10 // a Buffer for no more data than this is made for it, and left to the garbage collector
	ownBuffers  = 2        // so many a Lease may have also if the arena is used up
)

// Arena is a bounded slabs of buffers for file data under way. Transfers take buffers from it, and wait when there are none: however many
// there are, and however slow the peers, file data takes no more memory than the size of the arena, and two buffers for each transfer.
//
// The memory is taken as transfers need it, and given back to the garbage collector when the last one ends. While it is held it has another
// use: packages below allocate memory for every packet, and the collector runs the more often the less memory is alive. With 16 to 32 MiB
// transfers are about a third faster than with none.
//
// Its methods, and those of Lease and Buffer, may be called from any goroutine.
type pool struct {
	mu    sync.Mutex // guards all below, and the slabss
	size  int
	users int
	used  *slabs              // while there are users
	idle  weak.Pointer[slabs] // afterwards: for the next user, if that comes soon
	wait  []func()
}

// slabs is the memory of an arena.
type slabs struct {
	pool  *pool
	free  []*buffer
	slab  []byte // the rest of a slab, of which no slot was made yet
	slots int    // made so far, or to be made of slab
}

// newPool returns an arena of size bytes.
func newPool(size int) *pool { return &pool{size: size} }

var defaultPool = newPool(poolSize)

// defaultPool returns the arena of the process, which transfers use that are given no other.

// SetSize changes the size, in bytes. Buffers that are too many then go when they are released.
func (a *pool) SetSize(size int) {
	a.mu.Lock()
	a.size = size
	a.mu.Unlock()
	a.wake()
}

// poolStats are the figures of an Arena, in bytes.
type poolStats struct {
	Size int // the bound
	Held int // taken from the system
	Used int // of these, in buffers that are not released
}

// Stats returns the figures.
func (a *pool) Stats() poolStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	stats := poolStats{Size: a.size}
	if s := a.used; s != nil {
		stats.Held = s.slots * slotSize
		stats.Used = stats.Held - len(s.free)*slotSize - len(s.slab)
	}
	return stats
}

// Open returns a Lease, which has to be closed.
func (a *pool) open() *lease {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users++; a.used == nil {
		if a.used = a.idle.Value(); a.used == nil {
			a.used = &slabs{pool: a}
		}
	}
	return &lease{pool: a}
}

// wake calls everybody who waits.
func (a *pool) wake() {
	a.mu.Lock()
	wait := a.wait
	a.wait = nil
	a.mu.Unlock()
	for _, f := range wait {
		f()
	}
}

// Lease is the use of an Arena by one transfer.
type lease struct {
	pool   *pool
	own    int // buffers that are not the arena's
	closed bool
}

// Close ends the use. Buffers that are still held may be released later.
func (l *lease) Close() {
	a := l.pool
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if a.users--; a.users == 0 {
		a.idle = weak.Make(a.used)
		a.used = nil
	}
}

// Reserve makes the arena take all of its memory now: for a transfer so large that it is worth it. Memory that is not used costs no more than
// address space.
func (l *lease) Reserve() {
	a := l.pool
	a.mu.Lock()
	defer a.mu.Unlock()
	if !l.closed {
		for a.used.grow() {
		}
	}
}

// Get returns a buffer for n bytes of data, at most filetransfer.MaxChunk, or nil if there is none now.
func (l *lease) Get(n int) *buffer {
	if n <= smallBuffer {
		return newBuffer(make([]byte, filetransfer.WriteHeadroom+n))
	}
	a := l.pool
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.closed {
		return nil
	}
	if b := a.used.take(); b != nil {
		b.holds.Store(1)
		return b
	}
	if l.own >= ownBuffers {
		return nil
	}
	l.own++
	b := newBuffer(make([]byte, slotSize))
	b.lease = l
	return b
}

// Wait arranges for f to be called once, on any goroutine, when there may be a buffer again.
func (l *lease) Wait(f func()) {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.pool.wait = append(l.pool.wait, f)
}

// take returns a free buffer, nil if there is none.
func (s *slabs) take() *buffer {
	if n := len(s.free); n > 0 {
		b := s.free[n-1] // the one that the processor's caches know best
		s.free = s.free[:n-1]
		return b
	}
	if len(s.slab) == 0 && !s.grow() {
		return nil
	}
	b := newBuffer(s.slab[:slotSize:slotSize])
	b.slabs = s
	s.slab = s.slab[slotSize:]
	return b
}

// grow makes slots, as many as a slab has at most, and reports whether there may be more still.
func (s *slabs) grow() bool {
	n := min(s.pool.size/slotSize-s.slots, slabSlots)
	if n <= 0 {
		return false
	}
	for slab := s.slab; len(slab) > 0; slab = slab[slotSize:] {
		b := newBuffer(slab[:slotSize:slotSize])
		b.slabs = s
		s.free = append(s.free, b)
	}
	s.slab = make([]byte, n*slotSize)
	s.slots += n
	return true
}

// Buffer is memory for up to filetransfer.MaxChunk bytes of file data, with room in front of it for the header of a request, so that the data
// need not be copied into one. It belongs to whoever took it from a Lease.
type buffer struct {
	mem   []byte
	holds atomic.Int32
	slabs *slabs // nil if it is not an arena's
	lease *lease // that it counts for, or nil
}

func newBuffer(mem []byte) *buffer {
	b := &buffer{mem: mem}
	b.holds.Store(1)
	return b
}

// Data returns the memory for the data.
func (b *buffer) Data() []byte { return b.mem[filetransfer.WriteHeadroom:] }

// Fill reads n bytes from r into the data, fewer only together with the reader's own error. At its end that is io.EOF; what io.ReadFull makes of
// it could not be told from the io.ErrUnexpectedEOF of a reader whose own source was cut off.
func (b *buffer) Fill(r io.Reader, n int) (got int, err error) {
	for got < n && err == nil {
		var more int
		more, err = r.Read(b.Data()[got:n])
		got += more
	}
	if got == n {
		err = nil
	}
	return got, err
}

// Release gives the buffer back. It goes on to exist for as long as a WriteBuffer needs it.
func (b *buffer) Release() {
	switch left := b.holds.Add(-1); {
	case left > 0:
		return
	case left < 0:
		panic("filetransfer: a Buffer was released twice")
	}
	switch {
	case b.slabs != nil:
		b.slabs.giveBack(b)
	case b.lease != nil:
		b.lease.giveBack()
	}
}

func (s *slabs) giveBack(b *buffer) {
	a := s.pool
	a.mu.Lock()
	if s.slots*slotSize > a.size {
		s.slots--
	} else {
		s.free = append(s.free, b)
	}
	a.mu.Unlock()
	a.wake()
}

func (l *lease) giveBack() {
	l.pool.mu.Lock()
	l.own--
	l.pool.mu.Unlock()
	l.pool.wake()
}

// write writes the first n bytes of b's data to f at offset. b must not be
// changed until the Deferred has fired. It may be released at any time.
func (b *buffer) write(f *filetransfer.ClientFile, offset int64, n int) deferred.Deferred[filetransfer.Status] {
	b.holds.Add(1)
	return f.WriteOwned(uint64(offset), b.mem[:filetransfer.WriteHeadroom+n], b.Release)
}
