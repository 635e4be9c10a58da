package reactor

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// Resolver looks up host names. *net.Resolver implements it. The reactor calls
// LookupNetIP on goroutines of its thread pool. The network is "ip", "ip4" or
// "ip6". LookupNetIP must return soon after ctx is done.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// InstallResolver makes res the resolver of the reactor and returns the
// previous one. A nil res means net.DefaultResolver. InstallResolver must be
// called on the loop, or before Run.
func (r *Reactor) InstallResolver(res Resolver) (old Resolver) {
	r.mustBeOnLoop("InstallResolver")
	old, r.resolver = r.resolver, res
	if res == nil {
		r.resolver = net.DefaultResolver
	}
	return old
}

// DefaultResolveTimeout is the time limit of a lookup.
const DefaultResolveTimeout = 60 * time.Second

// Resolve looks up a host name. The Deferred fires with its addresses, at
// least one, in the order of the resolver. The network "ip", "ip4" or "ip6"
// restricts the family. A name that is not ASCII is looked up in its IDNA form.
// Two kinds of host need no lookup and ignore network: "" is 0.0.0.0, and an
// IP literal is itself.
//
// The Deferred fails with a *DNSLookupError if the name cannot be encoded, if
// the lookup fails or finds no address, or if DefaultResolveTimeout passes.
// After Cancel it fails with deferred.ErrCancelled; the reactor then drops the
// answer of the resolver. Resolve must be called on the loop.
func (r *Reactor) Resolve(network, host string) deferred.Deferred[[]netip.Addr] {
	r.mustBeOnLoop("Resolve")
	if host == "" {
		return deferred.Succeed([]netip.Addr{netip.IPv4Unspecified()})
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeed([]netip.Addr{addr})
	}
	name, err := ToASCII(host)
	if err != nil {
		return deferred.Fail[[]netip.Addr](lookupError(host, err))
	}
	return r.lookUp(network, name, host)
}

// lookUp asks the resolver on a pool thread. Errors name the host as the caller
// wrote it.
func (r *Reactor) lookUp(network, name, host string) deferred.Deferred[[]netip.Addr] {
	ctx, cancel := context.WithTimeout(r.ctx, DefaultResolveTimeout)
	resolver := r.resolver
	d := DeferToThread(r, func() ([]netip.Addr, error) { return resolver.LookupNetIP(ctx, network, name) })
	answer := deferred.New(func(deferred.Deferred[[]netip.Addr]) { cancel() })
	stop := r.AfterFunc(DefaultResolveTimeout, func() {
		fireOnce(answer, nil, lookupError(host, context.DeadlineExceeded))
	})
	d.AddBoth(func(addrs []netip.Addr, err error) ([]netip.Addr, error) {
		cancel()
		if err != nil || len(addrs) == 0 {
			err = lookupError(host, err)
		}
		fireOnce(answer, unmapped(addrs), err)
		return nil, nil
	})
	return answer.AddBoth(func(addrs []netip.Addr, err error) ([]netip.Addr, error) {
		stop()
		cancel()
		return addrs, err
	})
}

func lookupError(host string, err error) error { return &DNSLookupError{Host: host, Err: err} }

// unmapped returns addrs with IPv4-mapped IPv6 addresses as IPv4 addresses. It
// returns a copy, because the resolver may share its slice.
func unmapped(addrs []netip.Addr) []netip.Addr {
	plain := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		plain[i] = a.Unmap()
	}
	return plain
}
