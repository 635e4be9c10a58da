package protocols

import (
	"errors"
	"fmt"
	"math"
)

// DefaultMaxString is the longest string unless something else is asked for.
const DefaultMaxString = 99999

// ErrStringTooLong is returned by SendString for a string whose length does not fit (R444).
var ErrStringTooLong = errors.New("protocols: the string is too long for its length field")

// IntNStringReceiver cuts what comes into strings, each with its length in front as an unsigned big-endian number of type N (R442). A type
// that embeds one of [Int8StringReceiver], [Int16StringReceiver] and [Int32StringReceiver] needs a method StringReceived(s []byte).
type IntNStringReceiver[N uint8 | uint16 | uint32] struct {
	receiver

	// MaxLength is the length in bytes up to which a string is accepted; 0 means DefaultMaxString. It does not limit SendString.
	MaxLength int
}

// The receivers for each size of the length field.
type (
	Int8StringReceiver  = IntNStringReceiver[uint8]
	Int16StringReceiver = IntNStringReceiver[uint16]
	Int32StringReceiver = IntNStringReceiver[uint32]
)

type stringHandler interface{ StringReceived(s []byte) }
type stringLimitHandler interface{ LengthLimitExceeded(length int) }

// DataReceived is part of reactor.Protocol.
func (r *IntNStringReceiver[N]) DataReceived(data []byte) { r.take(data, r.next) }

// LengthLimitExceeded is called for a string that is too long, of which nothing is delivered (R443). This one closes the connection; define
// another to do something else.
func (r *IntNStringReceiver[N]) LengthLimitExceeded(int) { r.Transport().LoseConnection() }

// Unprocessed returns what has not been delivered; in LengthLimitExceeded it begins with the length in question (R447). SetUnprocessed puts
// something else in its place.
func (r *IntNStringReceiver[N]) Unprocessed() []byte { return r.buf }

// SetUnprocessed replaces what has not been delivered.
func (r *IntNStringReceiver[N]) SetUnprocessed(data []byte) { r.buf = data }

// SendString writes a string with its length in front. It returns ErrStringTooLong, and writes nothing, if the length does not fit.
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

// ResumeProducing goes on with the delivery, at once with what is there.
func (r *IntNStringReceiver[N]) ResumeProducing() {
	r.paused = false
	r.Transport().ResumeProducing()
	r.take(nil, r.next)
}

// prefixLen returns the size of the length field in bytes.
func (r *IntNStringReceiver[N]) prefixLen() int {
	switch any(N(0)).(type) {
	case uint8:
		return 1
	case uint16:
		return 2
	}
	return 4
}

// next delivers one string.
func (r *IntNStringReceiver[N]) next() (more bool) {
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
	deliver(r.Self(), r.cut(length))
	return true
}

// exceeded asks what to do about a string that is too long. Parsing goes on if something else is there afterwards.
func (r *IntNStringReceiver[N]) exceeded(length int) (more bool) {
	before := r.buf
	r.Self().(stringLimitHandler).LengthLimitExceeded(length)
	unchanged := len(r.buf) == len(before) && (len(before) == 0 || &r.buf[0] == &before[0])
	if unchanged {
		r.clear()
	}
	return !unchanged
}

func deliver(self any, s []byte) {
	handler, ok := self.(stringHandler)
	if !ok {
		panic(missing(self, "StringReceived(s []byte)"))
	}
	handler.StringReceived(s)
}
