package reactor

import (
	"net"
	"net/netip"
	"os"
	"strconv"
)

// IPAddress is the address of a TCP socket. It implements net.Addr. Values can
// be compared with == and used as map keys.
type IPAddress struct {
	netip.AddrPort // provides Addr and String
}

// Host returns the numeric address, with its zone if it has one.
func (a IPAddress) Host() string { return a.Addr().String() }

// Port returns the port.
func (a IPAddress) Port() int { return int(a.AddrPort.Port()) }

// Network returns "tcp".
func (a IPAddress) Network() string { return "tcp" }

// UDPAddress is the address of a UDP port. It implements net.Addr. Values can be
// compared with == and used as map keys.
type UDPAddress struct {
	netip.AddrPort // provides Addr and String
}

// Host returns the numeric address, with its zone if it has one.
func (a UDPAddress) Host() string { return a.Addr().String() }

// Port returns the port.
func (a UDPAddress) Port() int { return int(a.AddrPort.Port()) }

// Network returns "udp".
func (a UDPAddress) Network() string { return "udp" }

// UNIXAddress is the address of a UNIX socket. It implements net.Addr. Path is
// empty for a socket without a name, which the client's usually is. As in
// package net, a name in Linux's abstract namespace begins with "@".
type UNIXAddress struct{ Path string }

// String returns the path.
func (a UNIXAddress) String() string { return a.Path }

// Network returns "unix".
func (a UNIXAddress) Network() string { return "unix" }

// Same reports whether a and b are equal, or their paths name the same file.
func (a UNIXAddress) Same(b UNIXAddress) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a.Path)
	y, errY := os.Stat(b.Path)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// HostnameAddress is a host name, or an IP literal, and a port. The name has
// not been looked up. It implements net.Addr.
type HostnameAddress struct {
	Host string
	Port int
}

// String returns "host:port", with brackets around an IPv6 literal.
func (a HostnameAddress) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// Network returns "tcp".
func (a HostnameAddress) Network() string { return "tcp" }

// AddressOf returns a *net.TCPAddr as an IPAddress and a *net.UDPAddr as a
// UDPAddress, with an IPv4-mapped address as IPv4, and a *net.UnixAddr as a
// UNIXAddress. It returns any other address unchanged.
func AddressOf(a net.Addr) net.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return IPAddress{plainAddress(a.AddrPort())}
	case *net.UDPAddr:
		return UDPAddress{plainAddress(a.AddrPort())}
	case *net.UnixAddr:
		if a.Name == "@" { // on Linux, package net calls a socket without a name "@"
			return UNIXAddress{}
		}
		return UNIXAddress{a.Name}
	}
	return a
}

// plainAddress returns a with an IPv4-mapped IPv6 address as IPv4.
func plainAddress(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
