package reactor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// ListenOptions configures ListenTCP and ListenTLS. The zero value listens on
// all addresses.
type ListenOptions struct {
	// Interface is the address to listen on, an IPv4 or IPv6 literal. "" and
	// "::" mean all addresses of both families, "0.0.0.0" all IPv4 addresses.
	Interface string
}

// ListenTCP listens on a TCP port and makes a protocol with f for each
// connection. Port 0 means a free port, which GetHost of the result returns.
// The error is a *CannotListenError. ListenTCP must be called on the loop, or
// before Run.
func (r *Reactor) ListenTCP(port int, f Factory, opts ListenOptions) (ListeningPort, error) {
	r.mustBeOnLoop("ListenTCP")
	return r.listen(tcpPort(port, f, opts))
}

// ListenTLS is ListenTCP for connections that speak TLS from the first byte.
// The error is a *CannotListenError, also for a config without a certificate.
func (r *Reactor) ListenTLS(port int, f Factory, config *tls.Config, opts ListenOptions) (ListeningPort, error) {
	r.mustBeOnLoop("ListenTLS")
	p := tcpPort(port, f, opts)
	p.attach = AttachOptions{TLS: config, Server: true}
	if !usable(config, true) {
		p.open = func() (net.Listener, error) { return nil, errTLSConfig }
	}
	return r.listen(p)
}

const maxPort = 1<<16 - 1

var errInterface = errors.New("reactor: the interface is not an IP address; look the name up first")

// tcpPort returns a port that does not listen yet.
func tcpPort(number int, f Factory, opts ListenOptions) *port {
	iface := opts.Interface
	if iface == "" {
		iface = "::"
	}
	open := func() (net.Listener, error) { return listenTCP(opts.Interface, number) }
	return &port{f: f, iface: iface, number: number, open: open}
}

func listenTCP(iface string, port int) (net.Listener, error) {
	network, err := tcpNetwork(iface)
	if err != nil {
		return nil, err
	}
	return new(net.ListenConfig).Listen(context.Background(), network, net.JoinHostPort(iface, strconv.Itoa(port)))
}

// tcpNetwork returns the name that package net has for the address families of
// an interface.
func tcpNetwork(iface string) (string, error) {
	if iface == "" {
		return "tcp", nil
	}
	addr, err := netip.ParseAddr(iface)
	switch {
	case err != nil:
		return "", errInterface
	case addr == netip.IPv6Unspecified():
		return "tcp", nil
	case addr.Unmap().Is4():
		return "tcp4", nil
	default:
		return "tcp6", nil
	}
}

// ConnectTCP connects to a host, which is a name or an IP literal, and reports
// the outcome to f. For a name it uses the first IPv4 address; endpoints try
// all addresses. ConnectTCP must be called on the loop, or before Run.
func (r *Reactor) ConnectTCP(host string, port int, f ClientFactory, opts DialOptions) Connector {
	r.mustBeOnLoop("ConnectTCP")
	return r.newConnector(f, HostnameAddress{host, port}, r.dialer(host, port, opts), nil)
}

// ConnectTLS is ConnectTCP for a connection that speaks TLS from the first
// byte. If config has no ServerName, the name of the server is host. A name
// that is not ASCII is sent and verified in its IDNA form, see ToASCII.
func (r *Reactor) ConnectTLS(host string, port int, f ClientFactory, config *tls.Config, opts DialOptions) Connector {
	r.mustBeOnLoop("ConnectTLS")
	return r.newConnector(f, HostnameAddress{host, port}, r.dialer(host, port, opts), ClientTLSConfig(config, host))
}

// DialHost connects to the first address of a host, which is a name or an IP
// literal. The family is "ip4" or "ip6", or "ip" for any. Both the lookup and
// the attempt must end within the timeout of opts.
//
// The Deferred fails with a *ConnectError, a *DNSLookupError if the name has
// no address, or a *ConnectingCancelledError after Cancel. DialHost must be
// called on the loop.
func DialHost(n Network, family, host string, port int, opts DialOptions) deferred.Deferred[net.Conn] {
	to := HostnameAddress{host, port}
	if port < 0 || port > maxPort {
		return deferred.Fail[net.Conn](&ConnectError{Address: to.String(), Kind: ErrConnect, Err: errPort})
	}
	began, limit := n.Now(), opts.timeout()
	lookup := n.Resolve(family, host)
	if limit > 0 {
		lookup.AddTimeoutFunc(n, limit, func(addrs []netip.Addr, err error, _ time.Duration) ([]netip.Addr, error) {
			if err != nil {
				err = &ConnectError{Address: to.String(), Kind: ErrConnectTimeout}
			}
			return addrs, err
		})
	}
	dialled := deferred.ThenDeferred(lookup, func(addrs []netip.Addr) deferred.Deferred[net.Conn] {
		if len(addrs) == 0 {
			return deferred.Fail[net.Conn](&DNSLookupError{Host: host})
		}
		left := opts
		if limit > 0 {
			left.Timeout = max(limit-n.Now().Sub(began), 1)
		}
		return n.Dial("tcp", HostnameAddress{addrs[0].String(), port}.String(), left)
	})
	return dialled.AddErrback(func(err error) (net.Conn, error) {
		if isCancelled(err) {
			err = &ConnectingCancelledError{to}
		}
		return nil, err
	})
}

func (r *Reactor) dialer(host string, port int, opts DialOptions) func() deferred.Deferred[net.Conn] {
	return func() deferred.Deferred[net.Conn] { return DialHost(r, "ip4", host, port, opts) }
}
