//go:build !linux

package reactor

import "net"

// batchReader reads single datagrams: these systems have no call for several.
// It belongs to one goroutine.
type batchReader struct {
	conn *net.UDPConn
	buf  []byte
}

func newBatchReader(u *udpPort, maxPacketSize int) *batchReader {
	return &batchReader{u.conn, make([]byte, maxPacketSize)}
}

// read waits for datagrams and stores at least one, at most len(into). These
// systems do not say how many they have dropped.
func (b *batchReader) read(into []datagram) (n int, dropped uint64, err error) {
	n, from, err := b.conn.ReadFromUDPAddrPort(b.buf)
	if err != nil {
		return 0, 0, err
	}
	into[0] = datagram{data: cloneBytes(b.buf[:n]), from: from}
	return 1, 0, nil
}

// ownGroupsOnly does nothing: here a socket receives only the datagrams of the
// multicast groups that it has joined itself.
func ownGroupsOnly(uintptr) {}
