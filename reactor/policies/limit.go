package policies

import (
	"net"

	"github.com/hawser-go/hawser/reactor"
)

// NewLimitTotalConnectionsFactory returns a factory that gives at most limit
// connections at the same time to protocols of f. Further connections get a
// protocol of overflow, which is called on the loop; these connections count as
// well. If overflow is nil, or returns nil, further connections are refused.
func NewLimitTotalConnectionsFactory(
	f reactor.Factory, limit int, overflow func() reactor.Protocol,
) *WrappingFactory {
	w := newFactory("LimitTotalConnectionsFactory", f, nil)
	w.build = func(addr net.Addr) (reactor.Protocol, error) {
		switch {
		case w.live.Len() < limit:
			return reactor.BuildFrom(f, addr)
		case overflow == nil:
			return nil, nil
		}
		return reactor.BuildFrom(reactor.ForProtocol(overflow), addr)
	}
	return w
}

// NewLimitConnectionsByPeer returns a factory that gives at most limit
// connections of each host to protocols of f. Further connections are refused.
// The host of an IP address is the address without the port. All peers without
// an address, as those of a UNIX socket usually are, count as one host.
func NewLimitConnectionsByPeer(f reactor.Factory, limit int) *WrappingFactory {
	w := newFactory("LimitConnectionsByPeer", f, nil)
	connections := make(map[string]int)
	w.build = func(addr net.Addr) (reactor.Protocol, error) {
		if connections[hostOf(addr)] >= limit {
			return nil, nil
		}
		return reactor.BuildFrom(f, addr)
	}
	w.registered = func(p *ProtocolWrapper) { connections[hostOf(p.peer)]++ }
	w.lost = func(p *ProtocolWrapper) {
		host := hostOf(p.peer)
		if connections[host]--; connections[host] == 0 {
			delete(connections, host)
		}
	}
	return w
}

// hostOf returns an address without its port.
func hostOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	if ip, ok := reactor.AddressOf(a).(reactor.IPAddress); ok {
		return ip.Addr().Unmap().String()
	}
	return a.String()
}
