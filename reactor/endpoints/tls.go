package endpoints

import (
	"crypto/tls"
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TLSClientEndpoint connects through another endpoint and speaks TLS from the
// first byte. The Deferred of Connect fires before the handshake; a protocol
// that needs the end of the handshake implements reactor.HandshakeListener.
type TLSClientEndpoint struct {
	r      reactor.Network
	inner  StreamClientEndpoint
	config *tls.Config
}

// WrapClientTLS returns an endpoint that speaks TLS over inner. Without a
// ServerName or InsecureSkipVerify in config, Connect fails. A ServerName that
// is not ASCII is used in its IDNA form.
func WrapClientTLS(r reactor.Network, config *tls.Config, inner StreamClientEndpoint) *TLSClientEndpoint {
	return &TLSClientEndpoint{r, inner, reactor.ClientTLSConfig(config, "")}
}

// SSL4ClientEndpoint returns an endpoint that connects to a host over IPv4 and
// speaks TLS. The certificate must be valid for config.ServerName, or for host
// if ServerName is empty.
func SSL4ClientEndpoint(r reactor.Network, host string, port int, config *tls.Config, opts reactor.DialOptions) *TLSClientEndpoint {
	return WrapClientTLS(r, reactor.ClientTLSConfig(config, host), TCP4ClientEndpoint(r, host, port, opts))
}

// Dial implements StreamClientEndpoint. The connection is a *tls.Conn.
func (e *TLSClientEndpoint) Dial() deferred.Deferred[net.Conn] {
	return e.inner.Dial().AddCallback(func(nc net.Conn) (net.Conn, error) { return tls.Client(nc, e.config), nil })
}

// Connect implements StreamClientEndpoint.
func (e *TLSClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.inner.Dial, f, e.config)
}
