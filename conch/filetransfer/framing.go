package filetransfer

import (
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	lengthSize = 4 // the uint32 in front of each packet: draft section 3

	// dataHeaderSize is what a SSH_FXP_DATA begins with, its length not counted: type, request id, length of the data (draft section 7).
	dataHeaderSize = 1 + 4 + 4

	// maxData is the most file data that one packet may carry, in bytes.
	maxData = 256 << 10

	// maxPacket is the longest packet that a server may send, in bytes, the length itself not counted: maxData and room for what surrounds
	// it. OpenSSH and pkg/sftp stop at 256 KiB altogether.
	maxPacket = maxData + 1<<10
)

// framer cuts a stream of bytes into packets (C-SFTP-3, C-SFTP-6). A packet that lies whole in one chunk is not copied; file data for which
// there is a place to go is copied there as it comes; any other packet that spans chunks is gathered in a buffer of its own. The zero value is
// ready for use.
type framer struct {
	in       []byte                            // what was fed and not looked at yet
	head     [lengthSize + dataHeaderSize]byte // the beginning of the packet at hand, as much of it as is needed
	have     int                               // how many bytes of it are there
	gathered []byte                            // the beginning of a packet that reaches past the chunk; its capacity is the packet's length
	place    func(id uint32, n int) []byte     // where n bytes of data for a request go, nil for nowhere; may itself be nil

	streaming bool   // the packet at hand is data that goes to its place
	body      []byte // the rest of that place; nil once the request was given up
	skip      int    // bytes of the packet that are left and go nowhere
	streamed  bool   // the packet that next returned last has its data in its place; it is dataHeaderSize bytes long
}

// feed adds p to what there is to cut. p may be used again when next has returned nil, unless a packet that lies in it is kept.
func (f *framer) feed(p []byte) {
	if len(f.in) == 0 {
		f.in = p
		return
	}
	f.in = append(slices.Clip(f.in), p...)
}

// next returns the next packet without its length, or nil if more bytes are needed first. An error, always one that wraps ErrPacketLength,
// is final.
func (f *framer) next() ([]byte, error) {
	f.streamed = false
	if f.gathered == nil && !f.streaming {
		whole, err := f.start()
		if whole != nil || err != nil {
			return whole, err
		}
	}
	switch {
	case f.streaming:
		return f.stream(), nil
	case f.gathered != nil:
		return f.gather(), nil
	default:
		return nil, nil
	}
}

// start begins a packet: it returns it if it is there whole, or makes the place to gather or stream it to if enough of it is known, or else does
// neither.
func (f *framer) start() ([]byte, error) {
	if f.have < lengthSize && !f.fill(lengthSize) {
		return nil, nil
	}
	size := int64(binary.BigEndian.Uint32(f.head[:]))
	if size == 0 || size > maxPacket {
		return nil, fmt.Errorf("%w: %d bytes, allowed are 1 to %d", ErrPacketLength, size, maxPacket)
	}
	if f.have == lengthSize && int(size) <= len(f.in) {
		f.have = 0
		whole := f.in[:size:size]
		f.in = f.in[size:]
		return whole, nil
	}
	if size >= dataHeaderSize && !f.fill(lengthSize+dataHeaderSize) {
		return nil, nil
	}
	f.divert(int(size))
	return nil, nil
}

// fill reads the head up to n bytes and reports whether it is there.
func (f *framer) fill(n int) bool {
	got := copy(f.head[f.have:n], f.in)
	f.in = f.in[got:]
	f.have += got
	if f.have < n {
		f.in = nil // used up; it may be part of something large
	}
	return f.have == n
}

// divert decides where a packet of size bytes goes that is not there whole.
func (f *framer) divert(size int) {
	head := f.head[lengthSize:f.have]
	f.have = 0
	if f.place != nil && len(head) == dataHeaderSize && PacketType(head[0]) == fxpData {
		n, room := binary.BigEndian.Uint32(head[5:]), size-dataHeaderSize
		if int64(n) <= int64(room) {
			if f.body = f.place(binary.BigEndian.Uint32(head[1:]), int(n)); f.body != nil {
				f.streaming, f.skip = true, room-int(n)
				return
			}
		}
	}
	f.gathered = append(make([]byte, 0, size), head...)
}

// stream copies data to its place.
func (f *framer) stream() []byte {
	n := copy(f.body, f.in)
	f.body, f.in = f.body[n:], f.in[n:]
	dropped := 0
	if len(f.body) == 0 {
		dropped = min(f.skip, len(f.in))
		f.skip -= dropped
		f.in = f.in[dropped:]
	}
	if len(f.body) > 0 || f.skip > 0 {
		f.in = nil
		return nil
	}
	f.streaming, f.streamed, f.body = false, true, nil
	return f.head[lengthSize:]
}

// giveUp makes what is still to come of data for a request go nowhere.
func (f *framer) giveUp(id uint32) {
	if f.streaming && binary.BigEndian.Uint32(f.head[lengthSize+1:]) == id {
		f.skip += len(f.body)
		f.body = nil
	}
}

func (f *framer) gather() []byte {
	n := min(cap(f.gathered)-len(f.gathered), len(f.in))
	f.gathered = append(f.gathered, f.in[:n]...)
	f.in = f.in[n:]
	if len(f.gathered) < cap(f.gathered) {
		f.in = nil
		return nil
	}
	packet := f.gathered
	f.gathered = nil
	return packet
}
