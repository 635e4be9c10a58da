package filetransfer

import (
	"bytes"
	"slices"
	"testing"
)

// room provides a buffer for the rest of each message that begins with 'p'. The
// second byte of the message is the size of the buffer.
type room struct {
	got   [][]byte
	asked int
}

func (p *room) place(header []byte, rest int) []byte {
	p.asked++
	if header[0] != 'p' || int(header[1]) > rest {
		return nil
	}
	p.got = append(p.got, make([]byte, header[1]))
	return p.got[len(p.got)-1]
}

func newPlacing() (reader, *room) {
	p := new(room)
	return reader{limit: testLimit, header: 2, place: p.place}, p
}

// resolve returns all messages. It appends the data of the buffer to the header
// of a message that was placed.
func (p *room) resolve(t *testing.T, r *reader) (messages [][]byte) {
	t.Helper()
	for {
		m, placed, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return messages
		}
		m = slices.Clone(m)
		if placed {
			if len(m) != 2 {
				t.Fatalf("the header of a placed message is %q", m)
			}
			m = append(m, p.got[len(p.got)-1]...)
		}
		messages = append(messages, m)
	}
}

func TestPlace(t *testing.T) {
	var want [][]byte
	for _, m := range []string{"p\x04data", "pp", "x", "p\x03abcdef", "q\x02no place", "p\x00", "p\x09too few", "p\x00rest"} {
		want = append(want, []byte(m))
	}
	stream := frames(want...)
	for size := 1; size <= len(stream); size++ {
		r, p := newPlacing()
		var got [][]byte
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			r.feed(chunk)
			got = append(got, p.resolve(t, &r)...)
		}
		if len(got) != len(want) {
			t.Fatalf("chunks of %d: got %q", size, got)
		}
		for i := range got {
			if !bytes.HasPrefix(want[i], got[i]) || len(got[i]) < min(len(want[i]), 2) { // the part of a message that does not fit into its buffer is dropped
				t.Errorf("chunks of %d: message %d is %q", size, i, got[i])
			}
		}
		if len(r.in) != 0 || r.placing() != nil || r.in != nil {
			t.Errorf("chunks of %d: not at a message's beginning", size)
		}
	}
}

// TestWholeMessagesAreNotPlaced: if a message is complete in a chunk, place is
// not called.
func TestWholeMessagesAreNotPlaced(t *testing.T) {
	r, p := newPlacing()
	r.feed(frames([]byte("p\x04data")))
	if got := p.resolve(t, &r); len(got) != 1 || string(got[0]) != "p\x04data" || p.asked != 0 {
		t.Errorf("%q, asked %d times", got, p.asked)
	}
}

func TestGiveUpPlace(t *testing.T) {
	stream := frames([]byte("p\x04data"), []byte("next"))
	for cut := lengthSize + 2; cut < lengthSize+6; cut++ {
		r, p := newPlacing()
		r.feed(slices.Clone(stream[:cut]))
		if got := p.resolve(t, &r); got != nil || string(r.placing()) != "p\x04" {
			t.Fatalf("cut at %d: %q, filling %q", cut, got, r.placing())
		}
		r.giveUpPlace()
		before := slices.Clone(p.got[0])
		r.feed(slices.Clone(stream[cut:]))
		got := p.resolve(t, &r)
		if len(got) != 2 || string(got[1]) != "next" || !bytes.Equal(p.got[0], before) {
			t.Errorf("cut at %d: %q, and in the place %q, before %q", cut, got, p.got[0], before)
		}
	}
}

// FuzzPlace: a stream gives the same messages with and without place, in chunks
// of any size.
func FuzzPlace(f *testing.F) {
	f.Add(frames([]byte("p\x04data"), []byte("x"), []byte("p\x01\x02")), byte(3))
	f.Add([]byte{0, 0, 0, 9, 'p', 200}, byte(0))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		plain, plainErr := cut(stream, int(size)+1)
		r, p := newPlacing()
		n := 0
		for chunk := range slices.Chunk(slices.Clone(stream), int(size)+1) {
			r.feed(chunk)
			for {
				m, placed, err := r.next()
				if err != nil {
					if plainErr == nil || n != len(plain) {
						t.Errorf("message %d: %v", n, err)
					}
					return
				}
				if m == nil {
					break
				}
				if placed {
					m = append(slices.Clone(m), p.got[len(p.got)-1]...)
				}
				if n >= len(plain) || !bytes.HasPrefix(plain[n], m) || !placed && len(plain[n]) != len(m) {
					t.Fatalf("message %d of %d is %q", n, len(plain), m)
				}
				n++
			}
		}
		if n != len(plain) || plainErr != nil {
			t.Errorf("%d messages of %d, %v", n, len(plain), plainErr)
		}
	})
}
