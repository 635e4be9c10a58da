package endpoints

import (
	"crypto/tls"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TLSClientEndpoint connects through another endpoint and speaks TLS from the first byte. The Deferred of Connect fires before the handshake;
// see reactor.HandshakeListener.
type TLSClientEndpoint struct {
	r      reactor.Network
	inner  StreamClientEndpoint
	config *tls.Config
}

// WrapClientTLS returns an endpoint that speaks TLS over the given one (R404). The config needs a ServerName, or InsecureSkipVerify.
func WrapClientTLS(r reactor.Network, config *tls.Config, inner StreamClientEndpoint) *TLSClientEndpoint {
	return &TLSClientEndpoint{r, inner, config}
}

// SSL4ClientEndpoint returns an endpoint for a host over TLS and IPv4 (R375). The certificate is to be for that host, unless config says
// otherwise.
func SSL4ClientEndpoint(r reactor.Network, host string, port int, config *tls.Config, opts reactor.DialOptions) *TLSClientEndpoint {
	return WrapClientTLS(r, named(config, host), TCP4ClientEndpoint(r, host, port, opts))
}

// named returns the config with the server's name, if it has none.
func named(config *tls.Config, host string) *tls.Config {
	if config.ServerName != "" {
		return config
	}
	config = config.Clone()
	config.ServerName = host
	return config
}

// Dial is part of StreamClientEndpoint. The connection is a *tls.Conn.
func (e *TLSClientEndpoint) Dial() deferred.Deferred[net.Conn] {
	return e.inner.Dial().AddCallback(func(nc net.Conn) (net.Conn, error) { return tls.Client(nc, e.config), nil })
}

// Connect is part of StreamClientEndpoint.
func (e *TLSClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.inner.Dial, f, e.config)
}
