package filetransfer

import (
	"errors"
	"io"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// ReadChunk reads length bytes at offset. At the end of the file, or past it, it fails with an error that is io.EOF.
//
// What fits in one packet, see [FileTransferClient.ReadSize], is one request, and the Deferred fires with what the server returns of it, which
// may be less. A longer read is split into several requests, a few of them at a time, and what they bring is put together again: it fires with
// fewer bytes only if the file ends there. (Draft section 6.4, C-SFTP-40.)
//
// The bytes are the caller's to keep, but may share memory with what was given to DataReceived: copy a small part that is kept for long.
func (f *ClientFile) ReadChunk(offset uint64, length uint32) deferred.Deferred[[]byte] {
	return onFile(f, "read", func(o op) deferred.Deferred[[]byte] {
		if int64(length) <= int64(f.client.ReadSize()) {
			return request(f.client, f.readPacket(offset, length), o, dataAnswer(length))
		}
		return f.readLong(offset, int64(length))
	})
}

func (f *ClientFile) readPacket(offset uint64, length uint32) wire.Encoder {
	e := newPacket(fxpRead, stringSize(f.handle)+8+4)
	e.String(f.handle)
	e.Uint64(offset)
	e.Uint32(length)
	return e
}

// blockSize is how many bytes readLong makes room for at a time: the file may be much shorter than what is asked for.
const blockSize = 2 << 20

func (f *ClientFile) readLong(offset uint64, length int64) deferred.Deferred[[]byte] {
	return deferred.Inline(func(co *deferred.Coro) (got []byte, err error) {
		block := make([]byte, min(length, blockSize))
		for int64(len(got)) < length {
			block = block[:min(length-int64(len(got)), int64(len(block)))]
			n, err := deferred.Await(co, f.ReadInto(offset+uint64(len(got)), block))
			got = append(got, block[:n]...)
			switch {
			case errors.Is(err, io.EOF) && len(got) > 0, err == nil && n < len(block):
				return got, nil
			case err != nil:
				return nil, err
			}
		}
		return got, nil
	})
}

// ReadInto reads the bytes at offset into p and fires with their number, which is less than len(p) only if the file ends there. At the end of
// the file, or past it, it fails with an error that is io.EOF. p may be of any size; until the Deferred has fired, or was cancelled, it belongs to
// the client, which puts what comes from the server there without another copy.
func (f *ClientFile) ReadInto(offset uint64, p []byte) deferred.Deferred[int] {
	if f.closed {
		return onFile[int](f, "read", nil)
	}
	r := &fill{file: f, offset: offset, rest: p}
	return deferred.Inline(r.run)
}

// piecesAhead is how many requests of one ReadInto are under way at a time.
const piecesAhead = 16

// fill is a ReadInto under way.
type fill struct {
	file   *ClientFile
	offset uint64 // of rest
	rest   []byte // not asked for yet
	ahead  []piece
}

// piece is one request of a fill.
type piece struct {
	offset uint64
	p      []byte
	d      deferred.Deferred[int]
}

func (r *fill) run(co *deferred.Coro) (n int, err error) {
	defer r.abandon()
	for len(r.rest)+len(r.ahead) > 0 {
		r.ask()
		next := r.ahead[0]
		r.ahead = r.ahead[1:]
		got, err := next.complete(co, r.file)
		n += got
		if errors.Is(err, io.EOF) && n > 0 {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ask keeps requests under way.
func (r *fill) ask() {
	for len(r.rest) > 0 && len(r.ahead) < piecesAhead {
		n := min(len(r.rest), r.file.client.ReadSize())
		r.ahead = append(r.ahead, r.file.ask(r.offset, r.rest[:n]))
		r.offset, r.rest = r.offset+uint64(n), r.rest[n:]
	}
}

// abandon gives up what is under way.
func (r *fill) abandon() {
	for _, left := range r.ahead {
		left.d.AddErrback(func(error) (int, error) { return 0, nil })
		left.d.Cancel()
	}
}

// ask sends one request for what fits into p, unless the file has been closed meanwhile.
func (f *ClientFile) ask(offset uint64, p []byte) piece {
	return piece{offset, p, onFile(f, "read", func(o op) deferred.Deferred[int] {
		return request(f.client, f.readPacket(offset, uint32(len(p))), o, intoAnswer(f.client, p))
	})}
}

// complete waits until the piece is there, or the file has ended, asking again for what the server leaves out.
func (p piece) complete(co *deferred.Coro, f *ClientFile) (n int, err error) {
	before := 0
	for n < len(p.p) {
		if n > 0 {
			p.d = f.ask(p.offset+uint64(n), p.p[n:]).d
		}
		got, err := deferred.Await(co, p.d)
		if err == nil && got == 0 {
			err = f.op("read").wrap(errNoProgress)
		}
		if err != nil {
			return n, err
		}
		if before > 0 {
			f.client.answeredShort(before) // the file went on
		}
		before = got
		n += got
	}
	return n, nil
}

// WriteChunk writes data at offset; data is copied before WriteChunk returns. What does not fit in one packet, see
// [FileTransferClient.WriteSize], is split into several requests, which are sent at once, or one after the other in a file that is open for
// appending. If one of them fails the others may have been carried out all the same. (Draft section 6.4, C-SFTP-41.)
func (f *ClientFile) WriteChunk(offset uint64, data []byte) deferred.Deferred[Status] {
	return onFile(f, "write", func(o op) deferred.Deferred[Status] {
		if len(data) <= f.client.WriteSize() {
			return f.write(offset, data, o)
		}
		if f.flags&FXFAppend != 0 {
			return f.appendLong(append([]byte(nil), data...), o)
		}
		return f.writeLong(offset, data, o)
	})
}

func (f *ClientFile) write(offset uint64, data []byte, o op) deferred.Deferred[Status] {
	e := newPacket(fxpWrite, stringSize(f.handle)+8+4+len(data))
	e.String(f.handle)
	e.Uint64(offset)
	e.Bytes(data)
	return request(f.client, e, o, statusAnswer)
}

func (f *ClientFile) writeLong(offset uint64, data []byte, o op) deferred.Deferred[Status] {
	var pieces []deferred.Deferred[Status]
	for size := f.client.WriteSize(); len(data) > 0; {
		n := min(size, len(data))
		pieces = append(pieces, f.write(offset, data[:n], o))
		offset, data = offset+uint64(n), data[n:]
	}
	return deferred.ThenBoth(deferred.Gather(pieces, deferred.ConsumeErrors), func(all []Status, err error) (Status, error) {
		if first, ok := errors.AsType[*deferred.FirstError](err); ok {
			return Status{}, first.Err
		}
		if err != nil {
			return Status{}, err
		}
		return all[len(all)-1], nil
	})
}

func (f *ClientFile) appendLong(data []byte, o op) deferred.Deferred[Status] {
	return deferred.Inline(func(co *deferred.Coro) (status Status, err error) {
		for size := f.client.WriteSize(); len(data) > 0 && err == nil; {
			n := min(size, len(data))
			status, err = deferred.Await(co, onFile(f, o.name, func(op) deferred.Deferred[Status] { return f.write(0, data[:n], o) }))
			data = data[n:]
		}
		return status, err
	})
}
