package reactor_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// multicastCases are a group of each family, and an interface for it, by address
// and by name. IPv4 uses the loopback interface. The loopback interface of
// Linux has no route for IPv6 groups, so IPv6 uses another one; a machine
// without a network has no case for it.
func multicastCases(t *testing.T) (cases []multicastCase) {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	six := false
	for _, ifi := range all {
		if ifi.Flags&net.FlagLoopback != 0 {
			cases = append(cases, multicastCase{"0.0.0.0", "239.255.17.4", "127.0.0.1", ifi.Name})
		}
		if link := linkLocal(t, ifi); link != "" && ifi.Flags&net.FlagMulticast != 0 && ifi.Flags&net.FlagRunning != 0 && !six {
			six = true
			cases = append(cases, multicastCase{"::", "ff12::1704", link, ifi.Name})
		}
	}
	if len(cases) == 0 {
		t.Fatal("there is no loopback interface")
	}
	return cases
}

type multicastCase struct{ any, group, address, name string }

// linkLocal returns the IPv6 link-local address of an interface, or "".
func linkLocal(t *testing.T, ifi net.Interface) string {
	addrs, err := ifi.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return p.Addr().String()
		}
	}
	return ""
}

// groups calls JoinGroup or LeaveGroup and waits for the Deferred.
func (t *netTest) groups(f func(group, iface string) deferred.Deferred[none], group, iface string) error {
	t.Helper()
	_, err := reactor.Await(t.Context(), t.r, func() deferred.Deferred[none] { return f(group, iface) })
	return err
}

func TestR351_Multicast(t *testing.T) {
	for _, row := range multicastCases(t) {
		t.Run(row.group, func(t *testing.T) {
			n := startNet(t)
			a, b, other := new(listener), new(listener), new(listener)
			first := n.udp(a, reactor.UDPOptions{Interface: row.any, ListenMultiple: true}).(reactor.MulticastTransport)
			number := hostOf(first).Port()
			open := func(p reactor.DatagramProtocol) (port reactor.MulticastTransport) {
				n.do(func() {
					u, err := n.r.ListenUDP(int(number), p, reactor.UDPOptions{Interface: row.any, ListenMultiple: true})
					wantErr(t, err, nil)
					port = u.(reactor.MulticastTransport)
				})
				return port
			}
			second, third := open(b), open(other) // the third joins no group
			from := n.udp(new(listener), reactor.UDPOptions{Interface: row.any}).(reactor.MulticastTransport)
			n.do(func() { wantErr(t, from.SetOutgoingInterface(row.address), nil) })
			to := netip.AddrPortFrom(netip.MustParseAddr(row.group), number)
			for _, port := range []reactor.MulticastTransport{first, second} {
				wantErr(t, n.groups(port.JoinGroup, row.group, row.address), nil)
			}
			n.write(from, "to both", to)
			n.wantGot(a, "to both")
			n.wantGot(b, "to both")
			wantErr(t, n.groups(first.LeaveGroup, row.group, row.address), nil)
			n.write(from, "to the second", to)
			n.wantGot(b, "to the second")
			n.turns(20)
			n.do(func() {
				if len(a.got) > 0 || len(other.got) > 0 {
					t.Errorf("ports that are not in the group got %q, %q", a.got, other.got)
				}
			})
			for _, port := range []reactor.MulticastTransport{first, second, third} {
				wantErr(t, n.stopUDP(port), nil)
			}
		})
	}
}

func TestR351_Options(t *testing.T) {
	for _, row := range multicastCases(t) {
		t.Run(row.group, func(t *testing.T) {
			n := startNet(t)
			port := n.udp(new(listener), reactor.UDPOptions{Interface: row.any}).(reactor.MulticastTransport)
			n.do(func() {
				if ttl, err := port.GetTTL(); ttl != 1 || err != nil {
					t.Errorf("TTL %d, %v", ttl, err)
				}
				wantErr(t, port.SetTTL(7), nil)
				if ttl, err := port.GetTTL(); ttl != 7 || err != nil {
					t.Errorf("TTL %d, %v", ttl, err)
				}
				if on, err := port.GetLoopbackMode(); !on || err != nil {
					t.Errorf("loopback %v, %v", on, err)
				}
				for _, on := range []bool{false, true} {
					wantErr(t, port.SetLoopbackMode(on), nil)
					if got, err := port.GetLoopbackMode(); got != on || err != nil {
						t.Errorf("loopback %v, %v", got, err)
					}
				}
				for _, iface := range []string{row.name, row.address} {
					wantErr(t, port.SetOutgoingInterface(iface), nil)
					if name := port.GetOutgoingInterface(); name != row.name {
						t.Errorf("outgoing interface %q", name)
					}
					wantErr(t, port.SetOutgoingInterface(""), nil)
					if name := port.GetOutgoingInterface(); name != "" {
						t.Errorf("outgoing interface %q", name)
					}
				}
				if port.SetOutgoingInterface("192.0.2.1") == nil || port.SetOutgoingInterface("no such interface") == nil {
					t.Error("an unknown interface")
				}
			})
		})
	}
}

func TestR351_MulticastJoinError(t *testing.T) {
	n := startNet(t)
	port := n.udp(new(listener), reactor.UDPOptions{}).(reactor.MulticastTransport)
	for _, row := range []struct{ group, iface string }{
		{"127.0.0.1", ""},
		{"ff02::1", ""},
		{"239.255.17.4", "192.0.2.1"},
		{"239.255.17.4", "no such interface"},
		{"nothing.invalid", ""},
	} {
		n.do(func() {
			n.r.InstallResolver(fakeResolver(func(_, host string) ([]string, error) {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}))
		})
		for _, f := range []func(group, iface string) deferred.Deferred[none]{port.JoinGroup, port.LeaveGroup} {
			e, ok := errors.AsType[*reactor.MulticastJoinError](n.groups(f, row.group, row.iface))
			if !ok || e.Group != row.group || e.Interface != row.iface || e.Unwrap() == nil || e.Error() == "" {
				t.Errorf("%v: %v", row, e)
			}
		}
	}
	// A group may have a name.
	n.do(func() {
		n.r.InstallResolver(fakeResolver(func(_, host string) ([]string, error) { return []string{"239.255.17.4"}, nil }))
	})
	wantErr(t, n.groups(port.JoinGroup, "group.example", "127.0.0.1"), nil)
	wantErr(t, n.stopUDP(port), nil)
	wantErr(t, n.groups(port.JoinGroup, "239.255.17.4", ""), net.ErrClosed)
	n.do(func() {
		wantErr(t, port.SetTTL(1), net.ErrClosed)
		wantErr(t, port.SetLoopbackMode(true), net.ErrClosed)
		wantErr(t, port.SetOutgoingInterface(""), net.ErrClosed)
		_, err := port.GetTTL()
		wantErr(t, err, net.ErrClosed)
		_, err = port.GetLoopbackMode()
		wantErr(t, err, net.ErrClosed)
	})
}
