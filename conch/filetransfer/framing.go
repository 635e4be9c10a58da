package filetransfer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/frame"
)

const (
	lengthSize = frame.LengthSize // the uint32 in front of each packet: draft section 3

	// dataHeaderSize is what a SSH_FXP_DATA begins with, its length not counted: type, request id, length of the data (draft section 7).
	dataHeaderSize = 1 + 4 + 4

	// maxData is the most file data that one packet may carry, in bytes.
	maxData = 256 << 10

	// maxPacket is the longest packet that a server may send, in bytes, the length itself not counted: maxData and room for what surrounds
	// it. OpenSSH and pkg/sftp stop at 256 KiB altogether.
	maxPacket = maxData + 1<<10
)

// newReader returns what cuts the stream from the server into packets (C-SFTP-3, C-SFTP-6). place says where the data of the reply to a request
// goes, of which there are n bytes; nil for nowhere.
func newReader(place func(id uint32, n int64) []byte) frame.Reader {
	r := frame.NewReader(maxPacket)
	r.SetPlace(dataHeaderSize, func(header []byte, rest int) []byte {
		n := int64(binary.BigEndian.Uint32(header[5:]))
		if PacketType(header[0]) != fxpData || n > int64(rest) {
			return nil // for deliver to find fault with
		}
		return place(packetID(header), n)
	})
	return r
}

// packetID returns the request id of a packet, of which at least the type and the id are there.
func packetID(packet []byte) uint32 { return binary.BigEndian.Uint32(packet[1:]) }

// lengthError makes what a Reader fails with an ErrPacketLength.
func lengthError(err error) error {
	if length, ok := errors.AsType[*frame.LengthError](err); ok {
		return fmt.Errorf("%w: %d bytes, allowed are 1 to %d", ErrPacketLength, length.Length, length.Limit)
	}
	return err
}
