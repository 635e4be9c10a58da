//go:build unix

package reactor

import (
	"net"

	"golang.org/x/net/ipv4"
)

// socketSource reads from a socket, on Linux several datagrams with one system
// call.
type socketSource struct {
	conn     *ipv4.PacketConn // reads from IPv6 sockets, too
	messages []ipv4.Message
	drops    dropCounter
}

// batchBytes is the size of the buffers for one read, and batchMax the largest
// number of datagrams that it can bring.
const (
	batchBytes = 64 << 10
	batchMax   = 16
)

func newSocketSource(u *udpPort, maxPacketSize int) *socketSource {
	_ = control(u.raw, countDrops) // without it, no drops are reported
	s := &socketSource{conn: ipv4.NewPacketConn(u.conn)}
	s.messages = make([]ipv4.Message, max(1, min(batchMax, batchBytes/maxPacketSize)))
	for i := range s.messages {
		s.messages[i].Buffers = [][]byte{make([]byte, maxPacketSize)}
		s.messages[i].OOB = make([]byte, dropsSize)
	}
	return s
}

// read implements datagramSource.
func (s *socketSource) read(into []datagram) (b batch, err error) {
	messages := s.messages[:min(len(into), len(s.messages))]
	if b.n, err = s.conn.ReadBatch(messages, 0); err != nil {
		return batch{}, err
	}
	for i := range b.n {
		m := &messages[i]
		into[i] = datagram{data: cloneBytes(m.Buffers[0][:m.N]), from: m.Addr.(*net.UDPAddr).AddrPort()}
		b.dropped += s.drops.add(m.OOB[:m.NN])
	}
	b.more = b.n == len(messages)
	return b, nil
}
