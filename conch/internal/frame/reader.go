package frame

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// LengthSize is the number of bytes of the length in front of each message.
const LengthSize = 4

// Reader cuts a stream into messages. It belongs to one goroutine at a time. Make one with NewReader.
type Reader struct {
	limit  int
	header int                                  // how much of a message place is shown, in bytes
	place  func(header []byte, rest int) []byte // nil if nothing is placed
	in     []byte                               // what was fed and not looked at yet
	owned  bool                                 // the spare capacity of in is ours to write to
	head   [LengthSize + MaxHeader]byte         // the beginning of the message at hand, its length included, as much of it as is needed
	have   int                                  // how many bytes of it are there
	begun  []byte                               // the beginning of a message that reaches past the chunk; its capacity is the message's length
	placed placed
}

// NewReader returns a Reader of messages of 1 to limit bytes, the length itself not counted.
func NewReader(limit int) Reader { return Reader{limit: limit} }

// Feed adds p to what there is to cut, and takes ownership of it. Chunks fed while earlier ones are not used up are gathered in one buffer,
// each byte being copied a bounded number of times however small they are.
func (r *Reader) Feed(p []byte) {
	switch {
	case len(r.in) == 0:
		r.in, r.owned = p, false
	case !r.owned:
		r.in, r.owned = append(slices.Clip(r.in), p...), true
	default:
		r.in = append(r.in, p...)
	}
}

// Buffered returns how many bytes have been fed that Next has not looked at.
func (r *Reader) Buffered() int { return len(r.in) }

// Next returns the next message without its length, or nil if more has to be fed first. The message is the caller's, unless Placed tells that it is
// a header. An error, always a *LengthError, is final.
func (r *Reader) Next() ([]byte, error) {
	r.placed.done = false
	if r.begun == nil && !r.placed.filling {
		whole, err := r.begin()
		if whole != nil || err != nil {
			return whole, err
		}
	}
	switch {
	case r.placed.filling:
		return r.fillPlace(), nil
	case r.begun != nil:
		return r.gather(), nil
	default:
		return nil, nil
	}
}

// begin starts on a message: it returns it if it is there whole, decides where it goes if enough of it is there for that, and else does neither.
func (r *Reader) begin() ([]byte, error) {
	if r.have < LengthSize && !r.fillHead(LengthSize) {
		return nil, nil
	}
	size := binary.BigEndian.Uint32(r.head[:])
	if size == 0 || uint64(size) > uint64(r.limit) {
		return nil, &LengthError{Length: size, Limit: r.limit}
	}
	if r.have == LengthSize && int(size) <= len(r.in) {
		r.have = 0
		whole := r.in[:size:size]
		r.drop(int(size))
		return whole, nil
	}
	header := 0
	if int(size) >= r.header {
		header = r.header
	}
	if r.fillHead(LengthSize + header) {
		r.have = 0
		if !r.findPlace(header, int(size)) {
			r.begun = append(make([]byte, 0, size), r.head[LengthSize:LengthSize+header]...)
		}
	}
	return nil, nil
}

// fillHead reads the head up to n bytes and reports whether it is there.
func (r *Reader) fillHead(n int) bool {
	got := copy(r.head[r.have:n], r.in)
	r.drop(got)
	r.have += got
	return r.have == n
}

// gather adds to a message that lies in several chunks, and returns it when it is whole.
func (r *Reader) gather() []byte {
	n := min(cap(r.begun)-len(r.begun), len(r.in))
	r.begun = append(r.begun, r.in[:n]...)
	r.drop(n)
	if len(r.begun) < cap(r.begun) {
		return nil
	}
	message := r.begun
	r.begun = nil
	return message
}

// drop leaves the first n bytes behind. A chunk that is used up is let go: it may be part of something large.
func (r *Reader) drop(n int) {
	if r.in = r.in[n:]; len(r.in) == 0 {
		r.in, r.owned = nil, false
	}
}

// LengthError says that a message has a length that is not allowed.
type LengthError struct {
	Length uint32 // in bytes
	Limit  int    // the greatest that is allowed; the least is 1
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("frame: message of %d bytes, allowed are 1 to %d", e.Length, e.Limit)
}
