//go:build !unix && !windows

package reactor

import (
	"errors"
	"net/netip"
)

// udpSender sends datagrams. It belongs to the loop.
type udpSender struct{ u *udpPort }

func (s *udpSender) init(u *udpPort) { s.u = u }

func (s *udpSender) send(data []byte, to netip.AddrPort) error {
	_, err := s.u.conn.WriteToUDPAddrPort(data, to)
	return err
}

func connectUDP(uintptr, netip.AddrPort) (local, peer netip.AddrPort, err error) {
	return local, peer, errors.ErrUnsupported
}

func setBroadcast(_ uintptr, allowed bool) error {
	if allowed {
		return errors.ErrUnsupported
	}
	return nil
}

func allowMultiple(uintptr) error { return errors.ErrUnsupported }

func isFull(error) bool { return false }

func isTooLong(error) bool { return false }

func isRefused(error) bool { return false }
