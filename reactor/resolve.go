package reactor

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// Resolver looks names up. net.Resolver is one. LookupNetIP is called on goroutines of the reactor's thread pool; network is "ip", "ip4" or
// "ip6".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// InstallResolver makes res the resolver of the reactor and returns the one before (R117). A nil res means net.DefaultResolver.
func (r *Reactor) InstallResolver(res Resolver) (old Resolver) {
	old, r.resolver = r.resolver, res
	if res == nil {
		r.resolver = net.DefaultResolver
	}
	return old
}

// DefaultResolveTimeout bounds a lookup.
const DefaultResolveTimeout = 60 * time.Second

// Resolve looks a host name up and returns a Deferred that fires with its addresses, in the resolver's order. An empty name is 0.0.0.0, and a
// literal is itself; both without asking anybody (R112). A name that is not ASCII is asked for in its IDNA form (R118). The network, "ip", "ip4" or
// "ip6", restricts the family.
//
// The failure is a *DNSLookupError (R113), also when nothing was found, and when DefaultResolveTimeout has passed (R114). After Cancel it is
// deferred.ErrCancelled. A late answer is dropped. Resolve must be called on the loop.
func (r *Reactor) Resolve(network, host string) deferred.Deferred[[]netip.Addr] {
	if host == "" {
		return deferred.Succeed([]netip.Addr{netip.IPv4Unspecified()})
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeed([]netip.Addr{addr})
	}
	name, err := ToASCII(host)
	if err != nil {
		return deferred.Fail[[]netip.Addr](err)
	}
	ctx, cancel := context.WithTimeout(r.ctx, DefaultResolveTimeout)
	resolver := r.resolver
	d := DeferToThread(r, func() ([]netip.Addr, error) { return resolver.LookupNetIP(ctx, network, name) })
	answer := deferred.New(func(deferred.Deferred[[]netip.Addr]) { cancel() })
	stop := r.AfterFunc(DefaultResolveTimeout, func() { fireOnce(answer, nil, lookupError(host, context.DeadlineExceeded)) })
	d.AddBoth(func(addrs []netip.Addr, err error) ([]netip.Addr, error) {
		cancel()
		fireOnce(answer, unmapped(addrs), lookupResult(host, addrs, err))
		return nil, nil
	})
	return answer.AddBoth(func(addrs []netip.Addr, err error) ([]netip.Addr, error) {
		stop()
		cancel()
		return addrs, err
	})
}

func lookupResult(host string, addrs []netip.Addr, err error) error {
	if err != nil || len(addrs) == 0 {
		return lookupError(host, err)
	}
	return nil
}

func lookupError(host string, err error) error { return &DNSLookupError{Host: host, Err: err} }

// unmapped turns IPv4 addresses that are written as IPv6 into what they are.
func unmapped(addrs []netip.Addr) []netip.Addr {
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs
}

// HostResolution is told of the progress of ResolveHostName (R115): ResolutionBegan, then AddressResolved for each address, in order, then
// ResolutionComplete. A name that cannot be resolved has no addresses.
type HostResolution interface {
	ResolutionBegan(host string)
	AddressResolved(addr IPAddress)
	ResolutionComplete()
}

// ResolveHostName looks a name up and tells to of its addresses, with the port copied into them (R116). The network is as for Resolve. Cancelling
// the Deferred, which fires after ResolutionComplete, stops the lookup; then nothing more is told.
func (r *Reactor) ResolveHostName(to HostResolution, network, host string, port int) deferred.Deferred[struct{}] {
	to.ResolutionBegan(host)
	return deferred.ThenBoth(r.Resolve(network, host), func(addrs []netip.Addr, err error) (none struct{}, _ error) {
		if isCancelled(err) {
			return none, err
		}
		for _, a := range addrs {
			to.AddressResolved(IPAddress{netip.AddrPortFrom(a, uint16(port))})
		}
		to.ResolutionComplete()
		return none, nil
	})
}
