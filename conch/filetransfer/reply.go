package filetransfer

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// maxHandle is the maximum length of a handle in bytes (draft section 6.2).
const maxHandle = 256

// answer describes the successful replies to a request.
type answer[T any] struct {
	typ    PacketType                     // the type of the reply
	decode func(*wire.Decoder) (T, error) // decodes such a reply; read checks the decoder's error
	ok     func(Status) T                 // converts SSH_FX_OK; nil if that is not an answer
	into   []byte                         // the destination of file data; nil if it is decoded
}

// read decodes a reply. The result is a value, the server's refusal, or an
// error if the reply violates the protocol.
func (a answer[T]) read(typ PacketType, d *wire.Decoder) (v T, refused *StatusError, err error) {
	switch typ {
	case fxpStatus:
		return a.readStatus(d)
	case a.typ:
		v, err = a.decode(d)
		if d.Err() != nil {
			err = malformed(d.Err())
		}
		return v, nil, err
	default:
		return v, nil, unexpected(a.typ)
	}
}

func (a answer[T]) readStatus(d *wire.Decoder) (v T, refused *StatusError, err error) {
	status := decodeStatus(d)
	switch {
	case d.Err() != nil:
		return v, nil, malformed(d.Err())
	case status.Code != FXOK:
		return v, (*StatusError)(&status), nil
	case a.ok == nil:
		return v, nil, unexpected(a.typ)
	default:
		return a.ok(status), nil, nil
	}
}

// Answers that are decoded without further knowledge of the request.
var (
	statusAnswer   = answer[Status]{typ: fxpStatus, ok: func(s Status) Status { return s }}
	attrsAnswer    = answer[Attrs]{typ: fxpAttrs, decode: func(d *wire.Decoder) (Attrs, error) { return decodeAttrs(d), nil }}
	entriesAnswer  = answer[[]Entry]{typ: fxpName, decode: func(d *wire.Decoder) ([]Entry, error) { return decodeEntries(d), nil }}
	pathAnswer     = answer[string]{typ: fxpName, decode: decodePath}
	extendedAnswer = answer[ExtendedReply]{
		typ:    fxpExtendedReply,
		decode: func(d *wire.Decoder) (ExtendedReply, error) { return ExtendedReply{Data: d.Rest()}, nil },
		ok:     func(s Status) ExtendedReply { return ExtendedReply{Status: s} },
	}
)

// handleAnswer is the answer to a request that opens a file or directory.
func handleAnswer[T any](opened func(handle string) T) answer[T] {
	return answer[T]{typ: fxpHandle, decode: func(d *wire.Decoder) (v T, err error) {
		handle, err := decodeHandle(d)
		if err != nil {
			return v, err
		}
		return opened(handle), nil
	}}
}

// dataAnswer is the answer to a read of at most length bytes.
func dataAnswer(length uint32) answer[[]byte] {
	return answer[[]byte]{typ: fxpData, decode: func(d *wire.Decoder) ([]byte, error) {
		data := d.Bytes()
		if uint64(len(data)) > uint64(length) {
			return nil, malformed(fmt.Errorf("%d bytes of data; %d were requested", len(data), length))
		}
		return data, nil
	}}
}

// intoAnswer is the answer to a read into p.
func intoAnswer(c *FileTransferClient, p []byte) answer[int] {
	return answer[int]{typ: fxpData, into: p, decode: func(d *wire.Decoder) (int, error) {
		if c.placed { // the data is already in p
			return int(d.Uint32()), nil
		}
		data, err := dataAnswer(uint32(len(p))).decode(d)
		return copy(p, data), err
	}}
}

func decodeHandle(d *wire.Decoder) (string, error) {
	handle := d.Bytes()
	if d.Err() != nil {
		return "", malformed(d.Err())
	}
	if len(handle) > maxHandle {
		return "", malformed(fmt.Errorf("the handle has %d bytes, more than %d", len(handle), maxHandle))
	}
	return string(handle), nil
}

// decodePath returns the first name of an SSH_FXP_NAME.
func decodePath(d *wire.Decoder) (string, error) {
	entries := decodeEntries(d)
	if len(entries) == 0 {
		return "", malformed(errors.New("no name"))
	}
	return entries[0].Filename, nil
}
