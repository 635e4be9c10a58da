package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// MaxChunk is the most file data that is sent or asked for in one packet, in bytes: as much as OpenSSH allows.
const MaxChunk = 255 << 10

const (
	// cautiousWrite is the most data in a write to a server that does not state its limits, in bytes: every server takes packets of 34,000
	// bytes (draft section 3).
	cautiousWrite = 32 << 10

	// minChunk is the least that reads and writes are split to, in bytes, whatever a server states or gives.
	minChunk = 4 << 10
)

const extLimits = "limits@openssh.com"

// Limits are what a server states about itself (limits@openssh.com). A field is 0 if it states nothing.
type Limits struct {
	MaxPacket  uint64 // bytes in a packet, its length included
	MaxRead    uint64 // bytes that one read gives
	MaxWrite   uint64 // bytes that one write may carry
	MaxHandles uint64 // files and directories open at a time
}

var limitsAnswer = answer[Limits]{typ: fxpExtendedReply, decode: func(d *wire.Decoder) (Limits, error) {
	return Limits{d.Uint64(), d.Uint64(), d.Uint64(), d.Uint64()}, nil
}}

// Limits asks the server for its limits, with limits@openssh.com.
func (c *FileTransferClient) Limits() deferred.Deferred[Limits] {
	return extended(c, extLimits, 0, nil, op{name: "limits"}, limitsAnswer)
}

// KnownLimits returns the limits that the server has stated. A client asks by itself as soon as the server has announced that it knows the
// question; before the answer, and with other servers, the Limits are zero.
func (c *FileTransferClient) KnownLimits() Limits { return c.limits }

// AssumeLimitsOf makes a client that is not connected yet take what another one has learnt about the same server, its limits and the size
// of its answers, for granted instead of asking.
func (c *FileTransferClient) AssumeLimitsOf(other *FileTransferClient) {
	c.limits, c.readSize = other.limits, other.readSize
}

func (c *FileTransferClient) askLimits() {
	if c.limits != (Limits{}) {
		return
	}
	c.Limits().AddCallbacks(func(l Limits) (Limits, error) {
		c.limits = l
		return l, nil
	}, func(error) (Limits, error) { return Limits{}, nil }) // then it has none
}

// ReadSize returns the number of bytes that reads of files are split to: what the server states, at most MaxChunk; of one that states nothing,
// when its answers have turned out to be shorter than that, as much as it gives.
func (c *FileTransferClient) ReadSize() int {
	if n := c.limits.MaxRead; n > 0 {
		return int(min(max(n, minChunk), uint64(c.readSize)))
	}
	return c.readSize
}

// WriteSize returns the number of bytes that writes to files are split to: what the server states, at most MaxChunk, or 32 KiB if it states
// nothing. A write of that size fits into a packet that the server takes.
func (c *FileTransferClient) WriteSize() int {
	n := c.limits.MaxWrite
	if n == 0 {
		n = cautiousWrite
	}
	if most := c.limits.MaxPacket; most > 0 {
		n = min(n, most-min(most, WriteHeadroom))
	}
	return int(min(max(n, minChunk), MaxChunk))
}

// answeredShort notes that the server gave only n bytes where more were to be had. From one that states what it gives, that is about the file at
// hand, which may be one of /proc.
func (c *FileTransferClient) answeredShort(n int) {
	if c.limits.MaxRead > 0 {
		return
	}
	c.readSize = min(c.readSize, max(n, minChunk))
}
