//go:build unix

package reactor

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// udpSender sends datagrams without blocking. It belongs to the loop.
type udpSender struct {
	raw      syscall.RawConn
	writable func(fd uintptr) bool

	// Arguments and result of trySend.
	data []byte
	to   unix.Sockaddr // nil on a connected socket
	err  error

	to4 unix.SockaddrInet4 // to points to one of these
	to6 unix.SockaddrInet6
	u   *udpPort
}

func (s *udpSender) init(u *udpPort) {
	s.raw, s.u = u.raw, u
	s.writable = s.trySend
}

// send sends a datagram, or returns the system's error.
func (s *udpSender) send(data []byte, to netip.AddrPort) error {
	s.to = nil
	if !s.u.peer.IsValid() {
		sa, err := s.sockaddr(to)
		if err != nil {
			return err
		}
		s.to = sa
	}
	s.data, s.err = data, nil
	err := s.raw.Write(s.writable)
	s.data = nil
	if err != nil {
		return err
	}
	return s.err
}

// trySend sends once. It always returns true, because the loop must not wait
// until the socket is writable.
func (s *udpSender) trySend(fd uintptr) bool {
	for {
		if s.to == nil {
			_, s.err = unix.SendmsgN(int(fd), s.data, nil, nil, 0)
		} else {
			s.err = unix.Sendto(int(fd), s.data, 0, s.to)
		}
		if s.err != unix.EINTR {
			return true
		}
	}
}

func (s *udpSender) sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if a.Addr().Is4() {
		s.to4.Port, s.to4.Addr = int(a.Port()), a.Addr().As4()
		return &s.to4, nil
	}
	zone, err := zoneIndex(a.Addr().Zone())
	s.to6.Port, s.to6.Addr, s.to6.ZoneId = int(a.Port()), a.Addr().As16(), zone
	return &s.to6, err
}

// zoneIndex returns the index of the network interface that a zone names.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if i, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(i), nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(ifi.Index), nil
}

// zoneName is the inverse of zoneIndex, as package net has it.
func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		return ifi.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}

// connectUDP connects a socket and returns its addresses.
func connectUDP(fd uintptr, to netip.AddrPort) (local, peer netip.AddrPort, err error) {
	sa, err := new(udpSender).sockaddr(to)
	if err == nil {
		err = unix.Connect(int(fd), sa)
	}
	if err != nil {
		return local, peer, err
	}
	if sa, err = unix.Getsockname(int(fd)); err != nil {
		return local, peer, err
	}
	local = addrPortOf(sa)
	sa, err = unix.Getpeername(int(fd))
	return local, addrPortOf(sa), err
}

func addrPortOf(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).WithZone(zoneName(sa.ZoneId)), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func setBroadcast(fd uintptr, allowed bool) error {
	value := 0
	if allowed {
		value = 1
	}
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, value)
}

// allowMultiple lets several sockets use one port.
func allowMultiple(fd uintptr) error {
	err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	return err
}

// isFull reports whether the system has no room for a datagram now.
func isFull(err error) bool { return isOneOf(err, unix.EAGAIN, unix.ENOBUFS) }

func isTooLong(err error) bool { return isOneOf(err, unix.EMSGSIZE) }

// isRefused reports whether nobody listens on a peer's port.
func isRefused(err error) bool { return isOneOf(err, unix.ECONNREFUSED) }
