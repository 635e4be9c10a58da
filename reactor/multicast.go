package reactor

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/hawser-go/hawser/deferred"
)

// MulticastTransport is a [DatagramTransport] that can send to multicast groups
// and receive from them. All methods belong to the loop.
//
// An interface is a network interface of this machine: its name, one of its
// addresses, or "" for the system's choice. After StopListening the methods
// fail with an error that wraps net.ErrClosed.
type MulticastTransport interface {
	DatagramTransport

	// JoinGroup begins to receive the datagrams that are sent to a group, and
	// LeaveGroup ends that. The group is a multicast address of the port's
	// family, or a host name that has one. The Deferreds fail with a
	// *[MulticastJoinError]; cancelling them stops the lookup of the name.
	JoinGroup(group, iface string) deferred.Deferred[struct{}]
	LeaveGroup(group, iface string) deferred.Deferred[struct{}]

	// SetTTL sets the number of networks that a datagram to a group may enter,
	// from 0 to 255. At first it is 1: datagrams stay in the local network.
	SetTTL(ttl int) error
	GetTTL() (int, error)

	// SetLoopbackMode sets whether datagrams to a group also reach the group's
	// members on this machine. At first they do.
	SetLoopbackMode(on bool) error
	GetLoopbackMode() (bool, error)

	// SetOutgoingInterface sets the interface that datagrams to groups are sent
	// on. GetOutgoingInterface returns its name, or "" if the system chooses.
	SetOutgoingInterface(iface string) error
	GetOutgoingInterface() string
}

// multicastConn has the options that ipv4.PacketConn and ipv6.PacketConn share.
type multicastConn interface {
	JoinGroup(ifi *net.Interface, group net.Addr) error
	LeaveGroup(ifi *net.Interface, group net.Addr) error
	MulticastLoopback() (bool, error)
	SetMulticastLoopback(on bool) error
	SetMulticastInterface(ifi *net.Interface) error
}

func (u *udpPort) multicast() multicastConn {
	if u.is4() {
		return ipv4.NewPacketConn(u.conn)
	}
	return ipv6.NewPacketConn(u.conn)
}

// JoinGroup implements [MulticastTransport].
func (u *udpPort) JoinGroup(group, iface string) deferred.Deferred[struct{}] {
	u.r.mustBeOnLoop("JoinGroup")
	return u.changeGroup(group, iface, multicastConn.JoinGroup)
}

// LeaveGroup implements [MulticastTransport].
func (u *udpPort) LeaveGroup(group, iface string) deferred.Deferred[struct{}] {
	u.r.mustBeOnLoop("LeaveGroup")
	return u.changeGroup(group, iface, multicastConn.LeaveGroup)
}

// changeGroup looks the group up and calls change with it.
func (u *udpPort) changeGroup(
	group, iface string, change func(multicastConn, *net.Interface, net.Addr) error,
) deferred.Deferred[struct{}] {
	family := "ip6"
	if u.is4() {
		family = "ip4"
	}
	return deferred.ThenBoth(u.r.Resolve(family, group), func(addrs []netip.Addr, err error) (none struct{}, _ error) {
		if err == nil {
			err = u.setOption(func() error { return u.changeMember(addrs, iface, change) })
		}
		if err != nil {
			err = &MulticastJoinError{Group: group, Interface: iface, Err: err}
		}
		return none, err
	})
}

func (u *udpPort) changeMember(
	addrs []netip.Addr, iface string, change func(multicastConn, *net.Interface, net.Addr) error,
) error {
	if len(addrs) == 0 || !addrs[0].IsMulticast() || addrs[0].Is4() != u.is4() {
		return errNotMulticast
	}
	ifi, err := interfaceOf(iface)
	if err != nil {
		return err
	}
	return change(u.multicast(), ifi, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addrs[0], 0)))
}

// interfaceOf returns the network interface with a name or an address, or nil
// for "".
func interfaceOf(iface string) (*net.Interface, error) {
	if iface == "" {
		return nil, nil
	}
	addr, err := netip.ParseAddr(iface)
	if err != nil {
		return net.InterfaceByName(iface)
	}
	if addr == netip.IPv4Unspecified() || addr == netip.IPv6Unspecified() {
		return nil, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, ifi := range all {
		own, err := ifi.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range own {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == addr.WithZone("") {
				return &ifi, nil
			}
		}
	}
	return nil, fmt.Errorf("reactor: no network interface has the address %v", addr)
}

// SetTTL implements [MulticastTransport].
func (u *udpPort) SetTTL(ttl int) error {
	u.r.mustBeOnLoop("SetTTL")
	return u.setOption(func() error {
		if u.is4() {
			return ipv4.NewPacketConn(u.conn).SetMulticastTTL(ttl)
		}
		return ipv6.NewPacketConn(u.conn).SetMulticastHopLimit(ttl)
	})
}

// GetTTL implements [MulticastTransport].
func (u *udpPort) GetTTL() (ttl int, err error) {
	u.r.mustBeOnLoop("GetTTL")
	err = u.setOption(func() (err error) {
		if u.is4() {
			ttl, err = ipv4.NewPacketConn(u.conn).MulticastTTL()
		} else {
			ttl, err = ipv6.NewPacketConn(u.conn).MulticastHopLimit()
		}
		return err
	})
	return ttl, err
}

// SetLoopbackMode implements [MulticastTransport].
func (u *udpPort) SetLoopbackMode(on bool) error {
	u.r.mustBeOnLoop("SetLoopbackMode")
	return u.setOption(func() error { return u.multicast().SetMulticastLoopback(on) })
}

// GetLoopbackMode implements [MulticastTransport].
func (u *udpPort) GetLoopbackMode() (on bool, err error) {
	u.r.mustBeOnLoop("GetLoopbackMode")
	err = u.setOption(func() (err error) {
		on, err = u.multicast().MulticastLoopback()
		return err
	})
	return on, err
}

// SetOutgoingInterface implements [MulticastTransport].
func (u *udpPort) SetOutgoingInterface(iface string) error {
	u.r.mustBeOnLoop("SetOutgoingInterface")
	return u.setOption(func() error {
		ifi, err := interfaceOf(iface)
		if err == nil {
			err = u.multicast().SetMulticastInterface(ifi)
		}
		if err != nil {
			return err
		}
		u.outgoing = ""
		if ifi != nil {
			u.outgoing = ifi.Name
		}
		return nil
	})
}

// GetOutgoingInterface implements [MulticastTransport].
func (u *udpPort) GetOutgoingInterface() string { return u.outgoing }
