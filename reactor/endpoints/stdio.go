package endpoints

import (
	"errors"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// StandardIOEndpoint connects one protocol to standard input and output.
type StandardIOEndpoint struct {
	r    reactor.Network
	opts reactor.StandardIOOptions
}

// NewStandardIOEndpoint returns an endpoint for the files in opts.
func NewStandardIOEndpoint(r reactor.Network, opts reactor.StandardIOOptions) *StandardIOEndpoint {
	return &StandardIOEndpoint{r, opts}
}

var errStandardIOOnce = errors.New("endpoints: standard input and output are connected once; call Listen of the endpoint")

// Listen implements StreamServerEndpoint. It makes one protocol with f and
// calls [reactor.Reactor.StandardIO]. The port is also a reactor.Transport: that
// of the protocol.
//
// StopListening calls LoseConnection, and its Deferred fires when the
// connection is lost. Cancelling the Deferred aborts the connection.
// StartListening returns an error. The Deferred of Listen fails with a
// *reactor.CannotListenError.
func (e *StandardIOEndpoint) Listen(f reactor.Factory) deferred.Deferred[reactor.ListeningPort] {
	return listening(func() (reactor.ListeningPort, error) {
		reactor.DoStart(f)
		p, err := reactor.BuildFrom(f, reactor.StandardIOAddress{})
		if err != nil {
			return nil, stopped(f, cannotListen(err))
		}
		t, err := e.r.StandardIO(p, e.opts)
		if err != nil { // together with a transport: ConnectionMade has panicked
			return nil, stopped(f, cannotListen(err))
		}
		port := &standardPort{Transport: t, f: f, open: p.Connected()}
		if !port.open { // the connection of a fake reactor ends at once
			return port, stopped(f, nil)
		}
		reactor.OnConnectionLost(p, port.lost)
		return port, nil
	})
}

func cannotListen(err error) error {
	return &reactor.CannotListenError{Interface: reactor.StandardIOAddress{}.String(), Err: err}
}

// standardPort is the port of a StandardIOEndpoint.
type standardPort struct {
	reactor.Transport
	f     reactor.Factory
	open  bool
	stops []deferred.Deferred[struct{}]
}

// StartListening implements reactor.ListeningPort.
func (p *standardPort) StartListening() error { return cannotListen(errStandardIOOnce) }

// StopListening implements reactor.ListeningPort.
func (p *standardPort) StopListening() deferred.Deferred[struct{}] {
	if !p.open {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New(func(deferred.Deferred[struct{}]) { p.AbortConnection() })
	p.stops = append(p.stops, d)
	p.LoseConnection()
	return d
}

// lost fires the Deferreds of StopListening.
func (p *standardPort) lost(error) {
	p.open = false
	err := stopped(p.f, nil)
	stops := p.stops
	p.stops = nil
	for _, d := range stops {
		if err != nil {
			_ = d.TryErrback(err) // fails if the Deferred was cancelled
		} else {
			_ = d.TryCallback(struct{}{})
		}
	}
}
