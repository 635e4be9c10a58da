package filetransfer

import (
	"errors"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// MaxChunk is the maximum number of bytes of file data in one request of
	// this package: the limit of OpenSSH.
	MaxChunk = 255 << 10

	// safeChunk is the number of bytes that every server reads or writes in one
	// request: servers must accept packets of 34,000 bytes (draft section 3).
	safeChunk = 32 << 10

	// minChunk is the minimum number of bytes to which reads and writes are
	// split, even if a server states or returns less.
	minChunk = 4 << 10
)

const extLimits = "limits@openssh.com"

// Limits are the limits that a server states with limits@openssh.com. A field
// is 0 if the server states nothing.
type Limits struct {
	MaxPacket  uint64 // bytes in a packet with its length
	MaxRead    uint64 // bytes in the answer to one read
	MaxWrite   uint64 // bytes of file data in one write
	MaxHandles uint64 // files and directories that are open at the same time
}

var limitsAnswer = answer[Limits]{typ: fxpExtendedReply, decode: func(d *wire.Decoder) (Limits, error) {
	return Limits{d.Uint64(), d.Uint64(), d.Uint64(), d.Uint64()}, nil
}}

// Limits asks the server for its limits (limits@openssh.com). Most programs
// need only KnownLimits.
func (c *FileTransferClient) Limits() deferred.Deferred[Limits] {
	return extended(c, extLimits, 0, nil, op{name: "limits"}, limitsAnswer)
}

// KnownLimits returns the limits that the server has stated. The client asks
// for them when the server announces limits@openssh.com. Until the answer
// arrives, and with other servers, the Limits are zero.
func (c *FileTransferClient) KnownLimits() Limits { return c.sizes.limits }

// AssumeLimitsOf copies from other, a client of the same server, the stated
// limits and the read size. The client then does not ask for the limits.
// AssumeLimitsOf must be called before MakeConnection.
func (c *FileTransferClient) AssumeLimitsOf(other *FileTransferClient) { c.sizes = other.sizes }

func (c *FileTransferClient) askLimits() {
	if c.sizes.limits != (Limits{}) {
		return
	}
	c.Limits().AddCallbacks(func(l Limits) (Limits, error) {
		c.sizes.limits = l
		return l, nil
	}, func(error) (Limits, error) { return Limits{}, nil }) // no limits are known then
}

// ReadSize returns the current maximum number of bytes in one read request. If
// the server states a limit, ReadSize is that limit, at most MaxChunk.
// Otherwise ReadSize starts at 32 KiB. It is doubled, up to MaxChunk, when the
// server answers in full, and follows the server's answers if they are short.
func (c *FileTransferClient) ReadSize() int {
	if n := c.sizes.limits.MaxRead; n > 0 {
		return int(min(max(n, minChunk), MaxChunk))
	}
	return c.sizes.read
}

// WriteSize returns the maximum number of bytes of file data in one write
// request: the limit that the server states, at most MaxChunk, or 32 KiB if
// the server states none.
func (c *FileTransferClient) WriteSize() int {
	n := c.sizes.limits.MaxWrite
	if n == 0 {
		n = safeChunk
	}
	if most := c.sizes.limits.MaxPacket; most > 0 {
		n = min(n, most-min(most, WriteHeadroom))
	}
	return int(min(max(n, minChunk), MaxChunk))
}

// sizes is the knowledge about the sizes of requests that a server accepts.
type sizes struct {
	limits  Limits
	read    int // the result of ReadSize while the server states no limit
	readMax int // the maximum of read, at most MaxChunk
}

var initialSizes = sizes{read: safeChunk, readMax: MaxChunk}

// answered records that the server has answered a read of size bytes in full.
func (s *sizes) answered(size int) {
	if size >= s.read {
		s.read = min(2*s.read, s.readMax)
	}
}

// cut records that the server has answered a read with only n bytes although
// the file goes on. From 32 KiB on n is a limit of the server. Fewer bytes
// concern this file, which may be in /proc, so read may grow again later.
func (s *sizes) cut(n int) {
	if n >= safeChunk {
		s.readMax = min(s.readMax, n)
	}
	s.read = min(s.read, max(n, minChunk))
}

// refused records that the server has refused to read more than 32 KiB.
func (s *sizes) refused() { s.read, s.readMax = safeChunk, safeChunk }

// mayBeTooLong reports whether a read of size bytes may have failed with err
// because of its size.
func (s *sizes) mayBeTooLong(size int, err error) bool {
	status, refused := errors.AsType[*StatusError](err)
	return refused && status.Code != FXEOF && size > safeChunk && s.limits.MaxRead == 0
}
