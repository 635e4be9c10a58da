package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTruncated reports that the data ends within a value.
	ErrTruncated = errors.New("wire: truncated")

	// ErrTrailing reports that bytes follow the last value.
	ErrTrailing = errors.New("wire: trailing bytes")

	// ErrNameList reports an empty name in a name-list (RFC 4251, section 5).
	ErrNameList = errors.New("wire: empty name in a name-list")
)

// Decoder reads values from a byte slice, from front to back. After an error
// every read returns a zero value. Err and Finish return the first error, which
// wraps ErrTruncated, ErrTrailing or ErrNameList. The zero Decoder has no data.
type Decoder struct {
	rest []byte
	err  error
}

// NewDecoder returns a Decoder for p. The caller must not change p while it
// uses the Decoder or a slice that [Decoder.Bytes] or [Decoder.Rest] returned.
func NewDecoder(p []byte) Decoder { return Decoder{rest: p} }

// Err returns the first error, or nil if there was none.
func (d *Decoder) Err() error { return d.err }

// Len returns the number of bytes that are not read yet. It is 0 after an
// error.
func (d *Decoder) Len() int { return len(d.rest) }

// Finish returns the first error. If there was none and bytes are left, it
// returns an error that wraps ErrTrailing.
func (d *Decoder) Finish() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail(fmt.Errorf("%w: %d after the last value", ErrTrailing, len(d.rest)))
	}
	return d.err
}

// fail records the first error and drops the data.
func (d *Decoder) fail(err error) {
	d.err, d.rest = err, nil
}

// take returns the next n bytes. If there are not so many, it fails and returns
// nil. Its errors call the value kind.
func (d *Decoder) take(n int, kind string) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.rest) {
		d.fail(fmt.Errorf("%w: %s of %d bytes, %d left", ErrTruncated, kind, n, len(d.rest)))
		return nil
	}
	p := d.rest[:n:n]
	d.rest = d.rest[n:]
	return p
}

// Uint8 reads a byte.
func (d *Decoder) Uint8() uint8 {
	if p := d.take(1, "byte"); p != nil {
		return p[0]
	}
	return 0
}

// Bool reads a boolean. Every value except 0 is true (RFC 4251, section 5).
func (d *Decoder) Bool() bool { return d.Uint8() != 0 }

// Uint32 reads a uint32.
func (d *Decoder) Uint32() uint32 {
	if p := d.take(4, "uint32"); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// Uint64 reads a uint64.
func (d *Decoder) Uint64() uint64 {
	if p := d.take(8, "uint64"); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// Bytes reads a string. The result is a part of the Decoder's data, not a copy.
// The result is nil only after an error.
func (d *Decoder) Bytes() []byte {
	n := d.Uint32()
	if d.err == nil && uint64(n) > uint64(len(d.rest)) {
		d.fail(fmt.Errorf("%w: string of %d bytes, %d left", ErrTruncated, n, len(d.rest)))
	}
	return d.take(int(n), "string")
}

// String reads a string and returns a copy. The string may contain any bytes,
// not only UTF-8.
func (d *Decoder) String() string { return string(d.Bytes()) }

// NameList reads a name-list. The result is nil for an empty list. An empty
// name in a list is an error that wraps ErrNameList. The length of the data
// limits the number of names.
func (d *Decoder) NameList() []string {
	list := d.String()
	if list == "" {
		return nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if name == "" {
			d.fail(fmt.Errorf("%w: %.64q", ErrNameList, list))
			return nil
		}
	}
	return names
}

// Count reads a uint32: the number of items that follow. Each item takes at
// least size bytes; size must be positive. If the data is too short for so many
// items, Count fails and returns 0. Callers can therefore allocate a slice with
// the capacity that Count returns.
func (d *Decoder) Count(size int) int {
	n := d.Uint32()
	if uint64(n) > uint64(len(d.rest)/size) {
		d.fail(fmt.Errorf("%w: %d items of %d or more bytes, %d left", ErrTruncated, n, size, len(d.rest)))
		return 0
	}
	return int(n)
}

// Rest returns all remaining bytes as a part of the Decoder's data. The result
// is nil after an error.
func (d *Decoder) Rest() []byte { return d.take(len(d.rest), "rest") }
