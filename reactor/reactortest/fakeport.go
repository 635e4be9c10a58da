package reactortest

import (
	"errors"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

var (
	errListening = errors.New("reactortest: StartListening on a FakePort that is listening; call StopListening first")
	errAdopted   = errors.New("reactortest: StartListening on the FakePort of an adopted listener, which is closed")
)

// FakePort is a reactor.ListeningPort without a socket.
type FakePort struct {
	Host      net.Addr
	Listening bool
	Stops     int // calls of StopListening

	adopted bool // made by MemoryReactor.Listen
}

var _ reactor.ListeningPort = (*FakePort)(nil)

func fakeTCPPort(iface string, port int) *FakePort {
	addr, err := netip.ParseAddr(iface)
	if err != nil {
		addr = netip.IPv4Unspecified()
	}
	return &FakePort{Host: reactor.IPAddress{AddrPort: netip.AddrPortFrom(addr, uint16(port))}}
}

// GetHost returns the address that was asked for. Port 0 stays 0.
func (p *FakePort) GetHost() net.Addr { return p.Host }

// StartListening sets Listening. As on a real port, it returns an error if
// Listening is set, and for the port of an adopted listener.
func (p *FakePort) StartListening() error {
	switch {
	case p.Listening:
		return errListening
	case p.adopted:
		return errAdopted
	}
	p.Listening = true
	return nil
}

// StopListening resets Listening. The Deferred has already fired.
func (p *FakePort) StopListening() deferred.Deferred[struct{}] {
	p.Listening = false
	p.Stops++
	return deferred.Succeed(struct{}{})
}
