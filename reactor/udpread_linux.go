package reactor

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// batchBytes is the size of the buffers for one read, and batchMax the largest
// number of datagrams that it can bring.
const (
	batchBytes = 64 << 10
	batchMax   = 16
)

// batchReader reads several datagrams with one system call. It belongs to one
// goroutine.
type batchReader struct {
	conn     *ipv4.PacketConn // reads from IPv6 sockets, too
	messages []ipv4.Message
	drops    uint32 // as the system has reported it last
}

func newBatchReader(u *udpPort, maxPacketSize int) *batchReader {
	_ = control(u.raw, func(fd uintptr) error { // without this, no drops are reported
		return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
	b := &batchReader{conn: ipv4.NewPacketConn(u.conn)}
	b.messages = make([]ipv4.Message, max(1, min(batchMax, batchBytes/maxPacketSize)))
	for i := range b.messages {
		b.messages[i].Buffers = [][]byte{make([]byte, maxPacketSize)}
		b.messages[i].OOB = make([]byte, unix.CmsgSpace(4)) // for the number of drops
	}
	return b
}

// read waits for datagrams and stores at least one, at most len(into).
func (b *batchReader) read(into []datagram) (n int, dropped uint64, err error) {
	n, err = b.conn.ReadBatch(b.messages[:min(len(into), len(b.messages))], 0)
	if err != nil {
		return 0, 0, err
	}
	for i := range n {
		m := &b.messages[i]
		into[i] = datagram{data: cloneBytes(m.Buffers[0][:m.N]), from: sender(m.Addr)}
		dropped += b.dropsIn(m.OOB[:m.NN])
	}
	return n, dropped, nil
}

func sender(a net.Addr) netip.AddrPort { return a.(*net.UDPAddr).AddrPort() }

// dropsIn returns the number of datagrams that were dropped before one with
// these control messages, and after the last call. The system's number has 32
// bits.
func (b *batchReader) dropsIn(controls []byte) uint64 {
	for len(controls) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(controls)
		if err != nil {
			break
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			now := binary.NativeEndian.Uint32(data)
			more := now - b.drops
			b.drops = now
			return uint64(more)
		}
		controls = rest
	}
	return 0
}

// ownGroupsOnly makes a socket receive only the datagrams of the multicast
// groups that it has joined itself. By default Linux also delivers those of
// groups that others have joined. Old systems have the option for IPv4 only.
func ownGroupsOnly(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
}
