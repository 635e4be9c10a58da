package filetransfer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

const testLimit = 1000

func frames(messages ...[]byte) []byte {
	var stream []byte
	for _, m := range messages {
		stream = binary.BigEndian.AppendUint32(stream, uint32(len(m)))
		stream = append(stream, m...)
	}
	return stream
}

// drain returns all complete messages.
func drain(r *reader) (messages [][]byte, err error) {
	for {
		m, _, err := r.next()
		if m == nil || err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
}

func mustDrain(t *testing.T, r *reader) [][]byte {
	t.Helper()
	messages, err := drain(r)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

var someMessages = [][]byte{[]byte("a"), []byte("bcdefgh"), bytes.Repeat([]byte("x"), 300), []byte("yz"), {0, 0, 0, 0, 0}}

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestEveryChunkSize(t *testing.T) {
	stream := frames(someMessages...)
	for size := 1; size <= len(stream); size++ {
		r := reader{limit: testLimit}
		var got [][]byte
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			r.feed(chunk)
			got = append(got, mustDrain(t, &r)...)
		}
		if !same(got, someMessages) || len(r.in) != 0 {
			t.Fatalf("chunks of %d: got %q, %d bytes left", size, got, len(r.in))
		}
	}
}

func TestEveryCutInThree(t *testing.T) {
	messages := [][]byte{[]byte("abc"), []byte("d"), []byte("efghij")}
	stream := frames(messages...)
	for i := range len(stream) + 1 {
		for j := i; j <= len(stream); j++ {
			r := reader{limit: testLimit}
			var got [][]byte
			for _, chunk := range [][]byte{stream[:i], stream[i:j], stream[j:]} {
				r.feed(slices.Clone(chunk))
				got = append(got, mustDrain(t, &r)...)
			}
			if !same(got, messages) {
				t.Fatalf("cut at %d and %d: got %q", i, j, got)
			}
		}
	}
}

// TestFedWhileBytesAreLeft feeds chunks of each size while earlier messages
// have not been taken. No data is lost, and no chunk is written to.
func TestFedWhileBytesAreLeft(t *testing.T) {
	stream := frames(someMessages...)
	for size := 1; size <= len(stream); size++ {
		for _, takeOne := range []bool{false, true} {
			r := reader{limit: testLimit}
			var got [][]byte
			backing := slices.Clone(stream)
			for chunk := range slices.Chunk(backing, size) {
				r.feed(chunk[:len(chunk):cap(chunk)])
				if takeOne {
					if m, _, err := r.next(); err != nil {
						t.Fatal(err)
					} else if m != nil {
						got = append(got, m)
					}
				}
			}
			got = append(got, mustDrain(t, &r)...)
			if !same(got, someMessages) {
				t.Fatalf("chunks of %d: got %q", size, got)
			}
			if !bytes.Equal(backing, stream) {
				t.Fatalf("chunks of %d: a chunk was written to", size)
			}
		}
	}
}

func TestBuffered(t *testing.T) {
	r := reader{limit: testLimit}
	r.feed(frames([]byte("abc"), []byte("de")))
	if len(r.in) != 13 {
		t.Errorf("%d", len(r.in))
	}
	if m, _, err := r.next(); string(m) != "abc" || err != nil || len(r.in) != 6 {
		t.Errorf("%q, %v, %d", m, err, len(r.in))
	}
}

// TestMessageStaysAsItIs: feeding more data does not change a message that was
// returned before.
func TestMessageStaysAsItIs(t *testing.T) {
	r := reader{limit: testLimit}
	r.feed(frames([]byte("first"))[:3])
	r.feed(frames([]byte("first"))[3:]) // the message is now in a buffer of the reader
	r.feed(frames([]byte("second")))
	m, _, err := r.next()
	if err != nil || cap(m) != len(m) {
		t.Fatalf("%q of capacity %d, %v", m, cap(m), err)
	}
	r.feed(bytes.Repeat([]byte{0xff}, 1000))
	if string(m) != "first" {
		t.Errorf("became %q", m)
	}
}

func TestCopiesOnlyWhatIsCut(t *testing.T) {
	stream := frames([]byte("whole"), []byte("cut"))
	r := reader{limit: testLimit}
	chunk := slices.Clone(stream[:len(stream)-1])
	r.feed(chunk)
	got := mustDrain(t, &r)
	if len(got) != 1 || &got[0][0] != &chunk[lengthSize] || cap(got[0]) != len(got[0]) {
		t.Errorf("the whole message was not handed on in place: %q", got)
	}
	r.feed(stream[len(stream)-1:])
	if got = mustDrain(t, &r); len(got) != 1 || string(got[0]) != "cut" || cap(got[0]) != 3 {
		t.Errorf("the cut message came as %q", got)
	}
	if r.in != nil || r.filling.packet != nil {
		t.Error("buffers are kept although nothing is left")
	}

	r.feed(stream[:2]) // only the length is split
	mustDrain(t, &r)
	chunk = slices.Clone(stream[2:])
	r.feed(chunk)
	if got = mustDrain(t, &r); &got[0][0] != &chunk[2] {
		t.Error("a message whose length alone was cut was copied")
	}
}

// TestSmallChunksAreCheap: feeding single bytes needs few allocations, because
// the buffer grows by a factor.
func TestSmallChunksAreCheap(t *testing.T) {
	allocations := testing.AllocsPerRun(1, func() {
		r := reader{limit: testLimit}
		for range 100_000 {
			r.feed([]byte{0})
		}
	})
	if allocations > 100_000+100 {
		t.Errorf("%v allocations for 100,000 chunks", allocations)
	}
}

func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		size uint32
		ok   bool
	}{{0, false}, {1, true}, {testLimit, true}, {testLimit + 1, false}, {1 << 31, false}, {1<<32 - 1, false}} {
		r := reader{limit: testLimit}
		r.feed(binary.BigEndian.AppendUint32(nil, tt.size))
		m, _, err := r.next()
		if want := fmt.Sprintf("%s: %d bytes, not 1 to %d", ErrPacketLength, tt.size, testLimit); m != nil || errors.Is(err, ErrPacketLength) == tt.ok ||
			!tt.ok && err.Error() != want {
			t.Errorf("length %d: message %v, error %v", tt.size, m, err)
		}
		if cap(r.filling.packet) > testLimit {
			t.Errorf("length %d: %d bytes set aside", tt.size, cap(r.filling.packet))
		}
	}
}

// TestTinyChunksAreCopiedSeldom: bytes that are fed in tiny chunks, and not
// taken, are copied a bounded number of times.
func TestTinyChunksAreCopiedSeldom(t *testing.T) {
	const n = 100_000
	r := reader{limit: testLimit}
	chunk := []byte{1} // next is not called, so the data stays in the reader
	copied, last := 0, 0
	for range n {
		r.feed(chunk)
		if cap(r.in) != last {
			copied, last = copied+len(r.in), cap(r.in)
		}
	}
	if copied > 8*n {
		t.Errorf("%d bytes copied for %d fed", copied, n)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(frames(someMessages...), byte(3))
	f.Add([]byte{0, 0, 0, 0}, byte(1))
	f.Add([]byte{0, 4, 4, 1}, byte(2))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		whole, wholeErr := cut(stream, len(stream)+1)
		pieces, piecesErr := cut(stream, int(size)+1)
		if !same(whole, pieces) || (wholeErr == nil) != (piecesErr == nil) {
			t.Errorf("at once %q, %v; in pieces of %d %q, %v", whole, wholeErr, int(size)+1, pieces, piecesErr)
		}
	})
}

func cut(stream []byte, size int) (messages [][]byte, err error) {
	r := reader{limit: testLimit}
	for chunk := range slices.Chunk(slices.Clone(stream), size) {
		r.feed(chunk)
		some, err := drain(&r)
		messages = append(messages, some...)
		if err != nil {
			return messages, err
		}
	}
	return messages, nil
}
