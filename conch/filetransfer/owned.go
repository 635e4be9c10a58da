package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// WriteHeadroom is the number of bytes in front of the data that
// [ClientFile.WriteOwned] uses for the header of the request.
const WriteHeadroom = 1 << 10

// The headroom is enough for every handle.
var _ [WriteHeadroom - (headerSize + 4 + maxHandle + 8 + 4)]byte

// WriteOwned writes buf[WriteHeadroom:] at offset like WriteChunk, but without
// copying the data: the header of the request is written to the end of
// buf[:WriteHeadroom]. The data is copied all the same if it does not fit into
// one request, see [FileTransferClient.WriteSize], or if the transport has no
// WriteOwned method.
//
// The caller must not use buf until release is called. WriteOwned calls release
// once, on any goroutine: when the transport no longer needs buf, when a write
// of several requests is done, or at once if all the data was copied or nothing
// is sent. The Deferred may fire before or after that.
func (f *ClientFile) WriteOwned(offset uint64, buf []byte, release func()) deferred.Deferred[Status] {
	c, data := f.client, buf[WriteHeadroom:]
	if len(data) > c.WriteSize() {
		return f.WriteChunk(offset, data).AddBoth(func(status Status, err error) (Status, error) {
			release()
			return status, err
		})
	}
	if c.writeOwn == nil || f.closed || c.refuse(len(data)) != nil {
		defer release()
		return f.write(offset, data)
	}
	packet := f.writeHeader(buf, offset)
	d, id := register(c, f.op("write"), statusAnswer)
	seal(packet, id)
	c.writeOwn(packet, release)
	return d
}

// writeHeader puts the header of a write in front of the data in buf. It
// returns the packet, without its length and id.
func (f *ClientFile) writeHeader(buf []byte, offset uint64) []byte {
	packet := buf[WriteHeadroom-(headerSize+stringSize(f.handle)+8+4):]
	e := wire.NewEncoder(packet[:lengthSize])
	e.Uint8(uint8(fxpWrite))
	e.Uint32(0) // the id; see seal
	e.String(f.handle)
	e.Uint64(offset)
	e.Uint32(uint32(len(buf) - WriteHeadroom))
	return packet
}
