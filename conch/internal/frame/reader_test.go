package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
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

// drain takes all the messages that are whole.
func drain(r *Reader) (messages [][]byte, err error) {
	for {
		m, err := r.Next()
		if m == nil || err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
}

func mustDrain(t *testing.T, r *Reader) [][]byte {
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
		r := NewReader(testLimit)
		var got [][]byte
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			r.Feed(chunk)
			got = append(got, mustDrain(t, &r)...)
		}
		if !same(got, someMessages) || r.Buffered() != 0 {
			t.Fatalf("chunks of %d: got %q, %d bytes left", size, got, r.Buffered())
		}
	}
}

func TestEveryCutInThree(t *testing.T) {
	messages := [][]byte{[]byte("abc"), []byte("d"), []byte("efghij")}
	stream := frames(messages...)
	for i := range len(stream) + 1 {
		for j := i; j <= len(stream); j++ {
			r := NewReader(testLimit)
			var got [][]byte
			for _, chunk := range [][]byte{stream[:i], stream[i:j], stream[j:]} {
				r.Feed(slices.Clone(chunk))
				got = append(got, mustDrain(t, &r)...)
			}
			if !same(got, messages) {
				t.Fatalf("cut at %d and %d: got %q", i, j, got)
			}
		}
	}
}

// Chunks of each size are fed before anything is taken, or with one message
// taken at a time: nothing is lost, and no chunk is written to.
func TestFedWhileBytesAreLeft(t *testing.T) {
	stream := frames(someMessages...)
	for size := 1; size <= len(stream); size++ {
		for _, takeOne := range []bool{false, true} {
			r := NewReader(testLimit)
			var got [][]byte
			backing := slices.Clone(stream)
			for chunk := range slices.Chunk(backing, size) {
				r.Feed(chunk[:len(chunk):cap(chunk)])
				if takeOne {
					if m, err := r.Next(); err != nil {
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
	r := NewReader(testLimit)
	r.Feed(frames([]byte("abc"), []byte("de")))
	if r.Buffered() != 13 {
		t.Errorf("%d", r.Buffered())
	}
	if m, err := r.Next(); string(m) != "abc" || err != nil || r.Buffered() != 6 {
		t.Errorf("%q, %v, %d", m, err, r.Buffered())
	}
}

// A message handed out earlier is not touched by what is fed later.
func TestMessageStaysAsItIs(t *testing.T) {
	r := NewReader(testLimit)
	r.Feed(frames([]byte("first"))[:3])
	r.Feed(frames([]byte("first"))[3:]) // now in a buffer of the reader's own
	r.Feed(frames([]byte("second")))
	m, err := r.Next()
	if err != nil || cap(m) != len(m) {
		t.Fatalf("%q of capacity %d, %v", m, cap(m), err)
	}
	r.Feed(bytes.Repeat([]byte{0xff}, 1000))
	if string(m) != "first" {
		t.Errorf("became %q", m)
	}
}

func TestCopiesOnlyWhatIsCut(t *testing.T) {
	stream := frames([]byte("whole"), []byte("cut"))
	r := NewReader(testLimit)
	chunk := slices.Clone(stream[:len(stream)-1])
	r.Feed(chunk)
	got := mustDrain(t, &r)
	if len(got) != 1 || &got[0][0] != &chunk[LengthSize] || cap(got[0]) != len(got[0]) {
		t.Errorf("the whole message was not handed on in place: %q", got)
	}
	r.Feed(stream[len(stream)-1:])
	if got = mustDrain(t, &r); len(got) != 1 || string(got[0]) != "cut" || cap(got[0]) != 3 {
		t.Errorf("the cut message came as %q", got)
	}
	if r.in != nil || r.begun != nil {
		t.Error("buffers are kept although nothing is left")
	}

	r.Feed(stream[:2]) // the length alone is cut
	mustDrain(t, &r)
	chunk = slices.Clone(stream[2:])
	r.Feed(chunk)
	if got = mustDrain(t, &r); &got[0][0] != &chunk[2] {
		t.Error("a message whose length alone was cut was copied")
	}
}

// Feeding a byte at a time while nothing is taken costs few allocations: the
// buffer grows by a factor.
func TestSmallChunksAreCheap(t *testing.T) {
	allocations := testing.AllocsPerRun(1, func() {
		r := NewReader(testLimit)
		for range 100_000 {
			r.Feed([]byte{0})
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
		r := NewReader(testLimit)
		r.Feed(binary.BigEndian.AppendUint32(nil, tt.size))
		m, err := r.Next()
		length, isLength := errors.AsType[*LengthError](err)
		if m != nil || isLength == tt.ok {
			t.Errorf("length %d: message %v, error %v", tt.size, m, err)
		}
		if isLength && (length.Length != tt.size || length.Limit != testLimit) {
			t.Errorf("length %d: %+v", tt.size, length)
		}
		if cap(r.begun) > testLimit {
			t.Errorf("length %d: %d bytes set aside", tt.size, cap(r.begun))
		}
	}
}

// Every byte of what is fed in tiny chunks, and not taken, is copied a bounded
// number of times.
func TestTinyChunksAreCopiedSeldom(t *testing.T) {
	const n = 100_000
	r := NewReader(testLimit)
	chunk := []byte{1} // a length that is never complete would be taken; so nothing is
	copied, last := 0, 0
	for range n {
		r.Feed(chunk)
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
	r := NewReader(testLimit)
	for chunk := range slices.Chunk(slices.Clone(stream), size) {
		r.Feed(chunk)
		some, err := drain(&r)
		messages = append(messages, some...)
		if err != nil {
			return messages, err
		}
	}
	return messages, nil
}
