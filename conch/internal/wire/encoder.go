package wire

import (
	"encoding/binary"
	"strings"
)

// Encoder appends values to a buffer. The zero value is ready for use and starts with an empty buffer. A string longer than 4 GiB less one
// byte cannot be expressed; keeping below that is the caller's part.
type Encoder struct{ buf []byte }

// NewEncoder returns an Encoder that appends to buf, whose contents stay in front and whose spare capacity is used.
func NewEncoder(buf []byte) Encoder { return Encoder{buf} }

// Data returns everything encoded so far. It shares memory with the Encoder.
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

// Bytes appends p as a string, as [Encoder.String] does.
func (e *Encoder) Bytes(p []byte) {
	e.Uint32(uint32(len(p)))
	e.Raw(p)
}

// NameList appends a name-list: the names joined by commas, as one string. Names are not empty and contain no comma; that is the caller's
// part too.
func (e *Encoder) NameList(names ...string) { e.String(strings.Join(names, ",")) }

// Raw appends p as it is, without a length.
func (e *Encoder) Raw(p []byte) { e.buf = append(e.buf, p...) }
