package reactortest

import (
	"errors"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

var (
	errListening = errors.New("the port is listening; call StopListening first")
	errAdopted   = errors.New("the port of an adopted listener cannot start again; make a new one")
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
	return &FakePort{Host: reactor.IPAddress{AddrPort: fakeHost(iface, port)}}
}

func fakeHost(iface string, port int) netip.AddrPort {
	addr, err := netip.ParseAddr(iface)
	if err != nil {
		addr = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(addr, uint16(port))
}

// GetHost returns the address that was asked for. Port 0 stays 0.
func (p *FakePort) GetHost() net.Addr { return p.Host }

// StartListening sets Listening. If Listening is set already, or the port was
// made by MemoryReactor.Listen, StartListening returns a
// *reactor.CannotListenError, as a real port does.
func (p *FakePort) StartListening() error {
	switch {
	case p.Listening:
		return p.cannotListen(errListening)
	case p.adopted:
		return p.cannotListen(errAdopted)
	}
	p.Listening = true
	return nil
}

func (p *FakePort) cannotListen(err error) error {
	if host, ok := p.Host.(reactor.IPAddress); ok {
		return &reactor.CannotListenError{Interface: host.Host(), Port: host.Port(), Err: err}
	}
	return &reactor.CannotListenError{Interface: p.Host.String(), Err: err}
}

// StopListening resets Listening. The Deferred has already fired.
func (p *FakePort) StopListening() deferred.Deferred[struct{}] {
	p.Listening = false
	p.Stops++
	return deferred.Succeed(struct{}{})
}
