package reactor

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// countDrops makes the system report, with each datagram, how many it has
// dropped before.
func countDrops(fd uintptr) error {
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
}

// dropsSize is the size of the control message with the report.
var dropsSize = unix.CmsgSpace(4)

// dropCounter follows the system's number of drops, which has 32 bits.
type dropCounter struct{ last uint32 }

// add returns the number of drops since the last report. It is 0 if controls,
// the control messages of a datagram, have no report.
func (c *dropCounter) add(controls []byte) uint64 {
	for len(controls) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(controls)
		if err != nil {
			break
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			now := binary.NativeEndian.Uint32(data)
			more := now - c.last
			c.last = now
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
