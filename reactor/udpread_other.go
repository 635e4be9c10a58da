//go:build !unix

package reactor

import "net"

// socketSource reads single datagrams from a socket.
type socketSource struct {
	conn *net.UDPConn
	buf  []byte
}

func newSocketSource(u *udpPort, maxPacketSize int) *socketSource {
	return &socketSource{u.conn, make([]byte, maxPacketSize)}
}

// read implements datagramSource.
func (s *socketSource) read(into []datagram) (batch, error) {
	n, from, err := s.conn.ReadFromUDPAddrPort(s.buf)
	if err != nil {
		return batch{}, err
	}
	into[0] = datagram{data: cloneBytes(s.buf[:n]), from: from}
	return batch{n: 1, more: true}, nil
}
