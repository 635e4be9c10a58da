package protocols

import (
	"errors"
	"fmt"
	"math"
)

// DefaultMaxString is the default of MaxLength of the string receivers.
const DefaultMaxString = 99999

// ErrStringTooLong matches the error of SendString for a string whose length
// does not fit into the length prefix.
var ErrStringTooLong = errors.New("protocols: the string is too long for its length prefix; " +
	"use a receiver with a larger prefix, or split the string")

// IntNStringReceiver splits received data into strings, each preceded by its
// length as an unsigned big-endian integer of type N. Embed one of
// [Int8StringReceiver], [Int16StringReceiver] and [Int32StringReceiver]. The
// embedding type must have a method StringReceived(s []byte); a missing method
// is a panic on delivery.
type IntNStringReceiver[N uint8 | uint16 | uint32] struct {
	receiver

	// MaxLength is the maximum length of a received string in bytes. A value
	// that is not positive means DefaultMaxString. SendString has no maximum
	// but the prefix.
	MaxLength int
}

// The receivers for each size of the length prefix.
type (
	Int8StringReceiver  = IntNStringReceiver[uint8]
	Int16StringReceiver = IntNStringReceiver[uint16]
	Int32StringReceiver = IntNStringReceiver[uint32]
)

type stringHandler interface{ StringReceived(s []byte) }
type stringLimitHandler interface{ LengthLimitExceeded(length int) }

// LengthLimitExceeded is called when the prefix of a string announces more than
// MaxLength bytes. No byte of that string is delivered. This method closes the
// connection; define another one on the embedding type to do otherwise. If that
// method neither closes the connection nor calls SetUnprocessed, the
// undelivered data is dropped.
func (r *IntNStringReceiver[N]) LengthLimitExceeded(int) { r.Transport().LoseConnection() }

// Unprocessed returns the received data that has not been delivered. During
// LengthLimitExceeded the data begins with the length prefix in question.
func (r *IntNStringReceiver[N]) Unprocessed() []byte { return r.buf }

// SetUnprocessed replaces the received data that has not been delivered.
func (r *IntNStringReceiver[N]) SetUnprocessed(data []byte) { r.buf = data }

// SendString writes the length of s and s. If the length does not fit into the
// prefix, SendString writes nothing and returns an error that wraps
// ErrStringTooLong.
func (r *IntNStringReceiver[N]) SendString(s []byte) error {
	if uint64(len(s)) > uint64(^N(0)) {
		return fmt.Errorf("%w: %d bytes", ErrStringTooLong, len(s))
	}
	prefix := make([]byte, r.prefixLen())
	for i, n := len(prefix)-1, len(s); i >= 0; i, n = i-1, n>>8 {
		prefix[i] = byte(n)
	}
	r.Transport().WriteSequence([][]byte{prefix, s})
	return nil
}

// prefixLen returns the size of the length prefix in bytes.
func (r *IntNStringReceiver[N]) prefixLen() int {
	switch any(N(0)).(type) {
	case uint8:
		return 1
	case uint16:
		return 2
	}
	return 4
}

// split delivers one string.
func (r *IntNStringReceiver[N]) split() (more bool) {
	size := r.prefixLen()
	if len(r.buf) < size {
		return false
	}
	var announced uint64
	for _, b := range r.buf[:size] {
		announced = announced<<8 | uint64(b)
	}
	length := int(min(announced, math.MaxInt)) // an int may have 32 bits
	if length > limit(r.MaxLength, DefaultMaxString) {
		return r.exceeded(length)
	}
	if len(r.buf)-size < length {
		return false
	}
	r.cut(size)
	deliverString(r.Self(), r.cut(length))
	return true
}

// exceeded calls LengthLimitExceeded. Splitting continues if that method has
// replaced the buffer; otherwise the buffer is dropped.
func (r *IntNStringReceiver[N]) exceeded(length int) (more bool) {
	before := r.buf
	r.Self().(stringLimitHandler).LengthLimitExceeded(length)
	unchanged := len(r.buf) == len(before) && (len(before) == 0 || &r.buf[0] == &before[0])
	if unchanged {
		r.clear()
	}
	return !unchanged
}

func deliverString(self any, s []byte) {
	handler, ok := self.(stringHandler)
	if !ok {
		panic(missing(self, "StringReceived(s []byte)"))
	}
	handler.StringReceived(s)
}
