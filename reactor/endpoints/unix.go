package endpoints

import (
	"net"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// UNIXClientEndpoint connects to a UNIX socket.
type UNIXClientEndpoint struct {
	r    reactor.Network
	path string
	opts reactor.UNIXDialOptions
}

// NewUNIXClientEndpoint returns an endpoint for the socket at path.
func NewUNIXClientEndpoint(r reactor.Network, path string, opts reactor.UNIXDialOptions) *UNIXClientEndpoint {
	return &UNIXClientEndpoint{r, path, opts}
}

// Dial implements StreamClientEndpoint. Its errors are those of DialUNIX.
func (e *UNIXClientEndpoint) Dial() deferred.Deferred[net.Conn] { return e.r.DialUNIX(e.path, e.opts) }

// Connect implements StreamClientEndpoint.
func (e *UNIXClientEndpoint) Connect(f reactor.Factory) deferred.Deferred[reactor.Protocol] {
	return connect(e.r, e.Dial, f, nil)
}

// UNIXServerEndpoint listens on a UNIX socket.
type UNIXServerEndpoint struct {
	r    reactor.Network
	path string
	opts reactor.UNIXOptions
}

// NewUNIXServerEndpoint returns an endpoint for the socket at path.
func NewUNIXServerEndpoint(r reactor.Network, path string, opts reactor.UNIXOptions) *UNIXServerEndpoint {
	return &UNIXServerEndpoint{r, path, opts}
}

// Listen implements StreamServerEndpoint.
func (e *UNIXServerEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) { return e.r.ListenUNIX(e.path, f, e.opts) })
}
