package filetransfer

import (
	"io"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// DefaultArenaSize is the size of DefaultArena, in bytes, unless SetSize changes it.
	DefaultArenaSize = 32 << 20

	slotSize    = 256 << 10           // a Buffer of an arena
	headroom    = slotSize - MaxChunk // for what stands in front of the data in a request to write it
	slabSlots   = 16                  // an arena grows by so many slots
	smallBuffer = 32 << 10            // a Buffer for no more data than this is made for it, and left to the garbage collector
	ownBuffers  = 2                   // so many a Lease may have also if the arena is used up
)

// Arena is a bounded store of buffers for file data under way. Transfers take buffers from it, and wait when there are none: however many
// there are, and however slow the peers, file data takes no more memory than the size of the arena, and two buffers for each transfer.
//
// The memory is taken as transfers need it, and given back to the garbage collector when the last one ends. While it is held it has another
// use: packages below allocate memory for every packet, and the collector runs the more often the less memory is alive. With 16 to 32 MiB
// transfers are about a third faster than with none.
//
// Its methods, and those of Lease and Buffer, may be called from any goroutine.
type Arena struct {
	mu    sync.Mutex // guards all below, and the stores
	size  int
	users int
	used  *store              // while there are users
	idle  weak.Pointer[store] // afterwards: for the next user, if that comes soon
	wait  []func()
}

// store is the memory of an arena.
type store struct {
	arena *Arena
	free  []*Buffer
	slab  []byte // the rest of a slab, of which no slot was made yet
	slots int    // made so far, or to be made of slab
}

// NewArena returns an arena of size bytes.
func NewArena(size int) *Arena { return &Arena{size: size} }

var defaultArena = NewArena(DefaultArenaSize)

// DefaultArena returns the arena of the process, which transfers use that are given no other.
func DefaultArena() *Arena { return defaultArena }

// SetSize changes the size, in bytes. Buffers that are too many then go when they are released.
func (a *Arena) SetSize(size int) {
	a.mu.Lock()
	a.size = size
	a.mu.Unlock()
	a.wake()
}

// ArenaStats are the figures of an Arena, in bytes.
type ArenaStats struct {
	Size int // the bound
	Held int // taken from the system
	Used int // of these, in buffers that are not released
}

// Stats returns the figures.
func (a *Arena) Stats() ArenaStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	stats := ArenaStats{Size: a.size}
	if s := a.used; s != nil {
		stats.Held = s.slots * slotSize
		stats.Used = stats.Held - len(s.free)*slotSize - len(s.slab)
	}
	return stats
}

// Open returns a Lease, which has to be closed.
func (a *Arena) Open() *Lease {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users++; a.used == nil {
		if a.used = a.idle.Value(); a.used == nil {
			a.used = &store{arena: a}
		}
	}
	return &Lease{arena: a}
}

// wake calls everybody who waits.
func (a *Arena) wake() {
	a.mu.Lock()
	wait := a.wait
	a.wait = nil
	a.mu.Unlock()
	for _, f := range wait {
		f()
	}
}

// Lease is the use of an Arena by one transfer.
type Lease struct {
	arena  *Arena
	own    int // buffers that are not the arena's
	closed bool
}

// Close ends the use. Buffers that are still held may be released later.
func (l *Lease) Close() {
	a := l.arena
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
func (l *Lease) Reserve() {
	a := l.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if !l.closed {
		for a.used.grow() {
		}
	}
}

// Get returns a buffer for n bytes of data, at most MaxChunk, or nil if there is none now.
func (l *Lease) Get(n int) *Buffer {
	if n <= smallBuffer {
		return newBuffer(make([]byte, headroom+n))
	}
	a := l.arena
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
func (l *Lease) Wait(f func()) {
	l.arena.mu.Lock()
	defer l.arena.mu.Unlock()
	l.arena.wait = append(l.arena.wait, f)
}

// take returns a free buffer, nil if there is none.
func (s *store) take() *Buffer {
	if n := len(s.free); n > 0 {
		b := s.free[n-1] // the one that the processor's caches know best
		s.free = s.free[:n-1]
		return b
	}
	if len(s.slab) == 0 && !s.grow() {
		return nil
	}
	b := newBuffer(s.slab[:slotSize:slotSize])
	b.store = s
	s.slab = s.slab[slotSize:]
	return b
}

// grow makes slots, as many as a slab has at most, and reports whether there may be more still.
func (s *store) grow() bool {
	n := min(s.arena.size/slotSize-s.slots, slabSlots)
	if n <= 0 {
		return false
	}
	for slab := s.slab; len(slab) > 0; slab = slab[slotSize:] {
		b := newBuffer(slab[:slotSize:slotSize])
		b.store = s
		s.free = append(s.free, b)
	}
	s.slab = make([]byte, n*slotSize)
	s.slots += n
	return true
}

// Buffer is memory for up to MaxChunk bytes of file data, with room in front of it for the header of a request, so that the data
// need not be copied into one. It belongs to whoever took it from a Lease.
type Buffer struct {
	mem   []byte
	holds atomic.Int32
	store *store // nil if it is not an arena's
	lease *Lease // that it counts for, or nil
}

func newBuffer(mem []byte) *Buffer {
	b := &Buffer{mem: mem}
	b.holds.Store(1)
	return b
}

// Data returns the memory for the data.
func (b *Buffer) Data() []byte { return b.mem[headroom:] }

// Fill reads n bytes from r into the data, fewer only together with the reader's own error. At its end that is io.EOF; what io.ReadFull makes of
// it could not be told from the io.ErrUnexpectedEOF of a reader whose own source was cut off.
func (b *Buffer) Fill(r io.Reader, n int) (got int, err error) {
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
func (b *Buffer) Release() {
	switch left := b.holds.Add(-1); {
	case left > 0:
		return
	case left < 0:
		panic("filetransfer: a Buffer was released twice")
	}
	switch {
	case b.store != nil:
		b.store.giveBack(b)
	case b.lease != nil:
		b.lease.giveBack()
	}
}

func (s *store) giveBack(b *Buffer) {
	a := s.arena
	a.mu.Lock()
	if s.slots*slotSize > a.size {
		s.slots--
	} else {
		s.free = append(s.free, b)
	}
	a.mu.Unlock()
	a.wake()
}

func (l *Lease) giveBack() {
	l.arena.mu.Lock()
	l.own--
	l.arena.mu.Unlock()
	l.arena.wake()
}

// WriteBuffer writes the first n bytes of b's data at offset. Until the Deferred has fired b must not be changed; it may be released at any
// time. It does what WriteChunk does, but where a WriteChunk copies the data twice on the way to the connection, this does not copy it at all, if
// they go into one packet and the transport has WriteOwned.
func (f *ClientFile) WriteBuffer(offset uint64, b *Buffer, n int) deferred.Deferred[Status] {
	c := f.client
	if n > c.WriteSize() || f.closed || c.writeOwn == nil {
		return f.WriteChunk(offset, b.Data()[:n])
	}
	if err := c.refuse(n); err != nil {
		return deferred.Fail[Status](f.op("write").wrap(err))
	}
	packet := f.writeHeader(b.mem[:headroom+n], offset, n)
	d, id := register(c, f.op("write"), statusAnswer)
	seal(packet, id)
	b.holds.Add(1)
	c.writeOwn(packet, b.Release)
	return d
}

// writeHeader puts the header of a SSH_FXP_WRITE in front of the n bytes at the end of mem, and returns the packet.
func (f *ClientFile) writeHeader(mem []byte, offset uint64, n int) []byte {
	size := headerSize + stringSize(f.handle) + 8 + 4
	packet := mem[headroom-size:]
	e := wire.NewEncoder(packet[:lengthSize])
	e.Uint8(uint8(fxpWrite))
	e.Uint32(0) // the id: see seal
	e.String(f.handle)
	e.Uint64(offset)
	e.Uint32(uint32(n))
	return packet
}

// The headroom is enough for every handle.
var _ [headroom - (headerSize + 4 + maxHandle + 8 + 4)]byte
