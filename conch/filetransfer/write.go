package filetransfer

import (
	"github.com/hawser-go/hawser/deferred"
)

// WriteChunk writes data at offset (draft section 6.4). Data of more than
// [FileTransferClient.WriteSize] bytes is split into several requests, up to 16
// in flight, or one at a time if the file is open for appending. After a
// request fails no further ones are sent. WriteChunk then fails with the error
// when all requests are answered; the other requests may have succeeded.
//
// The caller must not change data until the Deferred fires: the parts are
// copied when they are sent.
func (f *ClientFile) WriteChunk(offset uint64, data []byte) deferred.Deferred[Status] {
	if len(data) <= f.client.WriteSize() || f.closed {
		return f.write(offset, data)
	}
	return deferred.Inline(func(co *deferred.Coro) (last Status, err error) {
		w := pieces{total: len(data), most: maxInFlight, size: f.client.WriteSize, send: func(at, n int) deferred.Deferred[int] {
			return deferred.Then(f.write(offset+uint64(at), data[at:at+n]), func(s Status) (int, error) {
				last = s
				return n, nil
			})
		}}
		if f.flags&FXFAppend != 0 {
			w.most = 1
		}
		_, err = w.run(co)
		return last, err
	})
}

func (f *ClientFile) write(offset uint64, data []byte) deferred.Deferred[Status] {
	return onFile(f, "write", func(o op) deferred.Deferred[Status] {
		e := newPacket(fxpWrite, stringSize(f.handle)+8+4+len(data))
		e.String(f.handle)
		e.Uint64(offset)
		e.Bytes(data)
		return request(f.client, e, o, statusAnswer)
	})
}
