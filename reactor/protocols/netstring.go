package protocols

import (
	"bytes"
	"strconv"
)

// NetstringReceiver cuts what comes into netstrings: a decimal length, a colon, the bytes, a comma (R449). A type that embeds it needs a
// method StringReceived(s []byte).
//
// Anything else, leading zeros and a length above MaxLength among it, makes it set the flag that Broken returns and close the connection; nothing more
// is delivered (R450, R451).
type NetstringReceiver struct {
	receiver

	// MaxLength is the length in bytes up to which a string is accepted; 0 means DefaultMaxString.
	MaxLength int

	broken bool
}

// DataReceived is part of reactor.Protocol.
func (r *NetstringReceiver) DataReceived(data []byte) { r.take(data, r.next) }

// Broken reports whether the peer has sent something that is no netstring, or too long.
func (r *NetstringReceiver) Broken() bool { return r.broken }

// SendString writes a netstring (R452).
func (r *NetstringReceiver) SendString(s []byte) {
	r.Transport().WriteSequence([][]byte{[]byte(strconv.Itoa(len(s)) + ":"), s, []byte(",")})
}

// ResumeProducing goes on with the delivery, at once with what is there.
func (r *NetstringReceiver) ResumeProducing() {
	r.paused = false
	r.Transport().ResumeProducing()
	r.take(nil, r.next)
}

// next delivers one string.
func (r *NetstringReceiver) next() (more bool) {
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
	if len(r.buf) <= start+length {
		return false
	}
	if r.buf[start+length] != ',' {
		return r.giveUp()
	}
	r.cut(start)
	s := r.cut(length)
	r.cut(1)
	deliver(r.Self(), s)
	return true
}

// parseLength reads the digits of a length, as far as they have come. It accepts none, no leading zero, and nothing above longest.
func parseLength(digits []byte, longest int) (length int, ok bool) {
	for i, c := range digits {
		if c < '0' || c > '9' || i == 1 && digits[0] == '0' {
			return 0, false
		}
		length = length*10 + int(c-'0')
		if length > longest {
			return 0, false
		}
	}
	return length, true
}

func (r *NetstringReceiver) giveUp() (more bool) {
	r.broken = true
	r.clear()
	r.Transport().LoseConnection()
	return false
}
