package filetransfer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// fileServer answers reads and writes of one file. The test chooses the order
// of the replies. Replies to reads may be short.
type fileServer struct {
	c       *FileTransferClient
	m       *memoryTransport
	content []byte
	most    int      // greatest number of bytes in a reply
	discard bool     // written data is dropped
	refuses int      // reads of at least this size are refused; 0: none
	asked   [][2]int // offset and length of each request
	waiting [][]byte // requests without a reply
}

func newFileServer(t *testing.T, content []byte, most int) *fileServer {
	s := &fileServer{content: content, most: most}
	s.c, s.m = connected(t)
	s.m.onWrite = func(p []byte) {
		s.waiting = append(s.waiting, slices.Clone(p))
		s.m.sent = nil
	}
	return s
}

// answer removes the waiting request i and returns the reply to it.
func (s *fileServer) answer(i int) []byte {
	p := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	d := wire.NewDecoder(p[lengthSize:])
	typ, id := PacketType(d.Uint8()), d.Uint32()
	d.Bytes()
	offset := int(d.Uint64())
	if typ == fxpWrite {
		data := d.Bytes()
		s.asked = append(s.asked, [2]int{offset, len(data)})
		if s.discard {
			return statusReply(id, FXOK, "", "")
		}
		s.content = append(s.content, make([]byte, max(0, offset+len(data)-len(s.content)))...)
		copy(s.content[offset:], data)
		return statusReply(id, FXOK, "", "")
	}
	n := int(d.Uint32())
	s.asked = append(s.asked, [2]int{offset, n})
	if s.refuses > 0 && n >= s.refuses {
		return statusReply(id, FXFailure, "too long", "")
	}
	if offset >= len(s.content) {
		return statusReply(id, FXEOF, "", "")
	}
	return stringReply(fxpData, id, string(s.content[offset:min(len(s.content), offset+min(n, s.most))]))
}

// run answers all waiting requests in random order. It splits each reply into
// chunks of the given size.
func (s *fileServer) run(random *rand.Rand, size int) {
	for len(s.waiting) > 0 {
		for chunk := range slices.Chunk(s.answer(random.IntN(len(s.waiting))), size) {
			s.c.DataReceived(chunk)
		}
	}
}

func someBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(p) // never fails
	return p
}

func TestReadsOfAnySize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	content := someBytes(3*MaxChunk + 1000)
	for _, most := range []int{MaxChunk, 32 << 10, 100_000} {
		for _, offset := range []int{0, 1, MaxChunk, len(content) - 1} {
			for _, length := range []int{1, MaxChunk - 1, MaxChunk, MaxChunk + 1, 2 * MaxChunk, 2*MaxChunk + 5, len(content), len(content) + 5, 1 << 30} {
				s := newFileServer(t, content, most)
				f := testFile(s.c)
				want := content[offset:min(len(content), offset+length)]
				chunk := deferredtest.Observe(f.ReadChunk(uint64(offset), uint32(length)))
				s.run(random, 20_000)
				if length > safeChunk && (chunk.Err != nil || !bytes.Equal(chunk.Value, want)) {
					t.Fatalf("most %d: ReadChunk(%d, %d) gave %d bytes, %v; want %d", most, offset, length, len(chunk.Value), chunk.Err, len(want))
				}
				into := make([]byte, min(length, len(content)+5))
				o := deferredtest.Observe(f.ReadInto(uint64(offset), into))
				s.run(random, 33_333)
				if !o.Fired || o.Err != nil || !bytes.Equal(into[:o.Value], want) {
					t.Fatalf("most %d: ReadInto(%d, %d bytes) gave %d bytes, %v; want %d", most, offset, length, o.Value, o.Err, len(want))
				}
				if len(s.c.pending) != 0 || s.c.abandoned != 0 {
					t.Fatalf("%d requests are left", len(s.c.pending))
				}
			}
		}
	}
}

func TestReadsPastTheEnd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := newFileServer(t, []byte("short"), MaxChunk)
	long, into := deferredtest.Observe(testFile(s.c).ReadChunk(5, 1<<30)), deferredtest.Observe(testFile(s.c).ReadInto(99, make([]byte, 4*MaxChunk)))
	s.run(random, 1)
	if !errors.Is(long.Err, io.EOF) || !errors.Is(into.Err, io.EOF) || into.Value != 0 {
		t.Errorf("%+v, %+v", long, into)
	}
	empty := deferredtest.Observe(testFile(s.c).ReadInto(0, nil))
	if !empty.Fired || empty.Err != nil || empty.Value != 0 {
		t.Errorf("%+v", empty)
	}
}

// F9: without limits@openssh.com, reads start at 32 KiB. The read size grows
// while the server sends full replies, and shrinks to the size of short
// replies.
func TestF9_ReadSize(t *testing.T) {
	for _, tt := range []struct {
		name    string
		content int
		most    int   // greatest number of bytes in a reply
		refuses int   // reads of at least this size are refused; 0: none
		stated  int   // the server's stated limit, or 0
		asked   []int // sizes of the first requests
		size    int   // ReadSize at the end
	}{
		{"a server that answers in full", 4 << 20, MaxChunk, 0, 0, []int{safeChunk, safeChunk}, MaxChunk},
		{"32 KiB at a time", 4 << 20, safeChunk, 0, 0, []int{safeChunk}, safeChunk},
		{"100,000 bytes at a time", 4 << 20, 100_000, 0, 0, []int{safeChunk}, 100_000},
		{"more than 32 KiB refused", 4 << 20, MaxChunk, safeChunk + 1, 0, []int{safeChunk}, safeChunk},
		{"stated limit", 4 << 20, MaxChunk, 0, 200_000, []int{200_000}, 200_000},
		{"stated limit, and a file of /proc", 1 << 20, 4 << 10, 0, MaxChunk, []int{MaxChunk}, MaxChunk},
		{"the end of a file is no short answer", 100, MaxChunk, 0, 0, []int{safeChunk}, safeChunk},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newFileServer(t, someBytes(tt.content), tt.most)
			s.refuses = tt.refuses
			s.c.sizes.limits.MaxRead = uint64(tt.stated)
			into := make([]byte, 4<<20)
			o := deferredtest.Observe(testFile(s.c).ReadInto(0, into))
			s.run(rand.New(rand.NewPCG(1, 2)), 1<<20)
			if o.Err != nil || !bytes.Equal(into[:o.Value], s.content) {
				t.Fatalf("%d bytes, %v", o.Value, o.Err)
			}
			for i, want := range tt.asked {
				if !slices.ContainsFunc(s.asked, func(r [2]int) bool { return r == [2]int{i * want, want} }) {
					t.Errorf("no request for %d bytes at %d: %v", want, i*want, s.asked[:min(len(s.asked), 16)])
				}
			}
			if s.c.ReadSize() != tt.size {
				t.Errorf("reads of %d bytes, want %d", s.c.ReadSize(), tt.size)
			}
			again := NewFileTransferClient()
			again.AssumeLimitsOf(s.c)
			if again.ReadSize() != tt.size || again.sizes != s.c.sizes {
				t.Errorf("another client took over %+v of %+v", again.sizes, s.c.sizes)
			}
		})
	}
}

// F9: if a server refuses a long read, the client tries 32 KiB, once. If the
// server refuses 32 KiB too, the read fails and the read size is kept.
func TestF9_RefusedRead(t *testing.T) {
	s := newFileServer(t, someBytes(1<<20), MaxChunk)
	s.c.sizes.read = MaxChunk // as after earlier reads
	s.refuses = 1
	o := deferredtest.Observe(testFile(s.c).ReadInto(0, make([]byte, MaxChunk)))
	s.run(rand.New(rand.NewPCG(1, 2)), 1<<20)
	if _, ok := errors.AsType[*StatusError](o.Err); !ok || !slices.Equal(s.asked, [][2]int{{0, MaxChunk}, {0, safeChunk}}) || s.c.ReadSize() != MaxChunk {
		t.Errorf("%v after requests %v; reads of %d bytes", o.Err, s.asked, s.c.ReadSize())
	}
	s.asked, s.refuses = nil, safeChunk+1
	o = deferredtest.Observe(testFile(s.c).ReadInto(0, make([]byte, MaxChunk)))
	s.run(rand.New(rand.NewPCG(1, 2)), 1<<20)
	if o.Err != nil || o.Value != MaxChunk || len(s.asked) != 1+8 || s.c.ReadSize() != safeChunk {
		t.Errorf("%+v after requests %v; reads of %d bytes", o, s.asked, s.c.ReadSize())
	}
}

// TestEmptyAnswers: a reply without data before the end of the file is an
// error. The client does not send the read again forever.
func TestEmptyAnswers(t *testing.T) {
	s := newFileServer(t, []byte("content"), 0)
	o := deferredtest.Observe(testFile(s.c).ReadInto(0, make([]byte, 10)))
	s.run(rand.New(rand.NewPCG(1, 2)), 100)
	if !o.Fired || !errors.Is(o.Err, io.ErrNoProgress) {
		t.Errorf("%+v", o)
	}
}

func TestWritesOfAnySize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, safeChunk - 1, safeChunk, safeChunk + 1, 40*safeChunk + 3} {
		content := someBytes(size)
		s := newFileServer(t, nil, 0)
		o := deferredtest.Observe(testFile(s.c).WriteChunk(7, content))
		s.run(random, 100)
		if !o.Fired || o.Err != nil || !bytes.Equal(s.content, append(make([]byte, 7), content...)) {
			t.Errorf("%d bytes: %+v", size, o)
		}
		if want := max(1, (size+safeChunk-1)/safeChunk); len(s.asked) != want {
			t.Errorf("%d bytes: %d requests, want %d", size, len(s.asked), want)
		}
	}
}

// F11: a write of any length has at most 16 requests in flight. It copies no
// more data than these requests contain.
func TestF11_LongWriteIsBounded(t *testing.T) {
	const size = 64 << 20
	data := make([]byte, size) // never touched, so only the requests use memory
	s := newFileServer(t, nil, 0)
	s.discard = true
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o := deferredtest.Observe(testFile(s.c).WriteChunk(0, data))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; len(s.waiting) != maxInFlight || grown > 4*maxInFlight*safeChunk {
		t.Fatalf("%d requests and %d bytes of memory for a write of %d", len(s.waiting), grown, size)
	}
	for range 100 {
		s.c.DataReceived(s.answer(0))
		if len(s.waiting) != maxInFlight {
			t.Fatalf("%d requests in flight", len(s.waiting))
		}
	}
	s.c.ConnectionLost(nil)
	if len(s.waiting) != maxInFlight || s.c.Lost() != errors.Unwrap(o.Err) {
		t.Errorf("%v, and %d requests", o.Err, len(s.waiting))
	}
}

// F11: after a request has failed, no further request is sent. The write fails
// when the requests in flight are answered.
func TestF11_LongWriteThatFails(t *testing.T) {
	for failing := range maxInFlight {
		s := newFileServer(t, nil, 0)
		o := deferredtest.Observe(testFile(s.c).WriteChunk(0, make([]byte, 100*safeChunk)))
		s.c.DataReceived(statusReply(uint32(failing), FXFailure, "disk full", ""))
		for id := range uint32(maxInFlight) {
			if id == uint32(failing) {
				continue
			}
			if o.Fired {
				t.Fatalf("request %d failed: the write has failed before the answer to request %d", failing, id)
			}
			s.c.DataReceived(statusReply(id, FXOK, "", ""))
		}
		status, ok := errors.AsType[*StatusError](o.Err)
		if !ok || status.Message != "disk full" || len(s.waiting) != maxInFlight || len(s.c.pending) != 0 {
			t.Fatalf("request %d failed: %v after %d requests", failing, o.Err, len(s.waiting))
		}
	}
}

func TestF11_CancelledLongWrite(t *testing.T) {
	s := newFileServer(t, nil, 0)
	d := testFile(s.c).WriteChunk(0, make([]byte, 100*safeChunk))
	o := deferredtest.Observe(d)
	d.Cancel()
	if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) || s.c.abandoned != maxInFlight || len(s.waiting) != maxInFlight {
		t.Errorf("%+v, %d abandoned, %d sent", o, s.c.abandoned, len(s.waiting))
	}
}

// F6, F11: in a file that is open for appending, the parts of a write are sent
// one at a time. They carry the offsets of the data, because some servers use
// them.
func TestF11_LongAppendIsInOrder(t *testing.T) {
	s := newFileServer(t, []byte("first "), 0)
	f := testFile(s.c)
	f.flags = FXFAppend
	data := someBytes(3 * safeChunk)
	o := deferredtest.Observe(f.WriteChunk(6, data))
	for range 3 {
		if len(s.waiting) != 1 {
			t.Fatalf("%d requests in flight", len(s.waiting))
		}
		s.c.DataReceived(s.answer(0))
	}
	if !o.Fired || o.Err != nil || !bytes.Equal(s.content, append([]byte("first "), data...)) {
		t.Errorf("%+v", o)
	}
}

// TestStreamedDataInEveryChunkSize: ReadInto puts the data into the buffer
// however the replies are split into chunks. Other replies between them are
// handled as usual.
func TestStreamedDataInEveryChunkSize(t *testing.T) {
	stream := slices.Concat(stringReply(fxpData, 1, "second"), versionPacket(3), attrsReply(2, goodAttrs),
		reply(fxpData, 0, func(e *wire.Encoder) { e.String("first!"); e.Raw([]byte("after")) }), stringReply(fxpData, 3, "third"), stringReply(fxpData, 4, ""))
	for size := 1; size <= len(stream); size++ {
		c, m := connected(t)
		f := testFile(c)
		var into [3][6]byte
		first, second := deferredtest.Observe(f.ReadInto(0, into[0][:])), deferredtest.Observe(f.ReadInto(6, into[1][:]))
		attrs, third := deferredtest.Observe(f.GetAttrs()), deferredtest.Observe(f.ReadChunk(12, 6))
		fourth := deferredtest.Observe(f.ReadInto(18, into[2][:]))
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			c.DataReceived(chunk)
		}
		if first.Value != 6 || string(into[0][:]) != "first!" || second.Value != 6 || string(into[1][:]) != "second" || string(third.Value) != "third" ||
			!attrs.Fired || attrs.Err != nil || !errors.Is(fourth.Err, io.ErrNoProgress) || m.closed != 0 {
			t.Fatalf("chunks of %d: %+v %+v %+v %+v %+v", size, first, second, attrs, third, fourth)
		}
	}
}

// TestStreamedLies: more data than requested, or a wrong length, is a protocol
// error for ReadInto too.
func TestStreamedLies(t *testing.T) {
	for name, p := range map[string][]byte{
		"too much":              stringReply(fxpData, 0, "12345678901"),
		"length past packet":    reply(fxpData, 0, func(e *wire.Encoder) { e.Uint32(9); e.Raw([]byte("12345678")) }),
		"no length":             reply(fxpData, 0, nil),
		"header of data, alone": reply(fxpData, 0, func(e *wire.Encoder) { e.Uint32(10) }),
	} {
		for size := 1; size <= len(p); size++ {
			c, m := connected(t)
			o := deferredtest.Observe(testFile(c).ReadInto(0, make([]byte, 10)))
			for chunk := range slices.Chunk(slices.Clone(p), size) {
				c.DataReceived(chunk)
			}
			if wantProtocolError(t, o.Err, m, ErrMalformedReply); t.Failed() {
				t.Fatalf("%s, chunks of %d", name, size)
			}
		}
	}
}

// TestCancelledReadLeavesItsBuffer: a cancelled read no longer writes to its
// buffer, even if a part of the reply has arrived. The packet after the late
// reply is read correctly.
func TestCancelledReadLeavesItsBuffer(t *testing.T) {
	p := stringReply(fxpData, 0, "0123456789")
	for cut := range len(p) {
		c, m := connected(t)
		into := make([]byte, 10)
		d := testFile(c).ReadInto(0, into)
		o := deferredtest.Observe(d)
		other := deferredtest.Observe(c.GetAttrs("x", false))
		c.DataReceived(slices.Clone(p[:cut]))
		d.Cancel()
		got := slices.Clone(into)
		c.DataReceived(append(slices.Clone(p[cut:]), attrsReply(1, goodAttrs)...))
		if !bytes.Equal(into, got) {
			t.Errorf("cut at %d: written to after the cancellation: %q, then %q", cut, got, into)
		}
		if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) || !other.Fired || other.Err != nil || c.abandoned != 0 || m.closed != 0 {
			t.Errorf("cut at %d: %+v, %+v", cut, o, other)
		}
	}
}

// F11: a cancelled long read abandons all its requests. Late replies do not
// change the buffer.
func TestF11_CancelledLongRead(t *testing.T) {
	s := newFileServer(t, someBytes(5*safeChunk), MaxChunk)
	into := make([]byte, 5*safeChunk)
	d := testFile(s.c).ReadInto(0, into)
	o := deferredtest.Observe(d)
	s.c.DataReceived(s.answer(1))
	late := s.answer(1)
	s.c.DataReceived(late[:len(late)/2])
	before := slices.Clone(into)
	d.Cancel()
	if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) || s.c.abandoned != 4 {
		t.Errorf("%v, %d abandoned", o.Err, s.c.abandoned)
	}
	s.c.DataReceived(late[len(late)/2:])
	s.run(rand.New(rand.NewPCG(1, 2)), 10_000)
	if !bytes.Equal(into, before) || len(s.c.pending) != 0 {
		t.Errorf("the buffer was changed, or %d requests are left", len(s.c.pending))
	}
}

// recyclingTransport records the chunks that the client returns.
type recyclingTransport struct {
	memoryTransport
	back [][]byte
}

func (r *recyclingTransport) Recycle(p []byte) { r.back = append(r.back, p) }

// TestRecycle: the client returns a chunk to the transport if no caller has a
// reference to it. It does not return a chunk whose data a caller may keep.
func TestRecycle(t *testing.T) {
	for _, tt := range []struct {
		name  string
		call  func(c *FileTransferClient) watched
		reply []byte
		cut   int
		back  int
	}{
		{"attributes", func(c *FileTransferClient) watched { return watch(c.GetAttrs("x", true)) }, attrsReply(0, goodAttrs), 0, 1},
		{"names", func(c *FileTransferClient) watched { return watch(testDirectory(c).Read()) }, nameReply(0, goodEntries...), 0, 1},
		{"data into place", func(c *FileTransferClient) watched { return watch(testFile(c).ReadInto(0, make([]byte, 4))) }, stringReply(fxpData, 0, "data"), 0, 1},
		{"data into place, in parts", func(c *FileTransferClient) watched { return watch(testFile(c).ReadInto(0, make([]byte, 4))) }, stringReply(fxpData, 0, "data"), 15, 2},
		{"data", func(c *FileTransferClient) watched { return watch(testFile(c).ReadChunk(0, 4)) }, stringReply(fxpData, 0, "data"), 0, 0},
		{"extended reply", func(c *FileTransferClient) watched { return watch(c.ExtendedRequest("x", nil)) }, reply(fxpExtendedReply, 0, nil), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := NewFileTransferClient(), new(recyclingTransport)
			c.MakeConnection(m)
			o := tt.call(c)
			c.DataReceived(slices.Clone(tt.reply[:tt.cut]))
			c.DataReceived(slices.Clone(tt.reply[tt.cut:]))
			if tt.cut == 0 {
				m.back = slices.DeleteFunc(m.back, func(p []byte) bool { return len(p) == 0 })
			}
			if !o.Fired || o.Err != nil || len(m.back) != tt.back {
				t.Errorf("fired: %v, with %v; %d chunks came back, want %d", o.Fired, o.Err, len(m.back), tt.back)
			}
		})
	}
}

func FuzzReadInto(f *testing.F) {
	f.Add([]byte("content of the file"), uint16(4), uint8(3), uint64(1))
	f.Add(someBytes(1000), uint16(100), uint8(50), uint64(2))
	f.Fuzz(func(t *testing.T, content []byte, most uint16, size uint8, seed uint64) {
		s := newFileServer(t, content, int(most)+1)
		s.c.sizes.read = int(most)%97 + 1
		into := make([]byte, len(content)+3)
		o := deferredtest.Observe(testFile(s.c).ReadInto(0, into))
		s.run(rand.New(rand.NewPCG(seed, 0)), int(size)+1)
		switch {
		case len(content) == 0:
			if !errors.Is(o.Err, io.EOF) {
				t.Errorf("%+v", o)
			}
		case !o.Fired || o.Err != nil || !bytes.Equal(into[:o.Value], content):
			t.Errorf("%+v", o)
		}
	})
}
