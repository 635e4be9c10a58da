package reactor

import (
	"net"
	"net/netip"
	"os"
	"strconv"
)

// IPAddress is the address of a TCP endpoint. It is a net.Addr. Values are equal if their fields are, and may be keys of maps (R205).
type IPAddress struct {
	netip.AddrPort // Addr, and more
}

// Host returns the numeric address, with its zone if it has one.
func (a IPAddress) Host() string { return a.Addr().String() }

// Port returns the port.
func (a IPAddress) Port() int { return int(a.AddrPort.Port()) }

// Network returns "tcp".
func (a IPAddress) Network() string { return "tcp" }

// UNIXAddress is the address of a UNIX socket. The path is empty for the end that has no name (R206).
type UNIXAddress struct{ Path string }

func (a UNIXAddress) String() string { return a.Path }

// Same reports whether the two addresses are equal, or their paths the same file.
func (a UNIXAddress) Same(b UNIXAddress) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a.Path)
	y, errY := os.Stat(b.Path)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// HostnameAddress is a name and a port that have not been looked up (R207).
type HostnameAddress struct {
	Host string
	Port int
}

func (a HostnameAddress) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// Network returns "unix".
func (a UNIXAddress) Network() string { return "unix" }

// Network returns "tcp".
func (a HostnameAddress) Network() string { return "tcp" }

// AddressOf returns the address of a socket as one of the types above, if it is of one of their kinds.
func AddressOf(a net.Addr) net.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		ap := a.AddrPort()
		return IPAddress{netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}
	case *net.UnixAddr:
		return UNIXAddress{a.Name}
	}
	return a
}

// IsIPv4Address reports whether s is an IPv4 literal (R208).
func IsIPv4Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// IsIPv6Address reports whether s is an IPv6 literal, with or without a zone (R208).
func IsIPv6Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}
