package reactor

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// ListenOptions configures ListenTCP and ListenTLS. The zero value works.
type ListenOptions struct {
	// Interface is the address to listen on, an IPv4 or IPv6 literal; "" means all IPv4 addresses (R302).
	Interface string

	// Backlog is not used: the system's own limit applies. It is here for the record.
	Backlog int
}

// ListenTCP listens on a port, 0 for a free one, and makes a protocol with f for each connection (R301, R304). The error is a
// *CannotListenError; f is not started then (R303). It must be called on the loop, or before Run.
func (r *Reactor) ListenTCP(port int, f Factory, opts ListenOptions) (ListeningPort, error) {
	p := &Port{r: r, f: f}
	p.listen = func() (net.Listener, error) { return listenTCP(port, opts.Interface) }
	return orNil(p, p.StartListening())
}

// ListenTLS is ListenTCP for connections that speak TLS from the first byte.
func (r *Reactor) ListenTLS(port int, f Factory, config *tls.Config, opts ListenOptions) (ListeningPort, error) {
	if !usable(config, true) {
		return nil, errTLSConfig
	}
	p := &Port{r: r, f: f, attach: AttachOptions{TLS: config, Server: true}}
	p.listen = func() (net.Listener, error) { return listenTCP(port, opts.Interface) }
	return orNil(p, p.StartListening())
}

const maxPort = 1<<16 - 1

// orNil turns a port that does not listen into no port.
func orNil(p *Port, err error) (ListeningPort, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

func listenTCP(port int, iface string) (net.Listener, error) {
	network, host := "tcp4", iface
	if iface == "" {
		host = "0.0.0.0"
	} else if IsIPv6Address(iface) {
		network = "tcp6"
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, &CannotListenError{Interface: host, Port: port, Err: err}
	}
	return l, nil
}

// ConnectTCP connects to a host, by name or literal, and tells f what becomes of it. Of a name, the first IPv4 address is used; endpoints do
// better (R313 to R315). It must be called on the loop.
func (r *Reactor) ConnectTCP(host string, port int, f ClientFactory, opts DialOptions) Connector {
	return r.newConnector(f, HostnameAddress{host, port}, r.dialer(host, port, opts), nil)
}

// ConnectTLS is ConnectTCP for a connection that speaks TLS from the first byte. Without config.ServerName, that is host.
func (r *Reactor) ConnectTLS(host string, port int, f ClientFactory, config *tls.Config, opts DialOptions) Connector {
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	return r.newConnector(f, HostnameAddress{host, port}, r.dialer(host, port, opts), config)
}

// DialHost connects to the first address of a host, by name or literal: of the family "ip4" or "ip6", or of any for "ip". The timeout of opts
// covers the lookup as well.
func DialHost(r Network, family, host string, port int, opts DialOptions) deferred.Deferred[net.Conn] {
	if port < 0 || port > maxPort {
		return deferred.Fail[net.Conn](&ConnectError{Address: HostnameAddress{host, port}.String(), Kind: ErrConnect, Err: errPort})
	}
	began, limit := r.Now(), opts.timeout()
	lookup := r.Resolve(family, host)
	if limit > 0 {
		lookup.AddTimeoutFunc(r, limit, func(addrs []netip.Addr, err error, _ time.Duration) ([]netip.Addr, error) {
			if err != nil {
				err = &ConnectError{Address: host, Kind: ErrConnectTimeout, Err: err}
			}
			return addrs, err
		})
	}
	return deferred.ThenDeferred(lookup, func(addrs []netip.Addr) deferred.Deferred[net.Conn] {
		left := opts
		if limit > 0 {
			left.Timeout = max(limit-r.Now().Sub(began), 1)
		}
		return r.Dial("tcp", HostnameAddress{addrs[0].String(), port}.String(), left)
	})
}

func (r *Reactor) dialer(host string, port int, opts DialOptions) func() deferred.Deferred[net.Conn] {
	return func() deferred.Deferred[net.Conn] { return DialHost(r, "ip4", host, port, opts) }
}
