package filetransfer

import (
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	// lengthSize is the size of the length that precedes each packet, in bytes
	// (draft section 3).
	lengthSize = 4

	// dataHeaderSize is the size of the fields before the file data in an
	// SSH_FXP_DATA packet, without its length: type, request id, length of the
	// data (draft section 7).
	dataHeaderSize = 1 + 4 + 4

	// maxData is the maximum number of bytes of file data in one packet.
	maxData = 256 << 10

	// maxPacket is the maximum length of a packet from the server, in bytes. It
	// leaves room for maxData and the fields around it. The clients of OpenSSH
	// and pkg/sftp stop at 256 KiB for the whole packet.
	maxPacket = maxData + 1<<10
)

// reader splits the stream from the server into packets. A packet that one
// chunk contains completely is not copied. Other packets are copied once: file
// data to its destination, everything else to a new buffer.
type reader struct {
	limit int // the maximum length of a packet

	// place returns the memory for the end of a packet that begins with the
	// given header, which is followed by rest more bytes. It returns nil if the
	// packet is to be read as usual. It must not keep its argument.
	place func(header []byte, rest int) []byte

	// header is the length of the header for place, at most dataHeaderSize.
	header int

	// allocate returns the memory for a packet of size bytes that is copied.
	// Nil means make.
	allocate func(size int) []byte

	in    []byte // fed, but not used yet
	owned bool   // in is a buffer that feed may append to

	// head has the first bytes of the current packet, have of them: its length,
	// then its header.
	head [lengthSize + dataHeaderSize]byte
	have int

	filling filling
	copied  bool // the last packet of next is not a part of a chunk
}

// filling is a packet that is being copied.
type filling struct {
	packet []byte // the result of next; nil if no packet is being copied
	rest   []byte // memory that is not filled yet
	skip   int    // the number of bytes after rest that are dropped
	placed bool   // rest came from place, and packet is only the header
}

// newReader returns a reader for packets from a server. place returns the
// destination of the n bytes of file data in the reply to a request, or nil.
func newReader(place func(id uint32, n int64) []byte) reader {
	return reader{limit: maxPacket, header: dataHeaderSize, place: func(header []byte, rest int) []byte {
		n := int64(binary.BigEndian.Uint32(header[5:]))
		if PacketType(header[0]) != fxpData || n > int64(rest) {
			return nil // deliver reports the error
		}
		return place(packetID(header), n)
	}}
}

// packetID returns the request id of a packet that has at least type and id.
func packetID(packet []byte) uint32 { return binary.BigEndian.Uint32(packet[1:]) }

// feed appends p to the stream. The caller must not use p afterwards. If
// earlier data is not used up, p is copied to a buffer that grows
// exponentially, so that many small chunks are cheap.
func (r *reader) feed(p []byte) {
	switch {
	case len(r.in) == 0:
		r.in, r.owned = p, false
	case !r.owned:
		r.in, r.owned = append(slices.Clip(r.in), p...), true
	default:
		r.in = append(r.in, p...)
	}
}

// next returns the next packet without its length, or nil if it needs more
// data. If placed is true, the packet is only a header, valid until the next
// call, and the bytes after it are in the memory from place. Otherwise the
// caller owns the packet. The error is ErrPacketLength, wrapped; the stream
// cannot be read any further then.
func (r *reader) next() (packet []byte, placed bool, err error) {
	if r.filling.packet == nil {
		whole, err := r.begin()
		if whole != nil || err != nil {
			r.copied = false
			return whole, false, err
		}
	}
	r.copied = true
	return r.fill(), r.filling.placed, nil
}

// begin begins a packet. It returns the packet if the data contains all of it.
// Otherwise, if the data contains the header, begin chooses the memory to which
// the packet is copied.
func (r *reader) begin() ([]byte, error) {
	r.filling = filling{}
	if r.have < lengthSize && !r.fillHead(lengthSize) {
		return nil, nil
	}
	size := binary.BigEndian.Uint32(r.head[:])
	if size == 0 || uint64(size) > uint64(r.limit) {
		return nil, fmt.Errorf("%w: %d bytes, not 1 to %d", ErrPacketLength, size, r.limit)
	}
	if r.have == lengthSize && int(size) <= len(r.in) {
		r.have = 0
		whole := r.in[:size:size]
		r.drop(int(size))
		return whole, nil
	}
	header := 0
	if int(size) >= r.header {
		header = r.header
	}
	if r.fillHead(lengthSize + header) {
		r.have = 0
		r.filling = r.destination(r.head[lengthSize:lengthSize+header], int(size))
	}
	return nil, nil
}

// destination chooses the memory for a packet of size bytes. The header is
// empty if the packet is too short for place.
func (r *reader) destination(header []byte, size int) filling {
	if r.place != nil && len(header) == r.header {
		if body := r.place(header, size-len(header)); body != nil {
			return filling{packet: header, rest: body, skip: size - len(header) - len(body), placed: true}
		}
	}
	packet := r.newPacket(size)
	return filling{packet: packet, rest: packet[copy(packet, header):]}
}

func (r *reader) newPacket(size int) []byte {
	if r.allocate != nil {
		return r.allocate(size)
	}
	return make([]byte, size)
}

// fillHead moves data to head until it has n bytes. The result is whether head
// is full.
func (r *reader) fillHead(n int) bool {
	got := copy(r.head[r.have:n], r.in)
	r.drop(got)
	r.have += got
	return r.have == n
}

// fill moves data to the memory of the current packet. It returns the packet at
// its end.
func (r *reader) fill() []byte {
	f := &r.filling
	n := copy(f.rest, r.in)
	f.rest = f.rest[n:]
	r.drop(n)
	if len(f.rest) == 0 {
		n = min(f.skip, len(r.in))
		f.skip -= n
		r.drop(n)
	}
	if len(f.rest) > 0 || f.skip > 0 {
		return nil
	}
	packet := f.packet
	f.packet = nil
	return packet
}

// placing returns the header of the packet that is being copied to memory from
// place, or nil.
func (r *reader) placing() []byte {
	if !r.filling.placed {
		return nil
	}
	return r.filling.packet
}

// giveUpPlace stops the use of the memory from place. The remaining bytes of
// the packet are dropped.
func (r *reader) giveUpPlace() {
	r.filling.skip += len(r.filling.rest)
	r.filling.rest = nil
}

// drop removes the first n bytes of the data. It keeps no reference to an empty
// chunk, which may be part of a large buffer.
func (r *reader) drop(n int) {
	if r.in = r.in[n:]; len(r.in) == 0 {
		r.in, r.owned = nil, false
	}
}
