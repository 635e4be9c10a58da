package frame

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// LengthSize is the size of the length that precedes each message, in bytes.
const LengthSize = 4

// Reader splits a stream into messages. [NewReader] returns a usable Reader. It
// must not be used by several goroutines at once.
type Reader struct {
	limit  int
	header int // the length of the header that place gets
	place  func(header []byte, rest int) []byte
	in     []byte // fed, but not used yet
	owned  bool   // we may append to in

	// head has the first bytes of the current message, have of them: its length
	// and then its header.
	head [LengthSize + MaxHeader]byte
	have int

	// begun has the bytes of the current message that earlier chunks contained.
	// Its capacity is the length of the message.
	begun  []byte
	placed placed
}

// NewReader returns a Reader for messages of 1 to limit bytes, not counting the
// length before each message.
func NewReader(limit int) Reader { return Reader{limit: limit} }

// Feed appends p to the stream. The caller must not use p afterwards. If
// earlier data is not used up, Feed copies p to a buffer that grows
// exponentially, so that many small chunks are cheap.
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

// Buffered returns the number of bytes that were fed but that Next has not
// used.
func (r *Reader) Buffered() int { return len(r.in) }

// Next returns the next message without its length, or nil if it needs more
// data. The caller owns the message, unless [Reader.Placed] returns true.
// Errors are of type [*LengthError]. After an error the Reader must not be
// used.
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

// begin begins a message. It returns the message if the data contains all of
// it. Otherwise, if the data contains the header, begin chooses the memory to
// which the message is copied.
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

// fillHead moves data to head until it has n bytes. The result is whether head
// is full.
func (r *Reader) fillHead(n int) bool {
	got := copy(r.head[r.have:n], r.in)
	r.drop(got)
	r.have += got
	return r.have == n
}

// gather moves data to begun. The result is the complete message, or nil.
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

// drop removes the first n bytes of the data. It keeps no reference to an empty
// chunk, which may be part of a large buffer.
func (r *Reader) drop(n int) {
	if r.in = r.in[n:]; len(r.in) == 0 {
		r.in, r.owned = nil, false
	}
}

// LengthError reports a message that is empty or too long.
type LengthError struct {
	Length uint32 // the length of the message, in bytes
	Limit  int    // the maximum length
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("frame: message of %d bytes; 1 to %d are allowed", e.Length, e.Limit)
}
