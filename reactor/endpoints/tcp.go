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

// TCP4ClientEndpoint returns an endpoint for a host, a name or a literal, over IPv4 (R372).
func TCP4ClientEndpoint(r reactor.Network, host string, port int, opts reactor.DialOptions) *TCPClientEndpoint {
	return &TCPClientEndpoint{r, "ip4", host, port, opts}
}

// TCP6ClientEndpoint returns an endpoint for a host, a name or a literal, over IPv6 (R373).
func TCP6ClientEndpoint(r reactor.Network, host string, port int, opts reactor.DialOptions) *TCPClientEndpoint {
	return &TCPClientEndpoint{r, "ip6", host, port, opts}
}

// Dial is part of StreamClientEndpoint.
func (e *TCPClientEndpoint) Dial() deferred.Deferred[net.Conn] {
	to := reactor.HostnameAddress{Host: e.host, Port: e.port}
	return connecting(reactor.DialHost(e.r, e.family, e.host, e.port, e.opts), to)
}

// Connect is part of StreamClientEndpoint.
func (e *TCPClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.Dial, f, nil)
}

// connecting gives a cancelled lookup the error of a cancelled attempt (R366, R388).
func connecting(d deferred.Deferred[net.Conn], to net.Addr) deferred.Deferred[net.Conn] {
	return d.AddErrback(func(err error) (net.Conn, error) {
		if errors.Is(err, deferred.ErrCancelled) {
			err = &reactor.ConnectingCancelledError{Address: to}
		}
		return nil, err
	})
}

// TCPServerEndpoint listens on a TCP port.
type TCPServerEndpoint struct {
	r    reactor.Network
	port int
	opts reactor.ListenOptions
	tls  *tls.Config
}

// TCP4ServerEndpoint returns an endpoint that listens on IPv4: on all addresses, or on opts.Interface (R372).
func TCP4ServerEndpoint(r reactor.Network, port int, opts reactor.ListenOptions) *TCPServerEndpoint {
	return &TCPServerEndpoint{r: r, port: port, opts: opts}
}

// TCP6ServerEndpoint returns an endpoint that listens on IPv6: on all addresses, or on opts.Interface (R373).
func TCP6ServerEndpoint(r reactor.Network, port int, opts reactor.ListenOptions) *TCPServerEndpoint {
	if opts.Interface == "" {
		opts.Interface = "::"
	}
	return &TCPServerEndpoint{r: r, port: port, opts: opts}
}

// SSL4ServerEndpoint returns an endpoint that listens with TLS on IPv4 (R375).
func SSL4ServerEndpoint(r reactor.Network, port int, config *tls.Config, opts reactor.ListenOptions) *TCPServerEndpoint {
	return &TCPServerEndpoint{r: r, port: port, opts: opts, tls: config}
}

// Listen is part of StreamServerEndpoint.
func (e *TCPServerEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) {
		if e.tls != nil {
			return e.r.ListenTLS(e.port, f, e.tls, e.opts)
		}
		return e.r.ListenTCP(e.port, f, e.opts)
	})
}

// ErrAlreadyListened is the failure of a second Listen of an AdoptedServerEndpoint (R376).
var ErrAlreadyListened = errors.New("endpoints: the given listener is in use already")

// AdoptedServerEndpoint listens with a listener that was made elsewhere, once.
type AdoptedServerEndpoint struct {
	r reactor.Network
	l net.Listener
}

// NewAdoptedServerEndpoint returns an endpoint for a listener, which belongs to it from here on (R376).
func NewAdoptedServerEndpoint(r reactor.Network, l net.Listener) *AdoptedServerEndpoint {
	return &AdoptedServerEndpoint{r, l}
}

// Listen is part of StreamServerEndpoint.
func (e *AdoptedServerEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) {
		l := e.l
		if l == nil {
			return nil, ErrAlreadyListened
		}
		e.l = nil
		return e.r.Listen(l, f), nil
	})
}
