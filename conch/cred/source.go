package cred

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

// remoteIP returns the IP address of a peer, and false if it has none, as over a
// UNIX socket. An IPv4 address that is mapped to IPv6 becomes IPv4.
func remoteIP(addr net.Addr) (netip.Addr, bool) {
	a, ok := addr.(*net.TCPAddr)
	if !ok || a == nil {
		return netip.Addr{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	return ip.Unmap(), ok
}

// matchFrom reports whether a peer matches the pattern list of the option from.
// An entry is a pattern with wildcards, an address, or a network in CIDR
// notation; "!" before an entry excludes. Names are not looked up, so only
// patterns of addresses match. An invalid list is an error.
func matchFrom(list string, addr net.Addr) (bool, error) {
	ip, isIP := remoteIP(addr)
	found, excluded := false, false
	for entry := range strings.SplitSeq(list, ",") {
		entry, negated := strings.CutPrefix(entry, "!")
		matched, err := matchSource(strings.ToLower(entry), ip)
		if err != nil {
			return false, err
		}
		if isIP && matched {
			found, excluded = found || !negated, excluded || negated
		}
	}
	return found && !excluded, nil
}

func matchSource(entry string, ip netip.Addr) (bool, error) {
	if entry == "" {
		return false, fmt.Errorf("an empty entry in the list of addresses")
	}
	if strings.Contains(entry, "/") {
		network, err := network(entry)
		return err == nil && network.Contains(ip), err
	}
	if want, err := netip.ParseAddr(entry); err == nil {
		return want.Unmap() == ip, nil
	}
	return wildcard.Match(ip.String(), entry), nil
}

// network parses a network. Bits behind the prefix must be zero.
func network(entry string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(entry)
	if err != nil || p != p.Masked() {
		return p, fmt.Errorf("%s is no network", text.Quote(entry))
	}
	return p, nil
}

// matchAddresses reports whether a peer is in a list of addresses and networks,
// as the critical option source-address of a certificate has it.
func matchAddresses(list string, addr net.Addr) (bool, error) {
	ip, isIP := remoteIP(addr)
	found := false
	for entry := range strings.SplitSeq(list, ",") {
		if !strings.Contains(entry, "/") {
			if want, err := netip.ParseAddr(entry); err == nil {
				found = found || want.Unmap() == ip
				continue
			}
		}
		network, err := network(entry)
		if err != nil {
			return false, err
		}
		found = found || network.Contains(ip)
	}
	return found && isIP, nil
}
