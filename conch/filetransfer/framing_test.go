package filetransfer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// drain returns all the packets that are whole.
func drain(t *testing.T, f *framer) [][]byte {
	t.Helper()
	var packets [][]byte
	for {
		p, err := f.next()
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			return packets
		}
		packets = append(packets, p)
	}
}

func frames(packets ...[]byte) []byte {
	var stream []byte
	for _, p := range packets {
		stream = binary.BigEndian.AppendUint32(stream, uint32(len(p)))
		stream = append(stream, p...)
	}
	return stream
}

var somePackets = [][]byte{[]byte("a"), []byte("bcdefgh"), bytes.Repeat([]byte("x"), 300), []byte("yz"), {0, 0, 0, 0, 0}}

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestSFTP3_EveryChunkSize(t *testing.T) {
	stream := frames(somePackets...)
	for size := 1; size <= len(stream); size++ {
		var f framer
		var got [][]byte
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			f.feed(chunk)
			got = append(got, drain(t, &f)...)
		}
		if !same(got, somePackets) {
			t.Fatalf("chunks of %d: got %q", size, got)
		}
	}
}

func TestSFTP3_EveryCutInThree(t *testing.T) {
	packets := [][]byte{[]byte("abc"), []byte("d"), []byte("efghij")}
	stream := frames(packets...)
	for i := range len(stream) + 1 {
		for j := i; j <= len(stream); j++ {
			var f framer
			var got [][]byte
			for _, chunk := range [][]byte{stream[:i], stream[i:j], stream[j:]} {
				f.feed(slices.Clone(chunk))
				got = append(got, drain(t, &f)...)
			}
			if !same(got, packets) {
				t.Fatalf("cut at %d and %d: got %q", i, j, got)
			}
		}
	}
}

func TestSFTP3_FedWhileBytesAreLeft(t *testing.T) {
	stream := frames(somePackets...)
	for cut := range stream {
		var f framer
		first := append(make([]byte, 0, len(stream)), stream[:cut]...)
		f.feed(first)
		f.feed(stream[cut:])
		if got := drain(t, &f); !same(got, somePackets) {
			t.Fatalf("cut at %d: got %q", cut, got)
		}
		if spare := first[cut:len(stream)]; !bytes.Equal(spare, make([]byte, len(spare))) {
			t.Fatalf("cut at %d: the spare capacity of a chunk was written to", cut)
		}
	}
}

// A packet that lies whole in a chunk is handed on in place; one that does not is copied once, into a buffer of its own size.
func TestFramingCopiesOnlyWhatIsCut(t *testing.T) {
	stream := frames([]byte("whole"), []byte("cut"))
	var f framer
	chunk := slices.Clone(stream[:len(stream)-1])
	f.feed(chunk)
	got := drain(t, &f)
	if len(got) != 1 || &got[0][0] != &chunk[lengthSize] {
		t.Errorf("the whole packet was not handed on in place: %q", got)
	}
	if cap(got[0]) != len(got[0]) {
		t.Error("appending to a packet would overwrite the next")
	}
	f.feed(stream[len(stream)-1:])
	if got = drain(t, &f); len(got) != 1 || string(got[0]) != "cut" || cap(got[0]) != 3 {
		t.Errorf("the cut packet came as %q", got)
	}
	if f.in != nil || f.gathered != nil {
		t.Error("buffers are kept although nothing is left")
	}

	f.feed(stream[:2]) // the length alone is cut
	drain(t, &f)
	chunk = slices.Clone(stream[2:])
	f.feed(chunk)
	if got = drain(t, &f); &got[0][0] != &chunk[2] {
		t.Error("a packet whose length alone was cut was copied")
	}
}

func TestSFTP6_PacketLimit(t *testing.T) {
	for _, tt := range []struct {
		size uint32
		ok   bool
	}{{0, false}, {1, true}, {maxPacket, true}, {maxPacket + 1, false}, {1 << 31, false}, {1<<32 - 1, false}} {
		var f framer
		f.feed(binary.BigEndian.AppendUint32(nil, tt.size))
		p, err := f.next()
		if p != nil || errors.Is(err, ErrPacketLength) == tt.ok {
			t.Errorf("length %d: packet %v, error %v", tt.size, p, err)
		}
		if tt.ok && f.in != nil {
			t.Errorf("length %d: the chunk is kept", tt.size)
		}
		if cap(f.gathered) > maxPacket {
			t.Errorf("length %d: %d bytes set aside", tt.size, cap(f.gathered))
		}
	}
}

func TestSFTP6_LongestPacket(t *testing.T) {
	long := bytes.Repeat([]byte{7}, maxPacket)
	for _, size := range []int{1000, 32 << 10, maxPacket - 1, maxPacket + lengthSize} {
		var f framer
		var got [][]byte
		for chunk := range slices.Chunk(frames(long), size) {
			f.feed(chunk)
			got = append(got, drain(t, &f)...)
		}
		if !same(got, [][]byte{long}) {
			t.Errorf("chunks of %d: the longest packet did not arrive", size)
		}
	}
}

func FuzzFraming(f *testing.F) {
	f.Add(frames(somePackets...), byte(3))
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

func cut(stream []byte, size int) (packets [][]byte, err error) {
	var f framer
	for chunk := range slices.Chunk(slices.Clone(stream), size) {
		f.feed(chunk)
		for {
			p, err := f.next()
			if err != nil {
				return packets, err
			}
			if p == nil {
				break
			}
			packets = append(packets, p)
		}
	}
	return packets, nil
}
