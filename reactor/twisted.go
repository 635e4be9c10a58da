package reactor

import (
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
)

// The names in this file exist for programs ported from Twisted. New programs
// do not need them.

// HostResolution receives the progress of ResolveHostName: one call of
// ResolutionBegan, a call of AddressResolved for each address in order, and
// one call of ResolutionComplete. A name that cannot be resolved has no
// addresses. All calls are made on the loop.
type HostResolution interface {
	ResolutionBegan(host string)
	AddressResolved(addr IPAddress)
	ResolutionComplete()
}

// ResolveHostName looks up a host name, as Resolve does, and reports the
// addresses to receiver, with the given port. The Deferred fires after
// ResolutionComplete. Cancel stops the lookup: the Deferred fails with
// deferred.ErrCancelled and receiver is not called again. ResolveHostName must
// be called on the loop.
func (r *Reactor) ResolveHostName(receiver HostResolution, network, host string, port int) deferred.Deferred[struct{}] {
	r.mustBeOnLoop("ResolveHostName")
	receiver.ResolutionBegan(host)
	return deferred.ThenBoth(r.Resolve(network, host), func(addrs []netip.Addr, err error) (none struct{}, _ error) {
		if isCancelled(err) {
			return none, err
		}
		for _, a := range addrs {
			receiver.AddressResolved(IPAddress{netip.AddrPortFrom(a, uint16(port))})
		}
		receiver.ResolutionComplete()
		return none, nil
	})
}

// IsIPv4Address reports whether s is an IPv4 literal. netip.ParseAddr does
// more.
func IsIPv4Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// IsIPv6Address reports whether s is an IPv6 literal, with or without a zone.
func IsIPv6Address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}
