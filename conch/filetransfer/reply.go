package filetransfer

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// maxHandle is the length in bytes that a handle may have (draft section 6.2).
const maxHandle = 256

// answer says which reply, besides a refusal, answers a request, and how it becomes the request's result.
type answer[T any] struct {
	typ    PacketType
	decode func(*wire.Decoder) (T, error) // reads a reply of that type; the decoder's error need not be looked at
	ok     func(Status) T                 // what SSH_FX_OK means; nil if it is not an answer
	into   []byte                         // where the data of a SSH_FXP_DATA goes; nil if it is to be decoded
}

// read decodes a reply: to a result, to a refusal, or to an error that says what is wrong with the reply (C-SFTP-9, C-SFTP-10).
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

// The answers of the requests whose result is what the reply holds.
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

// handleAnswer is the answer of the requests that open something.
func handleAnswer[T any](opened func(handle string) T) answer[T] {
	return answer[T]{typ: fxpHandle, decode: func(d *wire.Decoder) (v T, err error) {
		handle, err := decodeHandle(d)
		if err != nil {
			return v, err
		}
		return opened(handle), nil
	}}
}

// dataAnswer is the answer of a request for at most length bytes.
func dataAnswer(length uint32) answer[[]byte] {
	return answer[[]byte]{typ: fxpData, decode: func(d *wire.Decoder) ([]byte, error) {
		data := d.Bytes()
		if uint64(len(data)) > uint64(length) {
			return nil, malformed(fmt.Errorf("%d bytes where %d were asked for", len(data), length))
		}
		return data, nil
	}}
}

// intoAnswer is the answer of a request for the bytes that fit into p.
func intoAnswer(c *FileTransferClient, p []byte) answer[int] {
	return answer[int]{typ: fxpData, into: p, decode: func(d *wire.Decoder) (int, error) {
		if c.placed { // the data is in its place
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
		return "", malformed(fmt.Errorf("handle of %d bytes, allowed are %d", len(handle), maxHandle))
	}
	return string(handle), nil
}

// decodePath returns the first name of a SSH_FXP_NAME (C-SFTP-28).
func decodePath(d *wire.Decoder) (string, error) {
	entries := decodeEntries(d)
	if len(entries) == 0 {
		return "", malformed(errors.New("no name in it"))
	}
	return entries[0].Filename, nil
}
