package endpoints

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TCPClientEndpoint connects to the first address of a host.
type TCPClientEndpoint struct {
	r      reactor.Network
	family string
	host   string
	port   int
	opts   reactor.DialOptions
}

// TCP4ClientEndpoint returns an endpoint that connects to a host over IPv4. The
// host is a name or an IP literal.
func TCP4ClientEndpoint(r reactor.Network, host string, port int, opts reactor.DialOptions) *TCPClientEndpoint {
	return &TCPClientEndpoint{r, "ip4", host, port, opts}
}

// TCP6ClientEndpoint returns an endpoint that connects to a host over IPv6. The
// host is a name or an IP literal.
func TCP6ClientEndpoint(r reactor.Network, host string, port int, opts reactor.DialOptions) *TCPClientEndpoint {
	return &TCPClientEndpoint{r, "ip6", host, port, opts}
}

// Dial implements StreamClientEndpoint. Its errors are those of
// reactor.DialHost.
func (e *TCPClientEndpoint) Dial() deferred.Deferred[net.Conn] {
	return reactor.DialHost(e.r, e.family, e.host, e.port, e.opts)
}

// Connect implements StreamClientEndpoint.
func (e *TCPClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.Dial, f, nil)
}

// TCPServerEndpoint listens on a TCP port.
type TCPServerEndpoint struct {
	listen func(f reactor.Factory) (reactor.ListeningPort, error)
}

// TCP4ServerEndpoint returns an endpoint that listens on opts.Interface. ""
// means all IPv4 addresses.
func TCP4ServerEndpoint(r reactor.Network, port int, opts reactor.ListenOptions) *TCPServerEndpoint {
	return tcpServer(r, port, onAll("0.0.0.0", opts))
}

// TCP6ServerEndpoint returns an endpoint that listens on opts.Interface. ""
// means all addresses of both families, as "::" does.
func TCP6ServerEndpoint(r reactor.Network, port int, opts reactor.ListenOptions) *TCPServerEndpoint {
	return tcpServer(r, port, onAll("::", opts))
}

func tcpServer(r reactor.Network, port int, opts reactor.ListenOptions) *TCPServerEndpoint {
	return &TCPServerEndpoint{func(f reactor.Factory) (reactor.ListeningPort, error) { return r.ListenTCP(port, f, opts) }}
}

// SSL4ServerEndpoint returns an endpoint that listens on opts.Interface and
// speaks TLS. "" means all IPv4 addresses. Without a certificate in config,
// Listen fails.
func SSL4ServerEndpoint(r reactor.Network, port int, config *tls.Config, opts reactor.ListenOptions) *TCPServerEndpoint {
	opts = onAll("0.0.0.0", opts)
	return &TCPServerEndpoint{func(f reactor.Factory) (reactor.ListeningPort, error) {
		return r.ListenTLS(port, f, config, opts)
	}}
}

// onAll returns opts with the interface all instead of none.
func onAll(all string, opts reactor.ListenOptions) reactor.ListenOptions {
	if opts.Interface == "" {
		opts.Interface = all
	}
	return opts
}

// Listen implements StreamServerEndpoint.
func (e *TCPServerEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) { return e.listen(f) })
}

// ErrAlreadyListened is the error of the second and later calls of
// AdoptedServerEndpoint.Listen.
var ErrAlreadyListened = errors.New("endpoints: the listener is in use; an adopted listener can be used once")

// AdoptedServerEndpoint listens, once, with a listener that the caller made.
type AdoptedServerEndpoint struct {
	r reactor.Network
	l net.Listener // nil after Listen
}

// NewAdoptedServerEndpoint returns an endpoint that listens with l. The
// endpoint owns l from now on.
func NewAdoptedServerEndpoint(r reactor.Network, l net.Listener) *AdoptedServerEndpoint {
	return &AdoptedServerEndpoint{r, l}
}

// Listen implements StreamServerEndpoint. The Deferred fails with
// ErrAlreadyListened if Listen was called before.
func (e *AdoptedServerEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) {
		l := e.l
		if l == nil {
			return nil, ErrAlreadyListened
		}
		e.l = nil
		return e.r.Listen(l, f)
	})
}
