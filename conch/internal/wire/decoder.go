package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTruncated says that a value goes on past the end of the data.
	ErrTruncated = errors.New("wire: truncated")

	// ErrTrailing says that bytes are left over after the last value.
	ErrTrailing = errors.New("wire: trailing bytes")

	// ErrNameList says that a name-list has an empty name in it (RFC 4251, section 5).
	ErrNameList = errors.New("wire: empty name in a name-list")
)

// Decoder reads values from a byte slice, front to back. After the first error each read returns its zero value, and Err keeps that first
// error, which wraps one of the sentinels of this package. The zero value is a Decoder over nothing.
type Decoder struct {
	rest []byte
	err  error
}

// NewDecoder returns a Decoder over p. It reads p in place: p must stay as it is while the Decoder and what [Decoder.Bytes] and
// [Decoder.Rest] returned are in use.
func NewDecoder(p []byte) Decoder { return Decoder{rest: p} }

// Err returns the first error, or nil.
func (d *Decoder) Err() error { return d.err }

// Len returns the number of bytes not read yet, 0 after an error.
func (d *Decoder) Len() int { return len(d.rest) }

// Finish returns the first error, or one that wraps ErrTrailing if bytes are left.
func (d *Decoder) Finish() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail(fmt.Errorf("%w: %d after the last value", ErrTrailing, len(d.rest)))
	}
	return d.err
}

func (d *Decoder) fail(err error) {
	d.err, d.rest = err, nil
}

// take returns the next n bytes, or nil and a sticky error.
func (d *Decoder) take(n int, what string) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.rest) {
		d.fail(fmt.Errorf("%w: %s of %d bytes, %d left", ErrTruncated, what, n, len(d.rest)))
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

// Bool reads a boolean; every value but 0 is true (RFC 4251, section 5).
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

// Bytes reads a string and returns it in place, without copying: it is part of the slice the Decoder was made over. It is nil only after
// an error.
func (d *Decoder) Bytes() []byte {
	n := d.Uint32()
	if d.err == nil && uint64(n) > uint64(len(d.rest)) {
		d.fail(fmt.Errorf("%w: string of %d bytes, %d left", ErrTruncated, n, len(d.rest)))
	}
	return d.take(int(n), "string")
}

// String reads a string and returns a copy of it. SSH does not promise UTF-8 and neither does this: any bytes may be in it.
func (d *Decoder) String() string { return string(d.Bytes()) }

// NameList reads a name-list. An empty one gives nil; an empty name in it is an error. The number of names is bounded by the length of
// the data.
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

// Count reads a uint32 that says how many items follow, each of which takes at least size bytes, size being positive. If that many cannot be
// there it is an error; so a slice may be made with the capacity that Count returns.
func (d *Decoder) Count(size int) int {
	n := d.Uint32()
	if uint64(n) > uint64(len(d.rest)/size) {
		d.fail(fmt.Errorf("%w: %d items of %d or more bytes, %d left", ErrTruncated, n, size, len(d.rest)))
		return 0
	}
	return int(n)
}

// Rest returns, in place, everything that is left, and leaves nothing. It is nil after an error.
func (d *Decoder) Rest() []byte { return d.take(len(d.rest), "rest") }
