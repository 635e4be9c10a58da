package reactor

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// sendPatience is the longest time that sending a datagram may take. Windows
// copies a datagram at once, unless its buffer is full.
const sendPatience = time.Millisecond

// udpSender sends datagrams. It belongs to the loop.
type udpSender struct{ u *udpPort }

func (s *udpSender) init(u *udpPort) { s.u = u }

// send sends a datagram, or returns the system's error.
func (s *udpSender) send(data []byte, to netip.AddrPort) error {
	if err := s.u.conn.SetWriteDeadline(time.Now().Add(sendPatience)); err != nil {
		return err
	}
	_, err := s.u.conn.WriteToUDPAddrPort(data, to)
	return err
}

// connectUDP connects a socket and returns its addresses.
func connectUDP(fd uintptr, to netip.AddrPort) (local, peer netip.AddrPort, err error) {
	if to.Addr().Zone() != "" {
		return local, peer, errors.ErrUnsupported
	}
	var sa windows.Sockaddr = &windows.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if to.Addr().Is4() {
		sa = &windows.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	if err = windows.Connect(windows.Handle(fd), sa); err != nil {
		return local, peer, err
	}
	if sa, err = windows.Getsockname(windows.Handle(fd)); err != nil {
		return local, peer, err
	}
	local = addrPortOf(sa)
	sa, err = windows.Getpeername(windows.Handle(fd))
	return local, addrPortOf(sa), err
}

func addrPortOf(sa windows.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *windows.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *windows.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func setBroadcast(fd uintptr, allowed bool) error {
	value := 0
	if allowed {
		value = 1
	}
	return windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_BROADCAST, value)
}

// allowMultiple lets several sockets use one port.
func allowMultiple(fd uintptr) error {
	return windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
}

// isFull reports whether the system has no room for a datagram now.
func isFull(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || isOneOf(err, windows.WSAENOBUFS, windows.WSAEWOULDBLOCK)
}

func isTooLong(err error) bool { return isOneOf(err, windows.WSAEMSGSIZE) }

// isRefused reports whether nobody listens on a peer's port.
func isRefused(err error) bool {
	return isOneOf(err, windows.WSAECONNRESET, windows.WSAENETRESET, windows.WSAECONNREFUSED)
}
