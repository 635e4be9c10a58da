package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// WriteHeadroom is the number of bytes in front of the data that WriteOwned
// needs for the header of the request.
const WriteHeadroom = 1 << 10

// The headroom is enough for every handle.
var _ [WriteHeadroom - (headerSize + 4 + maxHandle + 8 + 4)]byte

// WriteOwned writes buf[WriteHeadroom:] at offset without copying the data.
// The first WriteHeadroom bytes of buf are overwritten with the header of the
// request. The data must fit into one request; see [FileTransferClient.WriteSize].
//
// The caller must not change buf until release is called. WriteOwned calls
// release once, on any goroutine: when buf has been sent, or at once if the
// transport has no WriteOwned method or the request cannot be sent.
func (f *ClientFile) WriteOwned(offset uint64, buf []byte, release func()) deferred.Deferred[Status] {
	c, n := f.client, len(buf)-WriteHeadroom
	if f.closed || c.writeOwn == nil || n > c.WriteSize() {
		defer release()
		return f.WriteChunk(offset, buf[WriteHeadroom:])
	}
	if err := c.refuse(n); err != nil {
		defer release()
		return deferred.Fail[Status](f.op("write").wrap(err))
	}
	size := headerSize + stringSize(f.handle) + 8 + 4
	packet := buf[WriteHeadroom-size:]
	e := wire.NewEncoder(packet[:lengthSize])
	e.Uint8(uint8(fxpWrite))
	e.Uint32(0) // the id; see seal
	e.String(f.handle)
	e.Uint64(offset)
	e.Uint32(uint32(n))
	d, id := register(c, f.op("write"), statusAnswer)
	seal(packet, id)
	c.writeOwn(packet, release)
	return d
}
