package sftp

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// testLoop is a loop without goroutines. Posted functions wait until run is
// called.
type testLoop struct {
	posts  []func()
	timers []func()
}

func (l *testLoop) CallFromThread(f func()) bool {
	l.posts = append(l.posts, f)
	return true
}

func (l *testLoop) CallInThread(f func()) error {
	l.posts = append(l.posts, f)
	return nil
}

func (l *testLoop) AfterFunc(_ time.Duration, f func()) func() bool {
	l.timers = append(l.timers, f)
	return func() bool { return true }
}

func (l *testLoop) Now() time.Time { return time.Time{} }

// run calls the posted functions, including those posted meanwhile.
func (l *testLoop) run() {
	for len(l.posts) > 0 {
		f := l.posts[0]
		l.posts = l.posts[1:]
		f()
	}
}

// request is a READ, WRITE or CLOSE request that a handServer has received.
type request struct {
	typ    uint8
	id     uint32
	handle string
	offset int64
	n      int
	data   []byte
}

// handServer is the transport of a client, and a server whose replies the test
// sends.
type handServer struct {
	c        *filetransfer.FileTransferClient
	requests []request // requests without a reply
}

func newHandServer() *handServer {
	s := &handServer{c: filetransfer.NewFileTransferClient()}
	s.c.MakeConnection(s)
	return s
}

func (s *handServer) LoseConnection() {}

func (s *handServer) Write(p []byte) {
	d := wire.NewDecoder(p[4:])
	r := request{typ: d.Uint8()}
	switch r.typ {
	case 1:
		s.send(2, func(e *wire.Encoder) { e.Uint32(3) })
		return
	case typeOpen:
		id := d.Uint32()
		s.send(102, func(e *wire.Encoder) { e.Uint32(id); e.String(d.String()) })
		return
	}
	r.id, r.handle = d.Uint32(), d.String()
	if r.typ != typeClose {
		r.offset = int64(d.Uint64())
	}
	switch r.typ {
	case typeRead:
		r.n = int(d.Uint32())
	case typeWrite:
		r.data = bytes.Clone(d.Bytes())
		r.n = len(r.data)
	}
	s.requests = append(s.requests, r)
}

func (s *handServer) send(typ uint8, body func(*wire.Encoder)) {
	e := wire.NewEncoder(make([]byte, 4, 64))
	e.Uint8(typ)
	body(&e)
	p := e.Data()
	n := len(p) - 4
	p[0], p[1], p[2], p[3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	s.c.DataReceived(p)
}

func (s *handServer) open(t *testing.T, name string) *filetransfer.ClientFile {
	t.Helper()
	h, err, ok := s.c.OpenFile(name, filetransfer.FXFRead, filetransfer.Attrs{}).Result()
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	return h
}

// take removes request i and returns it.
func (s *handServer) take(i int) request {
	r := s.requests[i]
	s.requests = slices.Delete(s.requests, i, i+1)
	return r
}

func (s *handServer) status(r request, code uint32) {
	s.send(101, func(e *wire.Encoder) { e.Uint32(r.id); e.Uint32(code) })
}

// read answers a READ with data of content.
func (s *handServer) read(r request, content []byte) {
	if r.offset >= int64(len(content)) {
		s.status(r, 1)
		return
	}
	part := content[r.offset:min(r.offset+int64(r.n), int64(len(content)))]
	s.send(103, func(e *wire.Encoder) { e.Uint32(r.id); e.Bytes(part) })
}

const typeRead = 5

// readTest tests a reader. The replies are sent in random order.
type readTest struct {
	t    *testing.T
	l    testLoop
	s    *handServer
	r    *reader
	pool *pool
	got  []byte
	held []chunk // delivered chunks without credit
	most int     // greatest number of requests in flight
}

func newReadTest(t *testing.T, offset, planned int64) *readTest {
	rt := &readTest{t: t, s: newHandServer(), pool: newPool(8 << 20)}
	lease := rt.pool.open()
	rt.r = newReader(&rt.l, lease, offset, planned, func(c chunk) {
		if c.offset != offset+int64(len(rt.got)) {
			t.Errorf("a chunk at %d after %d bytes", c.offset, len(rt.got))
		}
		rt.got = append(rt.got, c.b.data()[:c.n]...)
		rt.held = append(rt.held, c)
	})
	t.Cleanup(func() {
		rt.credit(len(rt.held))
		lease.close()
		if rt.pool.stats().Used != 0 || lease.own != 0 {
			t.Errorf("buffers are left: %+v", rt.pool.stats())
		}
	})
	return rt
}

func (rt *readTest) credit(n int) {
	for _, c := range rt.held[:n] {
		c.b.release()
		rt.r.credit(c)
	}
	rt.held = rt.held[n:]
	rt.l.run()
}

// answer sends replies in random order and gives credit, until the reader has
// ended.
func (rt *readTest) answer(random *rand.Rand, content []byte) {
	for !rt.r.over {
		rt.most = max(rt.most, len(rt.s.requests))
		switch n := len(rt.s.requests); {
		case n > 0 && random.IntN(3) > 0:
			rt.s.read(rt.s.take(random.IntN(n)), content)
		case len(rt.held) > 0:
			rt.credit(1 + random.IntN(len(rt.held)))
		case n == 0:
			rt.t.Fatal("stuck")
		}
		rt.l.run()
	}
}

// TestF4_ReaderGoesOnToTheEnd: a reader delivers the complete content in order,
// for any announced size and any order of replies.
func TestF4_ReaderGoesOnToTheEnd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 1000, 32 << 10, 100_000, 3_000_000} {
		content := someBytes(size, byte(size))
		for _, planned := range []int64{0, 1, int64(size), int64(size) - 1, int64(size) + 1, int64(size) + 1_000_000, int64(size) / 2} {
			for _, stripes := range []int{1, 3} {
				t.Run(fmt.Sprint(size, " announced as ", planned, ", stripes ", stripes), func(t *testing.T) {
					offset := int64(random.IntN(size + 1))
					rt := newReadTest(t, offset, planned)
					for i := range stripes {
						rt.r.add(rt.s.open(t, fmt.Sprint(i)))
					}
					rt.answer(random, content)
					if rt.r.err != nil || !bytes.Equal(rt.got, content[offset:]) {
						t.Errorf("%v, %d bytes of %d", rt.r.err, len(rt.got), len(content[offset:]))
					}
				})
			}
		}
	}
}

// TestF10_ReaderStartsSmall: a reader first sends one request for a file of
// unknown size. For a file of known size it sends a second request for the end.
func TestF10_ReaderStartsSmall(t *testing.T) {
	content := someBytes(4000, 1)
	rt := newReadTest(t, 0, 0)
	rt.r.add(rt.s.open(t, "file"))
	if len(rt.s.requests) != 1 {
		t.Errorf("unknown size: %d requests", len(rt.s.requests))
	}
	rt.answer(rand.New(rand.NewPCG(1, 2)), content)
	if rt.most != 1 {
		t.Errorf("unknown size: %d requests at a time", rt.most)
	}
	rt = newReadTest(t, 0, 4000)
	rt.r.add(rt.s.open(t, "file"))
	if r := rt.s.requests; len(r) != 2 || r[0].n != 4000 || r[1].offset != 4000 || r[1].n != probe {
		t.Errorf("known size: %+v", r)
	}
	rt.s.read(rt.s.take(1), content)
	rt.s.read(rt.s.take(0), content)
	if !rt.r.over || rt.r.err != nil || !bytes.Equal(rt.got, content) {
		t.Error(rt.r.over, rt.r.err, len(rt.got))
	}
}

// TestReaderIsBounded: a reader holds no more chunks than its window, or about
// maxBacklog chunks that wait for the consumer.
func TestReaderIsBounded(t *testing.T) {
	content := someBytes(20<<20, 1)
	for _, window := range []int{0, 5} {
		rt := newReadTest(t, 0, int64(len(content)))
		rt.r.window = window
		rt.pool.size = 64 << 20
		rt.r.add(rt.s.open(t, "file"))
		for len(rt.s.requests) > 0 && len(rt.held) < 1000 {
			rt.s.read(rt.s.take(0), content)
			rt.l.run()
		}
		if want := maxBacklog + maxRequests - 1; window == 0 && (len(rt.held) < maxBacklog || len(rt.held) > want) || window > 0 && len(rt.held) != window {
			t.Errorf("window %d: %d chunks without credit", window, len(rt.held))
		}
		rt.r.stop(errCut)
	}
}

// TestF2_ReaderDoesWithoutAHandle: a chunk that fails on a further handle is
// read again through the first handle. A failure there ends the reader.
func TestF2_ReaderDoesWithoutAHandle(t *testing.T) {
	content := someBytes(12<<20, 1)
	rt := newReadTest(t, 0, int64(len(content)))
	rt.r.add(rt.s.open(t, "first"))
	rt.r.add(rt.s.open(t, "second"))
	failed := 0
	for !rt.r.over {
		if r := rt.s.take(0); r.handle == "second" {
			rt.s.status(r, 4)
			failed++
		} else {
			rt.s.read(r, content)
		}
		rt.credit(len(rt.held))
	}
	if failed == 0 || rt.r.err != nil || !bytes.Equal(rt.got, content) {
		t.Errorf("%d failed, %v, %d bytes", failed, rt.r.err, len(rt.got))
	}
}

// TestReaderFailsInOrder: a failure ends the reader after the chunks before it
// are delivered. Failures behind the end of the file are ignored.
func TestReaderFailsInOrder(t *testing.T) {
	for _, short := range []bool{false, true} {
		content := someBytes(4*filetransfer.MaxChunk, 1)
		rt := newReadTest(t, 0, int64(len(content)))
		rt.r.add(rt.s.open(t, "file"))
		first, second, third := rt.s.take(0), rt.s.take(0), rt.s.take(0)
		rt.s.status(third, 3)
		if short {
			content = content[:1000]
			rt.s.status(second, 3)
		} else {
			rt.s.read(second, content)
		}
		if rt.r.over || len(rt.got) > 0 {
			t.Error("the reader has ended early")
		}
		rt.s.read(first, content)
		if short {
			rt.s.read(rt.s.take(len(rt.s.requests)-1), content) // the rest of the first chunk
		}
		want := first.n + second.n
		if short {
			want = 1000
		}
		if !rt.r.over || (rt.r.err == nil) != short || len(rt.got) != want {
			t.Errorf("short %v: %v, %v, %d bytes", short, rt.r.over, rt.r.err, len(rt.got))
		}
	}
}

// writeTest tests a writer.
type writeTest struct {
	t     *testing.T
	l     testLoop
	s     *handServer
	w     *writer
	got   []byte // content at the server
	asked []func()
}

func newWriteTest(t *testing.T, r io.Reader) *writeTest {
	wt := &writeTest{t: t, s: newHandServer()}
	from := &source{r: r}
	pool := newPool(8 << 20)
	lease := pool.open()
	wt.w = newWriter(&wt.l, lease, wt.s.c, 0, func(b *buffer, n int) {
		wt.asked = append(wt.asked, func() {
			got, err := from.fill(b, n)
			wt.w.filled(b, n, got, false, err)
		})
	})
	t.Cleanup(func() {
		wt.fill(len(wt.asked))
		lease.close()
		if pool.stats().Used != 0 || lease.own != 0 {
			t.Errorf("buffers are left: %+v", pool.stats())
		}
	})
	return wt
}

// fill lets the producer answer n of its requests.
func (wt *writeTest) fill(n int) {
	for ; n > 0 && len(wt.asked) > 0; n-- {
		f := wt.asked[0]
		wt.asked = wt.asked[1:]
		f()
	}
	wt.l.run()
}

// answer confirms write i.
func (wt *writeTest) answer(i int) {
	r := wt.s.take(i)
	end := int(r.offset) + len(r.data)
	if len(wt.got) < end {
		wt.got = append(wt.got, make([]byte, end-len(wt.got))...)
	}
	copy(wt.got[r.offset:], r.data)
	wt.s.status(r, 0)
	wt.l.run()
}

// TestWriter: all content is written once, in the order of offsets, for any
// order of replies.
func TestWriter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 3_000_000} {
		for _, planned := range []int64{0, int64(size), 1000, int64(size) + 100_000} {
			for _, last := range []bool{false, true} {
				content := someBytes(size, 1)
				wt := newWriteTest(t, bytes.NewReader(content))
				wt.w.planned, wt.w.lastLast = planned, last
				wt.w.again()
				if len(wt.asked) != 1 && (planned <= 32<<10 || len(wt.asked) > fillAhead) {
					t.Errorf("%d of %d: %d requests to the producer", size, planned, len(wt.asked))
				}
				wt.w.add(wt.s.open(t, "file"))
				sent := int64(0)
				seen := 0
				for !wt.w.over {
					for _, r := range wt.s.requests[seen:] {
						if r.offset != sent || r.n == 0 {
							t.Errorf("a write of %d bytes at %d after %d bytes", r.n, r.offset, sent)
						}
						sent += int64(r.n)
					}
					seen = len(wt.s.requests)
					if seen > 0 && random.IntN(2) == 0 {
						wt.answer(random.IntN(seen))
						seen--
					} else {
						wt.fill(1)
					}
				}
				if wt.w.err != nil || !bytes.Equal(wt.got, content) || wt.w.confirmed != int64(size) {
					t.Errorf("%d of %d: %v, %d bytes, %d confirmed", size, planned, wt.w.err, len(wt.got), wt.w.confirmed)
				}
			}
		}
	}
}

// TestF3_LastChunkLast: an upload in place sends its last chunk after all
// others are confirmed.
func TestF3_LastChunkLast(t *testing.T) {
	content := someBytes(10*(32<<10)+1, 1)
	wt := newWriteTest(t, bytes.NewReader(content))
	wt.w.lastLast = true
	wt.w.add(wt.s.open(t, "file"))
	for len(wt.asked) > 0 {
		wt.fill(1)
	}
	for len(wt.s.requests) > 1 {
		for _, r := range wt.s.requests {
			if int(r.offset)+r.n == len(content) {
				t.Fatal("the last chunk is sent early")
			}
		}
		wt.answer(len(wt.s.requests) - 1)
	}
	wt.answer(0)
	if len(wt.s.requests) != 1 || wt.w.over {
		t.Fatalf("%+v", wt.s.requests)
	}
	wt.answer(0)
	if !wt.w.over || wt.w.err != nil || !bytes.Equal(wt.got, content) {
		t.Error(wt.w.err)
	}
}

// TestF3_WritesStayTogether: no write ends more than spread bytes after the
// first unconfirmed byte.
func TestF3_WritesStayTogether(t *testing.T) {
	wt := newWriteTest(t, bytes.NewReader(make([]byte, 3<<20)))
	wt.w.spread = 300 << 10
	wt.w.add(wt.s.open(t, "file"))
	for !wt.w.over {
		wt.fill(len(wt.asked))
		for _, r := range wt.s.requests {
			if r.offset+int64(r.n)-wt.w.confirmed > 300<<10 {
				t.Fatalf("a write up to %d while %d is confirmed", r.offset+int64(r.n), wt.w.confirmed)
			}
		}
		if n := len(wt.s.requests); n > 0 {
			wt.answer(n - 1)
		}
	}
}

// TestF3_StoppedWriterWaits: a writer that fails or is stopped ends when the
// writes in flight are answered, or after a timeout.
func TestF3_StoppedWriterWaits(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(wt *writeTest)
		rest func(wt *writeTest)
	}{
		{"failure", func(wt *writeTest) { wt.s.status(wt.s.take(1), 4) }, nil},
		{"stop", func(wt *writeTest) { wt.w.stop(errCut) }, nil},
		{"silent server", func(wt *writeTest) { wt.w.stop(errCut) }, func(wt *writeTest) { wt.l.timers[0]() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wt := newWriteTest(t, bytes.NewReader(make([]byte, 3<<20)))
			wt.w.add(wt.s.open(t, "file"))
			wt.fill(6)
			tt.stop(wt)
			n := len(wt.s.requests)
			wt.fill(len(wt.asked))
			if n < 2 || len(wt.s.requests) != n || wt.w.over {
				t.Fatalf("%d writes, then %d; over: %v", n, len(wt.s.requests), wt.w.over)
			}
			if tt.rest != nil {
				tt.rest(wt)
			}
			for len(wt.s.requests) > 0 && tt.rest == nil {
				if wt.w.over {
					t.Error("over with writes in flight")
				}
				wt.answer(0)
			}
			if !wt.w.over || wt.w.err == nil {
				t.Error(wt.w.over, wt.w.err)
			}
		})
	}
}

// TestWriterOfAFailingSource: a writer writes the data before the error of its
// source.
func TestWriterOfAFailingSource(t *testing.T) {
	content := someBytes(100_000, 1)
	wt := newWriteTest(t, io.MultiReader(bytes.NewReader(content), brokenReader{}))
	wt.w.add(wt.s.open(t, "file"))
	for !wt.w.over {
		wt.fill(1)
		if len(wt.s.requests) > 0 {
			wt.answer(0)
		}
	}
	if wt.w.err != errCut || wt.w.source != errCut || wt.w.confirmed != 100_000 || !bytes.Equal(wt.got, content) {
		t.Errorf("%v, %d confirmed", wt.w.err, wt.w.confirmed)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errCut }
