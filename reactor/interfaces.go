package reactor

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/hawser-go/hawser/deferred"
)

// Network is the part of a reactor that endpoints and services use. [*Reactor]
// implements it. So does the MemoryReactor of package reactortest, which opens
// no sockets. The methods of *Reactor document the behaviour.
type Network interface {
	Clock
	CallFromThread(f func()) bool

	Resolve(network, host string) deferred.Deferred[[]netip.Addr]
	Dial(network, address string, opts DialOptions) deferred.Deferred[net.Conn]
	DialUNIX(path string, opts UNIXDialOptions) deferred.Deferred[net.Conn]
	Attach(nc net.Conn, p Protocol, opts AttachOptions) (Transport, error)

	StandardIO(p Protocol, opts StandardIOOptions) (Transport, error)

	ListenTCP(port int, f Factory, opts ListenOptions) (ListeningPort, error)
	ListenTLS(port int, f Factory, config *tls.Config, opts ListenOptions) (ListeningPort, error)
	ListenUNIX(path string, f Factory, opts UNIXOptions) (ListeningPort, error)
	Listen(l net.Listener, f Factory) (ListeningPort, error)
	ListenUDP(port int, p DatagramProtocol, opts UDPOptions) (DatagramTransport, error)

	ConnectTCP(host string, port int, f ClientFactory, opts DialOptions) Connector
	ConnectTLS(host string, port int, f ClientFactory, config *tls.Config, opts DialOptions) Connector
	ConnectUNIX(path string, f ClientFactory, opts UNIXDialOptions) Connector
}

var _ Network = (*Reactor)(nil)
