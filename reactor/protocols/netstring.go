package protocols

import (
	"bytes"
	"strconv"
)

// NetstringReceiver splits received data into netstrings. A netstring is a
// decimal length, a colon, that many bytes, and a comma. The embedding type
// must have a method StringReceived(s []byte); a missing method is a panic on
// delivery.
//
// Invalid data closes the connection. From then on Broken returns true and
// nothing more is delivered. Leading zeros and a length above MaxLength are
// invalid; the receiver rejects them before the colon arrives.
type NetstringReceiver struct {
	receiver

	// MaxLength is the maximum length of a received string in bytes. A value
	// that is not positive means DefaultMaxString. SendString has no maximum.
	MaxLength int

	broken bool
}

// Broken reports whether the peer has sent invalid data.
func (r *NetstringReceiver) Broken() bool { return r.broken }

// SendString writes s as a netstring.
func (r *NetstringReceiver) SendString(s []byte) {
	r.Transport().WriteSequence([][]byte{[]byte(strconv.Itoa(len(s)) + ":"), s, []byte(",")})
}

// split delivers one string.
func (r *NetstringReceiver) split() (more bool) {
	if r.broken {
		r.clear()
		return false
	}
	digits, _, colon := bytes.Cut(r.buf, []byte(":"))
	length, ok := parseLength(digits, limit(r.MaxLength, DefaultMaxString))
	if !ok || colon && len(digits) == 0 {
		return r.giveUp()
	}
	if !colon {
		return false
	}
	start := len(digits) + 1
	if len(r.buf)-start <= length {
		return false
	}
	if r.buf[start+length] != ',' {
		return r.giveUp()
	}
	r.cut(start)
	s := r.cut(length)
	r.cut(1)
	deliverString(r.Self(), s)
	return true
}

// parseLength parses the received digits of a length. ok is false for a byte
// that is not a digit, a leading zero, and a length above longest. No digits
// are ok: more may follow.
func parseLength(digits []byte, longest int) (length int, ok bool) {
	for i, c := range digits {
		if c < '0' || c > '9' || i == 1 && digits[0] == '0' {
			return 0, false
		}
		digit := int(c - '0')
		if digit > longest || length > (longest-digit)/10 {
			return 0, false
		}
		length = length*10 + digit
	}
	return length, true
}

// giveUp closes the connection because the peer has sent invalid data.
func (r *NetstringReceiver) giveUp() (more bool) {
	r.broken = true
	r.clear()
	r.Transport().LoseConnection()
	return false
}
