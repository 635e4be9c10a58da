package filetransfer

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// readAhead is the number of bytes for which a long ReadChunk allocates memory
// at a time, because the file may be much shorter than the length.
const readAhead = 2 << 20

// ReadChunk reads length bytes at offset (draft section 6.4). At or after the
// end of the file it fails with an error that wraps io.EOF.
//
// A read of up to 32 KiB is one request, and fires with the data in the
// server's answer, which may be short. A longer read is split into requests of
// at most [FileTransferClient.ReadSize] bytes, up to 16 in flight. It fires
// with fewer bytes only if the file ends there.
//
// The caller may keep and change the data. A short read may share memory with
// the bytes that were given to DataReceived: copy a small part that is kept for
// a long time.
func (f *ClientFile) ReadChunk(offset uint64, length uint32) deferred.Deferred[[]byte] {
	if length > safeChunk && !f.closed {
		return deferred.Inline(func(co *deferred.Coro) ([]byte, error) { return f.readLong(co, offset, length) })
	}
	return onFile(f, "read", func(o op) deferred.Deferred[[]byte] {
		return request(f.client, f.readPacket(offset, length), o, dataAnswer(length))
	})
}

func (f *ClientFile) readLong(co *deferred.Coro, offset uint64, length uint32) (data []byte, err error) {
	for uint32(len(data)) < length {
		want := int(min(length-uint32(len(data)), readAhead))
		data = slices.Grow(data, want)
		n, err := f.readInto(co, offset+uint64(len(data)), data[len(data):len(data)+want])
		if err != nil && (len(data) == 0 || !errors.Is(err, io.EOF)) {
			return nil, err
		}
		if data = data[:len(data)+n]; n < want {
			break
		}
	}
	if len(data) < cap(data)/2 {
		data = bytes.Clone(data)
	}
	return data, nil
}

// ReadInto reads the bytes at offset into p, of any length, and fires with the
// number of bytes. It is less than len(p) only if the file ends there. At or
// after the end of the file, ReadInto fails with an error that wraps io.EOF.
//
// The file data is copied directly to p. Until the Deferred fires, p belongs to
// the client.
func (f *ClientFile) ReadInto(offset uint64, p []byte) deferred.Deferred[int] {
	if f.closed {
		return onFile[int](f, "read", nil)
	}
	return deferred.Inline(func(co *deferred.Coro) (int, error) { return f.readInto(co, offset, p) })
}

func (f *ClientFile) readInto(co *deferred.Coro, offset uint64, p []byte) (int, error) {
	if len(p) <= f.client.ReadSize() {
		return f.readPiece(co, offset, p)
	}
	r := pieces{total: len(p), most: maxInFlight, size: f.client.ReadSize, send: func(at, n int) deferred.Deferred[int] {
		return deferred.Inline(func(co *deferred.Coro) (int, error) { return f.readPiece(co, offset+uint64(at), p[at:at+n]) })
	}}
	n, err := r.run(co)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// readPiece reads into p with one request at a time: one in all, unless the
// server answers with less than p or refuses to read so much.
func (f *ClientFile) readPiece(co *deferred.Coro, offset uint64, p []byte) (int, error) {
	sizes, most, n, before := &f.client.sizes, len(p), 0, 0
	for n < len(p) {
		asked := min(len(p)-n, most)
		got, err := deferred.Await(co, f.readOnce(offset+uint64(n), p[n:n+asked]))
		switch {
		case most == len(p) && sizes.mayBeTooLong(asked, err):
			most = safeChunk
			continue
		case n > 0 && errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		case got == 0:
			return n, f.op("read").wrap(errNoProgress)
		case most < len(p):
			sizes.refused() // only the length was refused
		case before > 0:
			sizes.cut(before)
		}
		if before = got; got == asked {
			sizes.answered(asked)
			before = 0
		}
		n += got
	}
	return n, nil
}

// readOnce sends one request to read into p, unless the file was closed in the
// meantime.
func (f *ClientFile) readOnce(offset uint64, p []byte) deferred.Deferred[int] {
	return onFile(f, "read", func(o op) deferred.Deferred[int] {
		return request(f.client, f.readPacket(offset, uint32(len(p))), o, intoAnswer(f.client, p))
	})
}

func (f *ClientFile) readPacket(offset uint64, length uint32) wire.Encoder {
	e := newPacket(fxpRead, stringSize(f.handle)+8+4)
	e.String(f.handle)
	e.Uint64(offset)
	e.Uint32(length)
	return e
}
