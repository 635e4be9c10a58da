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
	in     []byte           // what was fed and not looked at yet
	owned  bool             // the spare capacity of in is ours to write to
	length [LengthSize]byte // the length of the message at hand
	have   int              // how many bytes of it are there
	begun  []byte           // the beginning of a message that reaches past the chunk; its capacity is the message's length
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

// Next returns the next message without its length, or nil if more has to be fed first. The message is the caller's. An error, always a
// *LengthError, is final.
func (r *Reader) Next() ([]byte, error) {
	if r.begun == nil {
		whole, err := r.begin()
		if whole != nil || err != nil || r.begun == nil {
			return whole, err
		}
	}
	n := min(cap(r.begun)-len(r.begun), len(r.in))
	r.begun = append(r.begun, r.in[:n]...)
	r.drop(n)
	if len(r.begun) < cap(r.begun) {
		return nil, nil
	}
	message := r.begun
	r.begun = nil
	return message, nil
}

// begin starts on a message: it returns it if it is there whole, makes the buffer to gather it in if its length is known, and else does
// neither.
func (r *Reader) begin() ([]byte, error) {
	n := copy(r.length[r.have:], r.in)
	r.drop(n)
	if r.have += n; r.have < LengthSize {
		return nil, nil
	}
	size := binary.BigEndian.Uint32(r.length[:])
	if size == 0 || uint64(size) > uint64(r.limit) {
		return nil, &LengthError{Length: size, Limit: r.limit}
	}
	r.have = 0
	if int(size) > len(r.in) {
		r.begun = make([]byte, 0, size)
		return nil, nil
	}
	whole := r.in[:size:size]
	r.drop(int(size))
	return whole, nil
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
