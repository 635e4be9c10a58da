package wire

import (
	"encoding/binary"
	"strings"
)

// Encoder appends values to a buffer. The zero Encoder has an empty buffer and
// is ready for use. Strings must be shorter than 4 GiB, because their length is
// a uint32.
type Encoder struct{ buf []byte }

// NewEncoder returns an Encoder that appends to buf. It keeps the contents of
// buf and uses its spare capacity.
func NewEncoder(buf []byte) Encoder { return Encoder{buf} }

// Data returns the buffer, which the Encoder continues to use.
func (e *Encoder) Data() []byte { return e.buf }

// Uint8 appends a byte.
func (e *Encoder) Uint8(v uint8) { e.buf = append(e.buf, v) }

// Bool appends a boolean: 1 for true, 0 for false.
func (e *Encoder) Bool(v bool) {
	if v {
		e.Uint8(1)
	} else {
		e.Uint8(0)
	}
}

// Uint32 appends a uint32.
func (e *Encoder) Uint32(v uint32) { e.buf = binary.BigEndian.AppendUint32(e.buf, v) }

// Uint64 appends a uint64.
func (e *Encoder) Uint64(v uint64) { e.buf = binary.BigEndian.AppendUint64(e.buf, v) }

// String appends a string: its length as a uint32, then its bytes.
func (e *Encoder) String(s string) {
	e.Uint32(uint32(len(s)))
	e.buf = append(e.buf, s...)
}

// Bytes appends p in the same format as [Encoder.String].
func (e *Encoder) Bytes(p []byte) {
	e.Uint32(uint32(len(p)))
	e.Raw(p)
}

// NameList appends a name-list: the names joined with commas, as one string.
// The names must not be empty and must not contain commas.
func (e *Encoder) NameList(names ...string) { e.String(strings.Join(names, ",")) }

// Raw appends the bytes of p without a length.
func (e *Encoder) Raw(p []byte) { e.buf = append(e.buf, p...) }
